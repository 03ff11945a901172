"""Gates of rounds drawn from recorded ones, with what is planted in the recorded times."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from harness.analyse.compare import streams
from harness.analyse.entries import Entry
from harness.analyse.gate import Against, judge
from harness.analyse.rates import counted
from harness.analyse.rules import Rule
from harness.analyse.shifts import Shifts
from harness.analyse.stats import log_ratio
from harness.analyse.texts import p95_log_ratio, text_log_ratios, total_log_ratio
from harness.plan.suite import LOOKS
from harness.record import Record

CELL = "dynamic_truncation"
LIMITS = {"latency_ratio": 0.05, "total_time_ratio": 0.05, "text_time_ratio": 0.25, "p95_ratio": 0.10}
RULES = {name: Rule(name, cell=CELL, max_increase=f"{limit:.0%}") for name, limit in LIMITS.items()}
STARTER = ("latency_ratio", "total_time_ratio", "text_time_ratio")  # those of the rules that `gate init` writes
Times = NDArray[np.float64]  # (passes, texts), in nanoseconds
Plant = Callable[[Times, np.random.Generator], Times]
_SEED = 0


@dataclass(frozen=True)
class Round:
    """What a round recorded of the one process and of its partner."""

    own: Times
    partner: Times


def recorded(records: Iterable[Record], cell: str) -> list[Round]:
    """A cell's rounds as they are."""
    rounds = streams(records)[cell]
    return [Round(np.array(one.own_ns, dtype=float), np.array(one.partner_ns, dtype=float)) for one in rounds]


def identical(records: Sequence[Record]) -> list[Round]:
    """The rounds of all cells, as if each had run the same program as its partner.

    Each text's mean log ratio over its cell's rounds is taken out of its times, and what is left is widened by as much
    as taking it out has narrowed it.
    """
    found = []
    for cell, rounds in streams(records).items():
        if len(rounds) < 2:
            continue
        ratios = np.array([text_log_ratios(one.own_ns, one.partner_ns) for one in rounds])  # (rounds, texts)
        left = (ratios - ratios.mean(axis=0)) * math.sqrt(len(rounds) / (len(rounds) - 1))
        found += [
            replace(one, own=one.own * np.exp(wanted - had))
            for one, had, wanted in zip(recorded(records, cell), ratios, left, strict=True)
        ]
    return found


def slower(share: float) -> Plant:
    """Every request takes so much longer."""
    return lambda own, _: own * (1 + share)


def slowest_text(factor: float) -> Plant:
    """The slowest text takes so many times as long."""

    def plant(own: Times, _: np.random.Generator) -> Times:
        means = own.mean(axis=0)
        return own * np.where(means == means.max(), factor, 1.0)

    return plant


def some_requests(share: float, factor: float) -> Plant:
    """A share of the requests, by chance, takes so many times as long."""
    return lambda own, chance: own * np.where(chance.random(own.shape) < share, factor, 1.0)


def short_texts(share: float) -> Plant:
    """The faster half of the texts takes so much longer."""

    def plant(own: Times, _: np.random.Generator) -> Times:
        means = own.mean(axis=0)
        return own * np.where(means < np.median(means), 1 + share, 1.0)

    return plant


PLANTS: Mapping[str, Plant] = {
    "unchanged": slower(0.0),
    "every request 10 % slower": slower(0.10),
    "the slowest text x 2": slowest_text(2.0),
    "3 % of requests x 3": some_requests(0.03, 3.0),
    "short texts + 12 %": short_texts(0.12),
}


def entry(rounds: Sequence[Round]) -> Entry:
    """What a gate needs of the rounds."""
    sides = [(one.own.tolist(), one.partner.tolist()) for one in rounds]
    of_texts = [text_log_ratios(*both) for both in sides]
    p95s = [p95_log_ratio(*both) for both in sides]
    return Entry(
        CELL,
        exact=True,
        problem=None,
        time=[log_ratio(*both) for both in sides],
        total=[total_log_ratio(*both) for both in sides],
        texts={f"t{place}": list(ratios) for place, ratios in enumerate(zip(*of_texts, strict=True))},
        p95=[one for one in p95s if one is not None],
    )


def verdict(rules: Sequence[Rule], measured: Entry, rounds: int, assumed_sd: float) -> str:
    """What a gate of so many rounds at most says, which looks at them as `uiebench gate` does."""
    old = {CELL: Entry(CELL, exact=True, problem=None)}
    said = "inconclusive"
    for look in (look for look in LOOKS if look <= rounds):
        of_texts = {text: ratios[:look] for text, ratios in measured.texts.items()}
        first = {name: getattr(measured, name)[:look] for name in ("time", "total", "p95")}
        new = {CELL: structs.replace(measured, texts=of_texts, **first)}
        found = judge(
            rules, new, Against(old, "HEAD", paired=True), Shifts(new, old, paired=True, assumed_sd=assumed_sd)
        )
        verdicts = {one.verdict for one in found}
        said = next((one for one in ("fail", "inconclusive") if one in verdicts), "pass")
        if "inconclusive" not in verdicts:
            break
    return said


def counts(
    pool: Sequence[Round],
    plant: Plant,
    rules: Mapping[str, Sequence[Rule]],
    *,
    rounds: int,
    gates: int,
    assumed_sd: float,
) -> dict[str, Counter[str]]:
    """How many of so many gates fail, pass and stay open with each set of rules, all on the same drawn rounds."""
    chance = np.random.default_rng(_SEED)
    found: dict[str, Counter[str]] = {name: Counter() for name in rules}
    for _ in range(gates):
        drawn = [pool[place] for place in chance.integers(len(pool), size=rounds)]
        measured = entry([replace(one, own=plant(one.own, chance)) for one in drawn])
        for name, of_set in rules.items():
            found[name][verdict(of_set, measured, rounds, assumed_sd)] += 1
    return found


def table(pool: Sequence[Round], *, rounds: int, gates: int, assumed_sd: float) -> Iterator[str]:
    """Lines of Markdown: of each plant and rule, how many gates fail and how many pass."""
    alone = {rule.name: [rule] for rule in RULES.values()}
    every = alone | {"the three of `gate init`": [RULES[metric] for metric in STARTER]}
    cases = [(name, plant, every) for name, plant in PLANTS.items()]
    cases += [
        ("at the limit itself", slower(limit), {RULES[metric].name: [RULES[metric]]})
        for metric, limit in LIMITS.items()
    ]
    yield f"| gates of {rounds} rounds | rule | fail | pass |"
    yield "| --- | --- | --- | --- |"
    for name, plant, rules in cases:
        for said, of_set in counts(pool, plant, rules, rounds=rounds, gates=gates, assumed_sd=assumed_sd).items():
            yield f"| {name} | {said} | {counted(of_set['fail'], gates)} | {counted(of_set['pass'], gates)} |"

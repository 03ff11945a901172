"""Whether the rules of a gate can be judged at all, told from its suite before anything is measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from msgspec.structs import replace

from harness.analyse.entries import Entry
from harness.analyse.figures import FEWEST
from harness.analyse.gate import Finding, matching
from harness.analyse.percentiles import P95, lacking
from harness.analyse.quantities import FEWEST_STARTS
from harness.analyse.rules import METRICS, Rule, Rules
from harness.analyse.texts import FEWEST_TEXTS
from harness.errors import InputError
from harness.run.ablation import Ablation


@dataclass(frozen=True)
class Suited:
    """The rules that can be judged, and a finding for each that cannot."""

    rules: Rules
    skipped: Sequence[Finding]


@dataclass(frozen=True)
class _Suite:
    """What the rules draw on."""

    name: str
    device: str
    starts: int
    texts: int
    passes: int
    rounds: int  # of the gate, at most
    has_gold: bool


def suited(
    rules: Rules,
    ablation: Ablation,
    known: Iterable[str],
    *,
    old: Mapping[str, Entry] | None = None,
    allow_skipped: bool = False,
) -> Suited:
    """Sort the rules by whether they can be judged.

    Args:
        rules: as read.
        ablation: what would be measured for them.
        known: the combinations of the other side.
        old: what a committed baseline holds of each; None where the other side is measured too.
        allow_skipped: whether rules that cannot be judged are skipped, and not refused.

    Raises:
        InputError: a rule is about no combination, or cannot be judged and must not be skipped.
    """
    suite, names = _of(ablation, rules), [*known, *(planned.combination for planned in ablation.plan)]
    complaints, skipped, kept = [], [], []
    for rule in rules.rule:
        lacks = _lacks(rule, suite, ablation, matching(rule, names), old)
        said = {why for why in lacks.values() if why is not None}
        complaints += [f"rule {rule.name!r}: {_of_cells(why, lacks)}" for why in sorted(said)]
        if said and None not in lacks.values():
            warns = rule.severity == "warn"
            skipped.append(Finding(rule.name, rule.cell, "skipped", "; ".join(sorted(said)), warns=warns))
        else:
            kept.append(rule)
    if complaints and not allow_skipped:
        hint = "take these rules out, or leave them unjudged with --allow-skipped"
        raise InputError("\n".join([f"the suite {suite.name!r} cannot decide these rules; {hint}:", *complaints]))
    return Suited(replace(rules, rule=kept), skipped)


def _of(ablation: Ablation, rules: Rules) -> _Suite:
    return _Suite(
        name=ablation.path.stem,
        device=ablation.options.device,
        starts=ablation.suite.measure.starts,
        texts=len(ablation.examples),
        passes=ablation.suite.measure.passes,
        rounds=rules.rounds,
        has_gold=any(example.gold is not None for example in ablation.examples + ablation.compared),
    )


def _lacks(
    rule: Rule, suite: _Suite, ablation: Ablation, names: Sequence[str], old: Mapping[str, Entry] | None
) -> dict[str, str | None]:
    """What is missing for each combination that the rule is about; those that are gone are left to the judging."""
    planned = [one for one in ablation.plan if one.combination in names]
    if planned and all(one.reason for one in planned):
        return {one.combination: f"it cannot run here: {one.reason}" for one in planned}
    found = {}
    for one in planned:
        if not one.reason:
            lack = _lack(rule, suite, {cell.scenario for cell in one.cells})
            found[one.combination] = lack or (_lack_of_old(rule, old.get(one.combination)) if old else None)
    return found


def _of_cells(why: str, lacks: Mapping[str, str | None]) -> str:
    """The reason, with the combinations where it is not true of all."""
    of = [name for name, lack in lacks.items() if lack == why]
    return why if len(of) == len(lacks) else f"of {', '.join(of)}: {why}"


def _lack(rule: Rule, suite: _Suite, scenarios: AbstractSet[str]) -> str | None:
    needed = METRICS[rule.metric].scenarios
    if scenarios.isdisjoint(needed):
        return (
            f"the suite {suite.name!r} does not measure {' or '.join(needed)}; add {needed[0]!r} to the scenarios of "
            "its [measure] (and to `only`, where it names that)"
        )
    return next((why for find in _MORE.get(rule.metric, ()) if (why := find(rule, suite))), None)


def _no_gold(_: Rule, suite: _Suite) -> str | None:
    if suite.has_gold:
        return None
    return "no text of the suite has gold chains, so it has no F1; name texts with labels, or let parity judge answers"


def _no_device(_: Rule, suite: _Suite) -> str | None:
    if suite.device != "cpu":
        return None
    return 'on a CPU nothing is on a device; take peak_rss_bytes, or set device = "cuda" in the rules'


def _few_starts(_: Rule, suite: _Suite) -> str | None:
    if suite.starts >= FEWEST_STARTS:
        return None
    return (
        f"the suite {suite.name!r} makes {suite.starts} cold starts, and a rule about them needs {FEWEST_STARTS}; set "
        f"starts = {FEWEST_STARTS} in its [measure]"
    )


def _no_interval(_: Rule, suite: _Suite) -> str | None:
    if (lacks := lacking(P95, suite.rounds, suite.texts)) is None:
        return None
    return f"the interval of a P95 takes {lacks}; take more"


def _few_texts(_: Rule, suite: _Suite) -> str | None:
    if suite.texts >= FEWEST_TEXTS:
        return None
    return (
        f"a P95 over texts needs {FEWEST_TEXTS} of them, and the suite {suite.name!r} has {suite.texts}; take more, or "
        "hold each text to a limit with text_time_ratio"
    )


def _few_rounds(_: Rule, suite: _Suite) -> str | None:
    if suite.rounds >= FEWEST:
        return None
    return f"its spread needs {FEWEST} rounds, and the rules allow {suite.rounds}; set rounds = {FEWEST}"


# What a metric needs beside its scenario.
_MORE: Mapping[str, Sequence[Callable[[Rule, _Suite], str | None]]] = {
    "f1_drop": (_no_gold,),
    "peak_vram_bytes": (_no_device,),
    "cold_start": (_few_starts,),
    "p95": (_no_interval,),
    "p95_ratio": (_few_texts, _few_rounds),
    "text_time_ratio": (_few_rounds,),
    "qps": (_few_rounds,),
}


def _lack_of_old(rule: Rule, old: Entry | None) -> str | None:
    """What a baseline's line lacks of what a rule compares with; a new or a broken combination has nothing anyway."""
    if old is None or old.problem or not (rule.relative or rule.metric == "f1_drop"):
        return None
    for name, values, fewest in _compared(rule.metric, old):
        if len(values) < fewest:
            has = f"has {len(values)} of the {fewest}" if values else "holds no"
            return f"the baseline {has} {name} that it compares with; write it anew with `uiebench baseline update`"
    return None


def _compared(metric: str, old: Entry) -> Iterator[tuple[str, Sequence[float], int]]:
    """The figures that a metric compares with: what they are, those at hand, and how many are needed."""
    several: Mapping[str, Sequence[tuple[str, Sequence[float], int]]] = {
        "latency_ratio": [("times", old.time, 1)],
        "total_time_ratio": [("total times", old.total, 1)],
        "text_time_ratio": [("rounds of each text", min(old.texts.values(), key=len, default=[]), FEWEST)],
        "p95_ratio": [("rounds with a P95 over texts", old.p95, FEWEST)],
        "qps": [("rounds under load", old.qps, FEWEST)],
        "cold_start": [("cold starts", old.starts_ns, FEWEST), ("cold starts of stock", old.stock_starts_ns, FEWEST)],
    }
    single = {
        "f1_drop": ("F1", old.f1),
        "peak_rss_bytes": ("host memory", old.rss_bytes),
        "peak_vram_bytes": ("memory on a device", old.vram_bytes),
    }
    yield from several.get(metric, ())
    if metric in single:
        name, value = single[metric]
        yield name, [] if value is None else [value], 1

"""Rules that a slow tail cannot pass: total time, each text by itself, and a P95 over texts."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
import pytest
from drawn_gates import (
    CELL,
    PLANTS,
    RULES,
    STARTER,
    Plant,
    Round,
    counts,
    entry,
    identical,
    slower,
    slowest_text,
)
from msgspec.structs import replace

from harness.analyse.entries import Entry
from harness.analyse.gate import Against, Finding, judge
from harness.analyse.rules import Rule
from harness.analyse.shifts import Shifts
from harness.analyse.texts import FEWEST_TEXTS, p95_log_ratio, text_log_ratios, text_spreads, total_log_ratio
from harness.record import Cell, Measured, Parity, SingleStream

TEXTS, PASSES = 24, 4
UNCHANGED = PLANTS["unchanged"]
SD, OF_TEXT, OF_REQUEST = 0.02, 0.02, 0.03  # of logarithms: between rounds, texts within one, requests of a text


def made_up(rounds: int, plant: Plant = UNCHANGED, *, seed: int = 0, texts: int = TEXTS) -> list[Round]:
    """Rounds of identical processes over texts of 10 to 100 ms, with what is planted in the one side."""
    chance = np.random.default_rng(seed)
    truth = np.geomspace(10e6, 100e6, texts)

    def side(mean: float) -> np.ndarray:
        of_texts = chance.normal(mean, OF_TEXT, texts)
        return truth * np.exp(of_texts + chance.normal(0, OF_REQUEST, (PASSES, texts)))

    return [Round(plant(side(chance.normal(0, SD)), chance), side(0)) for _ in range(rounds)]


def judged(rule: Rule, new: Entry, old: Entry | None = None) -> Finding:
    paired = old is None
    theirs = {CELL: old or Entry(CELL, exact=True, problem=None)}
    ours = {CELL: new}
    shifts = Shifts(ours, theirs, paired=paired, assumed_sd=0.033)
    (found,) = judge([rule], ours, Against(theirs, "HEAD", paired=paired), shifts)
    return found


def verdicts(rounds: Sequence[Round], old: Entry | None = None) -> dict[str, str]:
    return {name: judged(rule, entry(rounds), old).verdict for name, rule in RULES.items()}


ALL_PASS = dict.fromkeys(RULES, "pass")
# Another run lies a further 1 to 2 % off, so that 5 % stays open against a file.
OPEN_AGAINST_A_FILE = {"latency_ratio": "inconclusive", "total_time_ratio": "inconclusive"}


def test_what_is_the_same_passes() -> None:
    assert verdicts(made_up(8)) == ALL_PASS
    assert verdicts(made_up(16), entry(made_up(16, seed=1))) == {**ALL_PASS, **OPEN_AGAINST_A_FILE}


@pytest.mark.parametrize("paired", [True, False])
def test_a_slowest_text_twice_as_slow_fails_all_but_the_mean_of_logs(paired: bool) -> None:
    found = verdicts(made_up(16, slowest_text(2)), None if paired else entry(made_up(16, seed=1)))
    assert found == {**dict.fromkeys(RULES, "fail"), **({"latency_ratio": "pass"} if paired else OPEN_AGAINST_A_FILE)}


def test_a_text_that_is_slower_is_named_with_by_how_much() -> None:
    found = judged(RULES["text_time_ratio"], entry(made_up(8, slowest_text(2))))
    said = re.fullmatch(r"1 of 24 texts slower: t23 (\S+) \[(\S+), (\S+)\] of HEAD, after 8 rounds", found.says)
    assert said
    assert float(said[2]) < 2 < float(said[3])
    passed = judged(RULES["text_time_ratio"], entry(made_up(8)))
    assert passed.says.startswith("the slowest of 24 texts, t")


def test_an_open_screen_says_how_many_rounds_it_would_take() -> None:
    rule = RULES["text_time_ratio"]

    def rounds(number: int, ratio: float) -> Entry:
        around = [math.log(ratio) + one for one in [0.06, -0.06] * (number // 2)]
        return Entry(CELL, exact=True, problem=None, time=[0.0] * number, texts={"t": around, "u": [0.0] * number})

    found = judged(rule, rounds(4, 1.2))
    assert (found.verdict, found.timed) == ("inconclusive", True)
    assert found.says.startswith("1 of 2 texts not shown to keep the limit: t 1.200 [")
    needed = int(found.says.rpartition("to decide, about ")[2].removesuffix(" rounds are needed"))
    told = next(number for number in range(4, 200, 2) if judged(rule, rounds(number, 1.2)).verdict == "pass")
    assert needed / 2 < told < needed * 2
    assert judged(rule, rounds(4, 1.25)).says.endswith("to decide, more than 100 rounds are needed")


def test_the_screen_takes_four_rounds() -> None:
    found = judged(RULES["text_time_ratio"], entry(made_up(3, slowest_text(2))))
    assert (found.verdict, found.says) == ("inconclusive", "4 rounds are needed to know how much a text varies")


def test_texts_that_one_side_alone_has_are_counted() -> None:
    old = entry(made_up(8, seed=1))
    fewer = replace(old, texts={text: rounds for text, rounds in old.texts.items() if text not in ("t0", "t1")})
    found = judged(RULES["text_time_ratio"], entry(made_up(8)), fewer)
    assert found.says.startswith("the slowest of 22 texts")
    assert found.says.endswith("; not compared, because only one side has them: 2 texts")
    assert judged(RULES["text_time_ratio"], entry(made_up(8)), replace(old, texts={})).verdict == "skipped"


def test_without_single_stream_each_rule_is_skipped_with_the_reason() -> None:
    for rule in RULES.values():
        found = judged(rule, Entry(CELL, exact=True, problem=None))
        assert (found.verdict, found.says) == ("skipped", "the suite does not measure single_stream")


def test_at_the_limit_itself_the_screen_alarms_no_more_than_its_budget() -> None:
    # Every text is 25 % slower.
    alarms = sum(
        judged(RULES["text_time_ratio"], entry(made_up(4, slower(0.25), seed=seed))).verdict == "fail"
        for seed in range(40)
    )
    assert alarms <= 2


def test_each_plant_in_drawn_gates_and_none_where_nothing_is_planted() -> None:
    pool = made_up(40)
    sets = {"mean": [RULES["latency_ratio"]], "all": [RULES[name] for name in STARTER]}
    found = {name: counts(pool, plant, sets, rounds=8, gates=10, assumed_sd=0.033) for name, plant in PLANTS.items()}
    assert found["unchanged"]["all"]["pass"] == 10
    assert found["every request 10 % slower"]["all"]["fail"] >= 9
    assert found["the slowest text x 2"]["mean"]["fail"] == 0
    assert found["the slowest text x 2"]["all"]["fail"] == 10
    assert found["3 % of requests x 3"]["all"]["pass"] < 10
    assert found["short texts + 12 %"]["all"]["pass"] == 0


def test_rounds_that_are_made_those_of_identical_processes_keep_their_spread() -> None:
    noise = [0.02, -0.01, 0.04]
    partner = [[10_000_000, 20_000_000]]
    records = [
        Measured(
            Cell(name, "single_stream", "t", "cpu"),
            number,
            SingleStream([[round(ns * factor * math.exp(one)) for ns in partner[0]]], partner, [1], Parity(2), None),
        )
        for name, factor in (("slow", 3.0), ("fast", 0.5))
        for number, one in enumerate(noise)
    ]
    found = np.array(entry(identical(records)).time)
    assert found.mean() == pytest.approx(0, abs=1e-6)
    assert found[:3].var() == pytest.approx(np.var(noise, ddof=1), rel=1e-4)


def test_total_time_weighs_a_text_by_what_it_takes() -> None:
    own, partner = [[10, 200]] * 2, [[10, 100]] * 2
    assert total_log_ratio(own, partner) == pytest.approx(math.log(210 / 110))
    assert text_log_ratios(own, partner) == pytest.approx([0, math.log(2)])


def test_a_p95_moves_with_the_slowest_text_and_not_in_steps() -> None:
    partner = [[100 + text for text in range(TEXTS)]] * 2
    moved = [
        p95_log_ratio([[*one[:-1], round(one[-1] * factor)] for one in partner], partner) for factor in (1, 1.5, 2, 4)
    ]
    share = 0.95 * (TEXTS + 1 / 3) + 1 / 3 - (TEXTS - 1)  # of the way from the last but one to the slowest
    for found, factor in zip(moved, (1, 1.5, 2, 4), strict=True):
        assert found == pytest.approx(share * math.log(factor), abs=0.01)


def test_a_p95_takes_texts_enough_to_lie_between_two() -> None:
    partner = [[100] * FEWEST_TEXTS]
    slowest = [[*partner[0][:-1], 200]]
    assert p95_log_ratio([slowest[0][1:]], [partner[0][1:]]) is None
    found = p95_log_ratio(slowest, partner)
    assert found is not None
    assert 0.9 * math.log(2) < found < math.log(2)


def test_a_texts_spread_is_shrunk_towards_all_of_them_and_no_smaller_than_the_assumed() -> None:
    calm, wild = [0.01, -0.01, 0.01, -0.01], [0.3, -0.3, 0.3, -0.3]
    found = text_spreads({"a": calm, "b": calm, "c": wild}, 0.033)
    assert 0.0115 < found["a"].sd < found["c"].sd < 0.3465
    assert {one.degrees for one in found.values()} == {11}
    still = text_spreads({"a": [0.0] * 4, "b": [0.0] * 4}, 0.033)
    assert still["a"].sd == pytest.approx(0.033 * math.sqrt(8 / 11))

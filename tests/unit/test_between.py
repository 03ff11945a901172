"""What ratios of two runs of the same differ by."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest
from made_up import HEADER, RECORDS
from msgspec.structs import replace

from harness.analyse.between import PUBLISHED, Ratios, between
from harness.run.store import Store, kept_runs

ROUNDS = 400  # so many that rounds explain nearly nothing


def run(rng: random.Random, sd: float, rounds: int = ROUNDS) -> Ratios:
    shift = rng.gauss(0, sd)
    return {name: [rng.gauss(shift, 0.02) for _ in range(rounds)] for name in "abc"}


def test_without_kept_runs_it_is_that_of_the_published_ones() -> None:
    rng = random.Random(0)
    assert between([]) == between([[]]) == between([[run(rng, 0.1)]]) == PUBLISHED


def test_two_runs_are_one_degree_of_freedom() -> None:
    runs: list[Ratios] = [{"a": [0.0] * ROUNDS, "b": [0.1] * ROUNDS}, {"a": [0.2] * ROUNDS, "b": [0.3] * ROUNDS}]
    found = between([runs])
    assert found.degrees == PUBLISHED.degrees + 1
    # By hand: both combinations lie 0.2 apart around 0.1 and 0.2, a variance of 0.02 each.
    growths = [math.exp(2 * PUBLISHED.growth * middle) for middle in (0.1, 0.2)]
    squares = sum(0.02 / growth for growth in growths) / 2
    expected = (PUBLISHED.degrees * PUBLISHED.sd**2 + squares) / (PUBLISHED.degrees + 1)
    assert found.sd == pytest.approx(math.sqrt(expected), rel=1e-3)


@pytest.mark.parametrize("sd", [0.01, 0.05])
def test_many_kept_runs_show_their_own(sd: float) -> None:
    rng = random.Random(1)
    assert between([[run(rng, sd) for _ in range(200)]]).sd == pytest.approx(sd, rel=0.25)


def test_what_rounds_explain_is_not_laid_on_the_runs() -> None:
    rng = random.Random(2)
    kept = [[run(rng, 0.0, rounds=4) for _ in range(5)] for _ in range(80)]
    assert between(kept).sd < 0.006  # means of 4 rounds alone differ by 0.01


def test_kept_runs_are_those_of_the_same_key(tmp_path: Path) -> None:
    for name, key in (("a", HEADER.key), ("b", "another"), ("c", HEADER.key)):
        (tmp_path / name).mkdir()
        for line in (replace(HEADER, key=key), *RECORDS):
            Store(tmp_path / name).append(line)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "records.jsonl").write_text("no run\n")
    assert kept_runs(tmp_path, HEADER.key) == [RECORDS, RECORDS]
    assert kept_runs(tmp_path / "nowhere", HEADER.key) == []

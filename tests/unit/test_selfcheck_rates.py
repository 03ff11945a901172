"""The self-check's arithmetic: rates are those of the very verdicts that a run gives."""

from __future__ import annotations

import math
import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analyse.stats import Spread, estimate
from harness.record import STOCK, Cell, Failed, Measured, Memory, Parity, Record, SingleStream
from harness.record import Difference as Differing
from harness.selfcheck.check import GROWS, MISANSWERS, SLOWER
from harness.selfcheck.findings import SelfcheckError, findings
from harness.selfcheck.rates import called_different, called_slower, deviation, grown, resolved
from harness.selfcheck.words import lines


def drawn(count: int, sd: float, mean: float = 0.0, seed: int = 0) -> list[float]:
    rng = random.Random(seed)
    return [rng.gauss(mean, sd) for _ in range(count)]


@settings(max_examples=30)  # each draws some hundred thousand rounds
@given(st.floats(-0.2, 0.2), st.floats(0.001, 0.05), st.sampled_from([4, 8]))
def test_a_rate_counts_the_verdicts_that_a_run_gives(mean: float, sd: float, of: int) -> None:
    verdict = estimate([mean] * of, Spread(sd)).verdict
    assert called_slower([mean] * of, of, sd).value == (verdict == "slower")
    assert called_different([mean] * of, of, sd).value == (verdict in ("slower", "faster"))


def test_identical_processes_raise_few_alarms_and_a_big_slowdown_is_always_found() -> None:
    rounds = drawn(60, 0.024)
    assert called_different(rounds, 4, 0.024).high <= 0.01
    slowed = [ratio + math.log(1.2) for ratio in rounds]
    assert called_slower(slowed, 8, 0.024).value == 1.0


def test_more_rounds_resolve_less() -> None:
    rounds = drawn(60, 0.03)
    four, eight = resolved(rounds, 4, 0.03), resolved(rounds, 8, 0.03)
    assert four is not None
    assert eight is not None
    assert 0.03 < eight < four < 0.15
    assert resolved(drawn(60, 1.0), 4, 1.0) is None


def test_the_interval_of_a_deviation_holds_the_planted_one_in_19_of_20() -> None:
    held = sum(found.low <= 0.03 <= found.high for found in (deviation(drawn(40, 0.03, seed=i)) for i in range(200)))
    assert 182 <= held <= 197


def test_memory_has_grown_where_it_exceeds_what_clean_rounds_differ_by() -> None:
    clean = [100, 104, 108, 112, 116]  # mean 108, sd 6.3: 3.75 of these times 1.1 are 26
    assert grown(135, clean)
    assert not grown(133, clean)
    assert not grown(50, clean)


def stream(ratio: float, *, broken: int = 0, peak: int = 300) -> SingleStream:
    differing = [Differing(f"t{i}", tie=False, expected=[], got=[]) for i in range(broken)]
    return SingleStream(
        own_ns=[[round(1e9 * math.exp(ratio))]],
        partner_ns=[[1_000_000_000]],
        own_cpu_ns=[1],
        parity=Parity(100, differing),
        memory=Memory(1, rss_serving_peak_bytes=peak),
    )


def records(sd: float = 0.02) -> list[Record]:
    of = {
        STOCK: [stream(ratio) for ratio in drawn(60, sd)],
        SLOWER: [stream(ratio) for ratio in drawn(20, sd, math.log(1.1), seed=1)],
        GROWS: [stream(0.0, peak=364) for _ in range(5)],
        MISANSWERS: [stream(0.0, broken=1) for _ in range(5)],
    }
    return [
        Measured(Cell(name, "single_stream", "t", "cpu"), i, one)
        for name, all_ in of.items()
        for i, one in enumerate(all_)
    ]


def with_samples(found: list[Record], name: str, samples: SingleStream) -> list[Record]:
    """The first round of a combination, gone otherwise."""
    place = next(i for i, record in enumerate(found) if record.cell.combination == name)
    first = found[place]
    assert isinstance(first, Measured)
    return [*found[:place], msgspec.structs.replace(first, samples=samples), *found[place + 1 :]]


def test_a_sound_machine_passes_and_says_what_it_resolves() -> None:
    found = findings(records())
    assert found.passed
    said = "\n".join(lines(found))
    assert "| 64 MiB of growth found | 5 of 5 | 5 | yes |" in said
    assert "With 8 rounds this machine finds a slowdown of" in said


@pytest.mark.parametrize(
    ("name", "samples", "what"),
    [
        (MISANSWERS, stream(0.0), "1 wrong answer of 100 found"),
        (GROWS, stream(0.0), "64 MiB of growth found"),
        (STOCK, stream(0.0, broken=1), "an answer called wrong that is not"),
    ],
)
def test_what_is_missed_once_fails(name: str, samples: SingleStream, what: str) -> None:
    found = findings(with_samples(records(), name, samples))
    assert not found.passed
    assert [one.what for one in found.counts if not one.kept] == [what]


def test_on_cuda_an_answer_that_stocks_half_precision_changes_is_no_fault_of_the_harness() -> None:
    found = with_samples(records(), STOCK, stream(0.0, broken=1))
    on_cuda = [msgspec.structs.replace(one, cell=msgspec.structs.replace(one.cell, device="cuda")) for one in found]
    assert findings(on_cuda).passed


def test_a_machine_that_is_too_noisy_for_ten_per_cent_fails() -> None:
    found = findings(records(sd=0.12))
    assert [one.what for one in found.targets if not one.kept] == ["+10 % planted, 8 rounds"]


def test_a_round_that_failed_fails_the_check() -> None:
    broken: list[Record] = [*records(), Failed(Cell(SLOWER, "single_stream", "t", "cpu"), 3, "crash", "it died")]
    assert findings(broken).failures == (f"{SLOWER}: it died",)
    assert not findings(broken).passed


def test_a_quiet_machines_runs_are_judged_with_what_a_run_assumes() -> None:
    quiet = findings(records(sd=0.001))
    assert quiet.deviation.value < 0.0015
    assert quiet.resolved == {4: 0.06, 8: 0.05}  # not 3 %: a run of few rounds does not know how quiet it is


@pytest.mark.parametrize("name", [STOCK, SLOWER])
def test_where_all_rounds_failed_there_is_nothing_to_judge(name: str) -> None:
    of = [record for record in records() if record.cell.combination == name]
    failed = [Failed(one.cell, one.round, "crash", "it died") for one in of]
    others = [record for record in records() if record.cell.combination != name]
    with pytest.raises(
        SelfcheckError, match=rf"{len(of)} of {len(of)} rounds of .* failed \(crash\): it died"
    ) as found:
        findings([*others, *failed])
    assert found.value.failed

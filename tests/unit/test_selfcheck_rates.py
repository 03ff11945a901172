"""The self-check's arithmetic: what identical processes have to keep, and what a plant does to it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial

import msgspec
import numpy as np
import pytest
from made_up import HEADER

from harness.analyse.compare import MACHINE_SD, compare
from harness.record import (
    STOCK,
    Cell,
    ClosedLoop,
    Failed,
    Header,
    Load,
    Measured,
    Memory,
    Parity,
    Record,
    Scenario,
    SingleStream,
)
from harness.record import Difference as Differing
from harness.selfcheck import scaling
from harness.selfcheck.check import (
    ALONE,
    GROWS,
    GROWS_ON_DEVICE,
    LEAKS,
    MISANSWERS,
    SLOW_TEXT,
    SLOWER,
    TIRES,
    rounds_of_each,
)
from harness.selfcheck.findings import SelfcheckError, findings
from harness.selfcheck.judge import judge, streams
from harness.selfcheck.planted import Plant
from harness.selfcheck.rates import grown, printed, rejected, runs
from harness.selfcheck.signs import around, bias, drift, leak, of_classes, slow_requests, texts
from harness.selfcheck.words import lines

TEXTS, PASSES = 24, 4
MIB = 2**20
quickly = partial(findings, checks=1, drawn=8)  # what these tests look at does not depend on more
AS_RUN: Header = msgspec.structs.replace(HEADER, exact={STOCK: True}, texts=[f"t{i}" for i in range(TEXTS)])


def identical(count: int, seed: int = 0, sd: float = 0.012) -> list[SingleStream]:
    """Rounds of identical processes: a process, a text in it, and a request each vary by themselves."""
    chance = np.random.default_rng(seed)
    usual = np.geomspace(5e6, 3e7, TEXTS)

    def times() -> list[list[int]]:
        process, text = chance.normal(0, sd / 2**0.5), chance.normal(0, 0.02, TEXTS)
        logs = process + text + chance.normal(0, 0.03, (PASSES, TEXTS))
        return np.rint(usual * np.exp(logs)).astype(int).tolist()  # type: ignore[no-any-return]

    return [
        SingleStream(
            own_ns=times(),
            partner_ns=times(),
            own_cpu_ns=[1] * PASSES,
            parity=Parity(100),
            memory=Memory(
                1, rss_serving_peak_bytes=300 * MIB + int(chance.integers(MIB)), cuda_serving_allocated_peak_bytes=MIB
            ),
            own_heap_bytes=[300 * MIB + int(chance.integers(65536)) for _ in range(PASSES)],
        )
        for _ in range(count)
    ]


def measured(name: str, rounds: Sequence[SingleStream | ClosedLoop], device: str = "cpu") -> list[Measured]:
    scenario: Scenario = "closed_loop" if name == ALONE else "single_stream"
    return [Measured(Cell(name, scenario, "t", device), i, one) for i, one in enumerate(rounds)]


def planted(planting: scaling.Planting, count: int = 60, seed: int = 0) -> list[Measured]:
    return measured(STOCK, planting(identical(count, seed), np.random.default_rng(seed)))


def missed(rounds: Sequence[Measured]) -> list[str]:
    return [one.what for one in judge(AS_RUN, rounds) if not one.kept]


def test_identical_processes_miss_a_target_in_no_more_than_one_check_of_20() -> None:
    red = sum(bool(missed(measured(STOCK, identical(24, seed)))) for seed in range(20))
    assert red <= 3  # of 20 at 5 %, more come once in 60 times


@pytest.mark.parametrize(
    ("planting", "what"),
    [
        (scaling.slower(0.04), "mean ratio minus 1"),
        (scaling.slower(-0.04), "mean ratio minus 1"),
        (scaling.slower(0.04), "intervals of runs of 4 rounds that contain 1"),
        (scaling.slower(0.04), "intervals of runs of 8 rounds that contain 1"),
        (scaling.scattered(0.25), "spread between rounds (sd)"),
        (scaling.some_processes(0.25, 0.15), "spread between rounds (sd)"),
        (scaling.short_texts(0.12), "… of short texts"),
        (scaling.growing(0.08), "growth of the ratio over a round"),
        (scaling.some_requests(0.03, 3), "requests over 2 times the median of their text, minus the partner's"),
        (scaling.leaking(10 * 1024), "memory kept for each request"),
    ],
)
def test_a_plant_in_the_rounds_that_are_judged_turns_its_target_red(planting: scaling.Planting, what: str) -> None:
    assert what in missed(planted(planting))


def test_noise_that_only_short_texts_have_is_seen_in_their_spread() -> None:
    def noisy(rounds: Sequence[SingleStream], chance: np.random.Generator) -> list[SingleStream]:
        short = [scaling.short_texts(chance.normal(0, 0.1))([one], chance) for one in rounds]
        return [one for (one,) in short]

    found = {one.what + one.wanted: one.kept for one in judge(AS_RUN, planted(noisy))}
    assert not found["… of short textsat most 6.1%"]
    assert found["… of long textsat most 6.1%"]


def test_a_bias_within_the_tolerance_is_kept_and_the_interval_covers_what_was_planted() -> None:
    held = 0
    for seed in range(60):
        found = bias(scaling.slower(0.01)(identical(20, seed), np.random.default_rng()))
        held += found.low <= np.log(1.01) <= found.high
    assert 52 <= held <= 60  # of 60 at 95 %


def test_a_runs_interval_is_the_one_that_its_report_prints() -> None:
    rounds = measured(STOCK, identical(8))
    (row,), _ = compare(AS_RUN, rounds)
    assert row.latency is not None
    assert printed(AS_RUN, rounds) == row.latency.to_stock


def test_a_run_is_judged_by_its_own_rounds_alone() -> None:
    """However wildly the others vary, the interval of the same four is the same."""
    quiet, wild = measured(STOCK, identical(4)), measured(STOCK, identical(8, sd=0.5))
    first, *_ = runs(AS_RUN, [*quiet, *wild], 4, drawn=1).apart
    assert first == printed(AS_RUN, quiet)


def test_a_spread_that_was_known_before_the_first_round_widens_the_intervals_as_it_does_a_runs() -> None:
    rounds = measured(STOCK, identical(4))
    known = msgspec.structs.replace(AS_RUN, environment={MACHINE_SD: 0.1})
    assert printed(known, rounds).high > printed(AS_RUN, rounds).high


def test_more_rounds_resolve_less_and_what_they_resolve_is_called_slower() -> None:
    rounds = measured(STOCK, identical(40))
    four, eight = (runs(AS_RUN, rounds, of, drawn=100) for of in (4, 8))
    assert 0.03 < eight.resolves < four.resolves < 0.15
    for found in (four, eight):
        slowed = scaling.slower(found.resolves + 0.001)(streams(rounds), np.random.default_rng())
        again = runs(AS_RUN, measured(STOCK, slowed), found.of, drawn=100)
        assert sum(one.verdict == "slower" for one in again.drawn) >= 0.95 * len(again.drawn)


def test_signs_measure_what_was_planted() -> None:
    rounds, chance = identical(40), np.random.default_rng(1)
    assert drift(scaling.growing(0.08)(rounds, chance)).value == pytest.approx(np.log(1.08), abs=0.01)
    assert texts(scaling.slowest_text(2)(rounds, chance)).value == pytest.approx(np.log(2), abs=0.03)
    assert slow_requests(scaling.some_requests(0.03, 3)(rounds, chance)).value == pytest.approx(0.03, abs=0.01)
    assert leak(scaling.leaking(10 * 1024)(rounds, chance)).value == pytest.approx(10 * 1024, abs=200)
    short, _ = of_classes(scaling.short_texts(0.12)(rounds, chance))["short"]
    assert short.value == pytest.approx(np.log(1.12), abs=0.01)


def test_rounds_whose_passes_answer_the_texts_more_often_are_judged_like_the_others() -> None:
    """On a GPU each round has passes of its own length: here every second one has two rows of times in each."""

    def longer(one: SingleStream, other: SingleStream) -> SingleStream:
        rows = {name: [*getattr(one, name), *getattr(other, name)] for name in ("own_ns", "partner_ns")}
        return msgspec.structs.replace(one, repeats=2, **rows)

    made = identical(40)
    rounds = [one if place % 2 else longer(one, made[place - 1]) for place, one in enumerate(made)]
    chance = np.random.default_rng(1)
    assert [len(one.own_ns) // one.repeats for one in rounds] == [PASSES] * len(rounds)
    assert bias(scaling.slower(0.04)(rounds, chance)).value == pytest.approx(np.log(1.04), abs=0.005)
    assert drift(scaling.growing(0.08)(rounds, chance)).value == pytest.approx(np.log(1.08), abs=0.01)
    assert texts(scaling.slowest_text(2)(rounds, chance)).value == pytest.approx(np.log(2), abs=0.03)
    assert slow_requests(scaling.some_requests(0.03, 3)(rounds, chance)).value == pytest.approx(0.03, abs=0.01)
    assert leak(scaling.leaking(10 * 1024)(rounds, chance)).value == pytest.approx(10 * 1024, abs=200)
    assert all(one.kept for one in judge(AS_RUN, measured(STOCK, rounds)))


def test_a_moment_that_slows_both_processes_is_no_sign_of_slow_requests() -> None:
    rounds = identical(8)
    for one in rounds:
        for place in range(6):
            one.own_ns[1][place] *= 4
            one.partner_ns[1][place] *= 4
    assert not slow_requests(rounds).seen


def test_one_round_says_nothing_of_its_own_certainty() -> None:
    assert around([0.5], 0.01).p == 1.0
    assert around([0.5, 0.5], 0.01).p == 0.0
    assert around([0.0, 0.0], 0.01).p == 1.0


def test_targets_are_judged_together() -> None:
    assert rejected([0.04]) == [True]
    assert rejected([0.04, 0.9]) == [False, False]
    assert rejected([0.9, 0.001, 0.02]) == [False, True, True]  # 0.05 / 3, then 0.05 / 2
    assert rejected([0.9, 0.001, 0.03]) == [False, True, False]


def test_memory_has_grown_where_it_exceeds_what_clean_rounds_differ_by() -> None:
    clean = [100, 104, 108, 112, 116]  # mean 108, sd 6.3: 3.75 of these times 1.1 are 26
    assert grown(135, clean)
    assert not grown(133, clean)
    assert not grown(50, clean)


def loop(own: int) -> ClosedLoop:
    together = [Load(10**9, batch_sizes=[1, 2] * 12)]
    return ClosedLoop(3, [Load(10**9, batch_sizes=[own] * 24)], together, Parity(24))


def with_memory(one: SingleStream, **more: int) -> SingleStream:
    assert one.memory
    found = {name: (getattr(one.memory, name) or 0) + size for name, size in more.items()}
    return msgspec.structs.replace(one, memory=msgspec.structs.replace(one.memory, **found))


def broken(one: SingleStream) -> SingleStream:
    return msgspec.structs.replace(one, parity=Parity(100, [Differing("t0", tie=False, expected=[], got=[])]))


@cache
def a_check(device: str = "cpu", rounds: int = 60) -> tuple[Record, ...]:
    """All rounds, each plant in its own."""
    chance = np.random.default_rng(7)
    in_times = {
        SLOWER: scaling.slower(0.1),
        SLOW_TEXT: scaling.slowest_text(2),
        TIRES: scaling.growing(0.08),
        LEAKS: scaling.leaking(10 * 1024),
    }
    found: list[Record] = []
    for seed, (name, count) in enumerate(rounds_of_each(rounds, device).items()):
        made = identical(count, seed)
        if name in in_times:
            made = in_times[name](made, chance)
        elif name == MISANSWERS:
            made = [broken(one) for one in made]
        elif name == GROWS:
            made = [with_memory(one, rss_serving_peak_bytes=64 * MIB) for one in made]
        elif name == GROWS_ON_DEVICE:
            made = [with_memory(one, cuda_serving_allocated_peak_bytes=64 * MIB) for one in made]
        found += measured(name, [loop(1)] * count if name == ALONE else made, device)
    return tuple(found)


def instead(name: str, samples: SingleStream | ClosedLoop, device: str = "cpu") -> list[Record]:
    """The check with other samples in the first round of a combination."""
    found = list(a_check(device))
    place = next(i for i, record in enumerate(found) if record.cell.combination == name)
    first = found[place]
    assert isinstance(first, Measured)
    found[place] = msgspec.structs.replace(first, samples=samples)
    return found


def without(name: str) -> list[Record]:
    """The check, had a plant not been seen at all: its rounds are clean."""
    clean = measured(name, [loop(2)] * 5 if name == ALONE else identical(16, seed=99))
    return [*(one for one in a_check() if one.cell.combination != name), *clean]


def not_kept(records: Sequence[Record]) -> list[str]:
    found = quickly(AS_RUN, records)
    return [*(one.what for one in found.targets if not one.kept), *(one.what for one in found.plants if not one.kept)]


def test_a_sound_machine_passes_and_its_tables_say_what_was_seen() -> None:
    found = quickly(AS_RUN, a_check())
    assert found.passed
    said = "\n".join(lines(found))
    assert (
        "| 64 MiB kept | the peak of memory | rounds | 5 of 5 [47.8 %, 100.0 %] | – | 0 of 48 [0.0 %, 7.4 %] | yes |"
        in said
    )
    assert "| intervals of runs of 4 rounds that contain 1 | 15 of 15 [78.2 %, 100.0 %] | at least 93% | yes |" in said
    assert "is found in 95 of 100 runs." in said


def test_a_small_check_of_a_sound_machine_passes_too() -> None:
    assert quickly(AS_RUN, a_check(rounds=8)).passed


def test_every_plant_is_seen_in_every_case_and_nothing_without_it() -> None:
    plants: Sequence[Plant] = findings(AS_RUN, a_check()).plants
    assert len(plants) == 12
    for one in plants:
        for tries in (one.planted, one.scaled):
            assert tries is None or tries.seen >= 0.8 * tries.of, one
        assert one.planted or one.scaled
        assert one.clean.seen <= 0.05 * one.clean.of, one


@pytest.mark.parametrize(
    ("name", "what"),
    [
        (SLOWER, "every request 10 % slower"),
        (SLOW_TEXT, "the slowest text twice as slow"),
        (TIRES, "8 % growth over a round"),
        (LEAKS, "10 KiB kept after every request"),
        (GROWS, "64 MiB kept"),
        (MISANSWERS, "1 wrong answer of 100"),
        (ALONE, "a queue that never batches"),
    ],
)
def test_a_plant_that_is_not_seen_fails_the_check(name: str, what: str) -> None:
    assert not_kept(without(name)) == [what]


@pytest.mark.parametrize(
    ("name", "samples", "what"),
    [
        (MISANSWERS, identical(1)[0], "1 wrong answer of 100"),
        (GROWS, identical(1)[0], "64 MiB kept"),
        (STOCK, broken(identical(1)[0]), "false alarms: the comparison of answers, rounds"),
        (ALONE, loop(2), "a queue that never batches"),
    ],
)
def test_what_is_missed_or_wrong_once_fails(name: str, samples: SingleStream | ClosedLoop, what: str) -> None:
    assert not_kept(instead(name, samples)) == [what]


def test_a_queue_that_batches_and_is_not_said_to_is_an_alarm() -> None:
    alone = ClosedLoop(3, loop(1).own, loop(1).own, Parity(24))
    assert not_kept(instead(ALONE, alone)) == ["false alarms: batch sizes under 3 clients, rounds"]


def test_on_cuda_the_devices_memory_is_planted_too_and_stocks_half_precision_is_no_fault() -> None:
    on_cuda = msgspec.structs.replace(AS_RUN, device="cuda")
    records = instead(STOCK, broken(identical(1)[0]), "cuda")
    found = quickly(on_cuda, records)
    assert found.passed
    assert found.plants[-1].what == "64 MiB kept on the device"
    assert found.plants[-1].planted
    assert found.plants[-1].planted.seen == found.plants[-1].planted.of == 5


def test_where_the_c_library_does_not_tell_the_heap_nothing_is_said_of_leaks() -> None:
    def silent(one: Record) -> Record:
        assert isinstance(one, Measured)
        samples = one.samples
        if isinstance(samples, SingleStream):
            samples = msgspec.structs.replace(samples, own_heap_bytes=[])
        return msgspec.structs.replace(one, samples=samples)

    found = quickly(AS_RUN, [silent(one) for one in a_check()])
    assert found.passed
    assert len(found.plants) == 11
    assert not any("kept for each request" in one.what for one in found.targets)


def test_a_round_that_failed_fails_the_check() -> None:
    failed: list[Record] = [*a_check(), Failed(Cell(SLOWER, "single_stream", "t", "cpu"), 16, "crash", "it died")]
    found = quickly(AS_RUN, failed)
    assert found.failures == (f"{SLOWER}: it died",)
    assert not found.passed


@pytest.mark.parametrize("name", [STOCK, SLOWER])
def test_where_all_rounds_failed_there_is_nothing_to_judge(name: str) -> None:
    of = [record for record in a_check() if record.cell.combination == name]
    failed = [Failed(one.cell, one.round, "crash", "it died") for one in of]
    others = [record for record in a_check() if record.cell.combination != name]
    with pytest.raises(
        SelfcheckError, match=rf"{len(of)} of {len(of)} rounds of .* failed \(crash\): it died"
    ) as found:
        quickly(AS_RUN, [*others, *failed])
    assert found.value.failed

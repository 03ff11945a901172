from __future__ import annotations

import inspect
import math
import re
from dataclasses import replace
from statistics import stdev
from typing import Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t
from test_advice import row

from harness.analyse.claimed import Claim, read_claims
from harness.analyse.claims import Judged, Side, holds, judge, measures_claims
from harness.analyse.compare import compare, narrowed
from harness.analyse.f1 import ScoreDifference
from harness.analyse.figures import Figure
from harness.analyse.quantities import QUANTITIES, divided
from harness.analyse.rows import Row, Throughput
from harness.analyse.stats import Spread
from harness.plan.cells import plan_cells
from harness.plan.registry import find_optimizations
from harness.plan.suite import find_suite, read_suite
from harness.record import (
    RECORD_VERSION,
    Cell,
    Difference,
    Header,
    Measured,
    Memory,
    Parity,
    Record,
    Score,
    Scores,
    SingleStream,
    StartUp,
)

HEADER = Header(RECORD_VERSION, "claims", "0", "c", 0, "cpu", "mini", ["a", "b", "c"], {}, {})
CUDA = msgspec.structs.replace(HEADER, device="cuda:0")
TRACED, TRUNCATED = "torchscript_as_published", "dynamic_truncation_as_published"
REFERENCE = Memory(409_100_352, cuda_serving_peak_bytes=3 << 30, cuda_serving_allocated_peak_bytes=3 << 30)


def judged(id_: str, *rows: Row, header: Header = HEADER, records: list[Record] | None = None) -> Judged:
    (found,) = (one for one in judge(header, records or [], rows).judged if one.claim.id == id_)
    return found


def published(id_: str, *rows: Row, header: Header = HEADER) -> Side:
    side = judged(id_, *rows, header=header).published
    assert side is not None
    return side


@pytest.mark.parametrize(("time", "verdict"), [(0.6, "holds"), (0.74, "holds"), (0.9, "does not hold")])
def test_a_ratio_is_held_against_the_claimed_one(time: float, verdict: str) -> None:
    """The claim is 820 / 1140 = 0.72; the interval of 0.74 reaches it."""
    side = published("1 TorchScript: time", row("baseline", 1), row(TRACED, time))
    assert side.verdict == verdict
    assert side.reason.startswith("Only the text encoder is traced")
    assert side.figure is not None
    assert side.figure.value == pytest.approx(time)


@given(
    st.floats(0.1, 10), st.floats(1, 2), st.floats(1, 2), st.floats(0.1, 10), st.sampled_from(["at most", "at least"])
)
def test_a_claim_fails_only_where_the_whole_interval_is_worse(
    value: float, down: float, up: float, claimed: float, sense: Literal["at most", "at least"]
) -> None:
    found = Figure(value, value / down, value * up)
    assert found.low is not None
    assert found.high is not None
    worse = found.low > claimed if sense == "at most" else found.high < claimed
    assert holds(found, Claim("x", "x", "time", (claimed, 1), sense)) is not worse


@pytest.mark.parametrize(("sense", "edge"), [("at most", 1.02), ("at least", 0.98)])
def test_a_figure_without_interval_may_miss_by_the_noise(sense: Literal["at most", "at least"], edge: float) -> None:
    claim = Claim("x", "x", "memory", (2, 1), sense)
    assert holds(Figure(2 * edge), claim)
    assert not holds(Figure(2 * (1 + 2.5 * (edge - 1))), claim)


def test_what_failed_says_why_and_so_does_what_builds_on_it() -> None:
    broken = replace(row("flash_attention_as_published", 1), latency=None, problem="failed (error) in round 0: no")
    rows = [row("baseline", 1), row(TRACED, 1), broken]
    alone, on_top = (published(f"2 Flash attention: time {of}", *rows) for of in ("alone", "in all"))
    assert (alone.verdict, alone.reason) == ("failed", "no")
    assert (on_top.verdict, on_top.reason) == ("failed", "it contains flash_attention_as_published, which fails: no")


def test_speed_with_other_answers_counts_for_nothing() -> None:
    wrong = replace(row(TRUNCATED, 0.1), broken=(Difference("t", tie=False, expected=[], got=[]),))
    side = published("3 Dynamic truncation: time alone", row("baseline", 1), wrong)
    assert (side.verdict, side.struck) == ("does not hold", True)
    assert "other answers on 1 of 24 texts" in side.reason


def test_a_gpus_memory_cannot_be_judged_on_a_processor() -> None:
    side = published("1 TorchScript: memory", row("baseline", 1), row(TRACED, 1, memory=1 << 29))
    assert side.verdict == "cannot be judged"
    assert (
        side.reason
        == "the claim is about a GPU, and this run is on cpu (the host memory here is 0.50 times the baseline's); "
        "to judge it, run `uiebench run claims --checkpoint base --device cuda`"
    )


@pytest.mark.parametrize(
    ("id_", "header", "command"),
    [
        ("All: CPU", HEADER, "run claims --device cuda"),
        ("Target: P95", HEADER, "run claims --checkpoint base --device cuda"),
        ("Target: P95", CUDA, "run claims --checkpoint base --device cuda:0"),
        ("1 TorchScript: time", msgspec.structs.replace(HEADER, suite="demo"), "run claims"),
        (
            "CPU fallback: time",
            msgspec.structs.replace(HEADER, checkpoint="my model"),
            "run claims --checkpoint 'my model' --device cuda",
        ),
        ("1 TorchScript: time", HEADER, None),
        ("All: CPU", CUDA, None),
    ],
)
def test_a_claim_without_verdict_names_the_command_that_judges_it(
    id_: str, header: Header, command: str | None
) -> None:
    found = judged(id_, row("baseline", 1), header=header)
    assert found.right is not None
    assert found.right.verdict == "cannot be judged"
    _, _, named = found.right.reason.partition("; ")
    assert named == ("" if command is None else f"to judge it, run `uiebench {command}`")


def test_a_run_of_the_reference_on_a_gpu_judges_every_claim() -> None:
    """But for those about texts of some lengths, which take the records too."""
    memory = msgspec.structs.replace(REFERENCE, cuda_serving_allocated_peak_bytes=1 << 30, cuda_process_bytes=2 << 30)
    rate = Throughput("closed_loop", 3, 2.0, Spread(0.025).estimate(0.0, 0.025), None, None)
    worse = ScoreDifference(-0.06, -0.07, -0.05)
    claims = [claim for claim in read_claims().claim if claim.longest is claim.shortest is None]
    names = {"baseline", *(name for claim in claims for name in (claim.published, claim.right) if name)}
    rows = [replace(row(name, 0.5), memory=memory, loads=(rate,), f1_difference=worse) for name in names]
    left = [
        (one.claim.id, side.reason)
        for one in judge(CUDA, [], rows).judged
        for side in (one.published, one.right)
        if one.claim in claims and side is not None and side.verdict == "cannot be judged"
    ]
    assert left == []


def test_memory_is_judged_where_the_model_is_as_large_as_the_reference() -> None:
    small = [
        replace(row(name, 1), memory=msgspec.structs.replace(REFERENCE, weights_bytes=7 << 20))
        for name in ("baseline", TRACED)
    ]
    side = published("1 TorchScript: memory", *small, header=CUDA)
    assert side.verdict == "cannot be judged"
    assert "a model with 390 MiB of weights, and this model has 7 MiB" in side.reason
    large = [replace(one, memory=REFERENCE) for one in small]
    side = published("1 TorchScript: memory", *large, header=CUDA)
    assert (side.verdict, side.figure) == ("holds", Figure(1.0))  # 0.98 is within 3 %


def test_what_was_not_measured_or_skipped_cannot_be_judged() -> None:
    assert published("1 TorchScript: time", row("baseline", 1)).reason == "this run did not measure it"
    skipped = replace(row(TRACED, 1), latency=None, problem="skipped: no compiler")
    side = published("1 TorchScript: time", row("baseline", 1), skipped)
    assert (side.verdict, side.reason) == ("cannot be judged", "skipped: no compiler")


@pytest.mark.parametrize(("lost", "verdict"), [(0.06, "holds"), (0.045, "holds"), (0.01, "does not hold")])
def test_int8s_loss_is_in_points(lost: float, verdict: str) -> None:
    int8 = replace(row("int8", 0.5), exact=False, f1_difference=ScoreDifference(-lost, -lost - 0.01, -lost + 0.01))
    right = judged("INT8: F1", row("baseline", 1), int8).right
    assert right is not None
    assert right.verdict == verdict
    assert right.figure is not None
    assert right.figure.value == pytest.approx(100 * lost)


def test_rates_are_compared_with_the_baselines() -> None:
    def at(name: str, rate: float) -> Row:
        ratio = Spread(0.025).estimate(math.log(rate), 0.025)
        return replace(row(name, 1), loads=(Throughput("closed_loop", 3, rate, ratio, None, None),))

    side = published("4 Batching: QPS", at("baseline", 0.2), at("batching_as_published", 0.3))
    assert side.verdict == "does not hold"
    assert side.figure is not None
    assert side.figure.value == pytest.approx(1.5)


@pytest.mark.parametrize("starts", [4, 5])
def test_cold_starts_have_an_interval_where_there_are_enough(starts: int) -> None:
    def of(name: str, scale: float) -> Row:
        found = tuple(StartUp(round(scale * 1e9 * (1 + i / 100)), 0, 0) for i in range(starts))
        return replace(row(name, 1), starts=found)

    side = published("6 Lean startup: cold start", of("baseline", 2), of("lean_startup_as_published", 1))
    assert side.verdict == "holds"
    assert side.figure is not None
    assert side.figure.value == pytest.approx(0.5)
    assert (side.figure.low is not None) == (starts == 5)
    if side.figure.low is not None and side.figure.high is not None:  # both vary alike: Student's t of 8 degrees
        sd = stdev(math.log(1 + i / 100) for i in range(5))
        assert math.log(side.figure.high / side.figure.low) == pytest.approx(
            2 * t.ppf(0.975, 8) * sd * math.sqrt(2 / 5)
        )


def test_a_ratio_of_figures_measured_apart_has_both_errors() -> None:
    found = divided(Figure(2, 2 / 1.1, 2 * 1.1), Figure(4, 4 / 1.1, 4 * 1.1))
    assert found.value == 0.5
    assert found.high == pytest.approx(0.5 * 1.1 ** math.sqrt(2))
    assert found.low == pytest.approx(0.5 / 1.1 ** math.sqrt(2))
    assert divided(Figure(2, 1, 3), Figure(4)) == Figure(0.5)


def timed(name: str, *own: int) -> Record:
    stream = SingleStream([list(own)], [[100] * len(own)], [sum(own)], Parity(len(own)), Memory(1))
    return Measured(Cell(name, "single_stream", "texts", "cpu"), 0, stream)


NAMES = ("baseline", "torchscript+flash_attention+dynamic_truncation")
OF_LENGTHS = [timed(NAMES[0], 400, 400, 400), timed(NAMES[1], 40, 400, 200)]


def by_length(which: str, characters: list[int]) -> Side:
    header = msgspec.structs.replace(HEADER, exact=dict.fromkeys(NAMES, True), text_characters=characters)
    rows, _ = compare(header, OF_LENGTHS)
    right = judged(f"3 Dynamic truncation: {which} texts", *rows, header=header, records=OF_LENGTHS).right
    assert right is not None
    return right


@pytest.mark.parametrize(("which", "ratio"), [("short", 0.1), ("long", 0.5)])
def test_claims_about_lengths_are_judged_over_texts_of_these(which: str, ratio: float) -> None:
    side = by_length(which, [79, 80, 301])
    assert side.verdict == "holds"
    assert side.figure is not None
    assert side.figure.value == pytest.approx(ratio)


def test_claims_about_lengths_need_texts_of_these() -> None:
    assert by_length("long", [79, 80, 300]).reason == "no text of this run has over 300 characters"
    assert by_length("short", [80, 80, 301]).reason == "no text of this run has under 80 characters"
    assert by_length("short", []).reason == "the records of this run do not contain the lengths of its texts"


def test_the_margin_of_the_run_is_what_rows_are_judged_by() -> None:
    def of(name: str, right: int) -> Record:
        micro = Score(right, 100, 100)
        scores = Scores(200, micro, {"a": micro}, [Score(right, 100, 100)] * 200)
        stream = SingleStream([[1]], [[1]], [1], Parity(1), Memory(1), scores=scores)
        return Measured(Cell(name, "single_stream", "texts", "cpu"), 0, stream)

    header = msgspec.structs.replace(HEADER, exact={"baseline": True, "int8": False})
    for margin, struck in ((1.9, True), (2.1, False)):
        run = msgspec.structs.replace(header, f1_margin=margin)
        (_, row), _ = compare(run, [of("baseline", 90), of("int8", 88)])
        assert row.struck_out == struck


def test_a_narrowed_run_keeps_the_times_of_these_texts() -> None:
    header, (record, _) = narrowed(HEADER, OF_LENGTHS, [2, 0])
    assert header.texts == ["c", "a"]
    assert isinstance(record, Measured)
    assert isinstance(record.samples, SingleStream)
    assert (record.samples.own_ns, record.samples.partner_ns) == ([[400, 400]], [[100, 100]])


def test_the_guides_steps_do_not_add_up() -> None:
    found = judge(HEADER, [], [row("baseline", 1), row("torchscript", 0.5)])
    assert (found.arithmetic.sum_ms, found.arithmetic.final_ms) == (590, 720)
    assert found.product is None
    six = [row(name, 0.9) for name in found.arithmetic.right]
    found = judge(HEADER, [], [row("baseline", 1), *six, row("+".join(reversed(found.arithmetic.right)), 0.7)])
    assert found.product == pytest.approx(0.9**6)
    assert found.together is not None
    assert found.together.value == pytest.approx(0.7)


def test_only_a_run_with_published_listings_measures_claims() -> None:
    assert measures_claims([row("baseline", 1), row(TRACED, 1)])
    assert not measures_claims([row("baseline", 1), row("torchscript", 1)])


def test_every_claim_has_its_quantity_a_name_of_its_own_and_its_reasons() -> None:
    claims = read_claims().claim
    assert len({claim.id for claim in claims}) == len(claims)
    for claim in claims:
        assert claim.quantity in QUANTITIES
        assert claim.published or claim.right
        # One that contains a step as published that cannot run has no outcome to explain.
        assert claim.why.published or not claim.published or "flash_attention_as_published" in claim.published
        assert claim.why.right or not claim.right


def test_the_suite_measures_what_the_claims_need() -> None:
    ours = find_optimizations()
    suite = read_suite(find_suite("claims"))
    workers = {"workers": inspect.Parameter("workers", inspect.Parameter.KEYWORD_ONLY, annotation="int")}
    # Whatever optimization is not there yet is stood in for by one that is.
    like = ours["dynamic_truncation"]
    named = {name for written in suite.combinations.include for name in re.findall(r"[a-z_0-9]{4,}(?=[+(]|$)", written)}
    registry = {name: replace(like, name=name, parameters=workers) for name in named} | dict(ours)
    planned = plan_cells(suite, registry, "cpu")
    names = {frozenset(one.combination.split("+")) for one in planned}
    for claim in read_claims().claim:
        for wanted in filter(None, (claim.published, claim.right)):
            assert frozenset(wanted.split("+")) in names or "flash_attention_as_published+" in f"{wanted}+"
    loaded = [one.combination for one in planned if any(cell.scenario == "closed_loop" for cell in one.cells)]
    assert [len(name.split("+")) for name in loaded] == [1, 1, 5, 1, 6]
    assert frozenset(read_claims().arithmetic.right) in names

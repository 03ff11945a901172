"""The work that the model states is what torch counts, and a share of the limit is what it says."""

from __future__ import annotations

import msgspec
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from torch.utils.flop_counter import FlopCounterMode

from harness import Extractor
from harness.analyse.compare import compare
from harness.analyse.roofline import CEILINGS, Share, share
from harness.baseline.model import ModelConfig, Ops, SiameseUIE
from harness.baseline.slots import PadToFixed
from harness.baseline.work import cross_work, tower_work
from harness.embedded.checkpoints import find_checkpoint
from harness.measure.roofline import Counter
from harness.plan.registry import find_optimizations
from harness.profile import PARTS, Profile, Traffic
from harness.record import BASELINE, RECORD_VERSION, Cell, Header, Measured, Parity, SingleStream
from harness.report.table import details
from harness.work import Ceilings, PassWork, Work

MODEL = SiameseUIE(ModelConfig(50, 64, 4, 128, tower_layers=3, cross_layers=2)).eval()
MODELS = {"whole": MODEL, "without dead work": MODEL.with_ops(Ops(projects_ahead=True, last_for_text=True))}
TEXT, SCHEMA = "这款手机售价2999元，屏幕非常清晰。", {"价格": None, "产品型号": None}
rows, tokens = st.integers(1, 4), st.integers(1, 120)


@pytest.fixture(scope="module")
def mini() -> Extractor:
    return Extractor.load(find_checkpoint("mini"), start="baseline")


def counted(model: SiameseUIE, forward: str, *inputs: torch.Tensor) -> int:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        getattr(model, forward)(*inputs)
    return int(counter.get_total_flops())


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
@settings(max_examples=15)
@given(rows=rows, text=tokens, prompt=tokens)
def test_the_stated_operations_are_those_that_torch_counts(
    model: SiameseUIE, rows: int, text: int, prompt: int
) -> None:
    ids, mask = torch.zeros(rows, text, dtype=torch.long), torch.ones(rows, text, dtype=torch.bool)
    starts = torch.zeros(rows, dtype=torch.long)
    tower = tower_work(model, [text] * rows).flops
    assert counted(model, "encode_text", ids, mask) == pytest.approx(tower, rel=0.02)
    assert counted(model, "encode_prompt", ids, mask, starts) == pytest.approx(tower, rel=0.02)
    width = 4 * 64 if model.ops.projects_ahead else 64
    hidden, asked = torch.zeros(rows, text, width), torch.zeros(rows, prompt, width)
    asked_mask = torch.ones(rows, prompt, dtype=torch.bool)
    stated = cross_work(model, [text] * rows, [prompt] * rows).flops
    assert counted(model, "cross", hidden, mask, asked, asked_mask) == pytest.approx(stated, rel=0.02)


def test_bytes_are_the_weights_once_a_forward_and_a_layers_ends_for_each_token() -> None:
    one, two = (tower_work(MODEL, [10] * rows).bytes for rows in (1, 2))
    layers = 3 * (4 * 64 * 64 + 2 * 64 * 128) * 4
    assert 2 * one - two == layers
    assert two - one == 10 * 64 * 4 * (3 + 3 * 2)


def test_padding_is_executed_and_not_true(mini: Extractor) -> None:
    padded, tight = Counter(mini), Counter(find_optimizations()["dynamic_truncation"].apply(mini, multiple=1))
    for counter in (padded, tight):
        assert counter.extractor.extract(TEXT, SCHEMA) == mini.extract(TEXT, SCHEMA)
    assert isinstance(padded.extractor.padding, PadToFixed)
    assert padded.work.true == tight.work.true
    assert padded.work.executed.flops > 10 * padded.work.true.flops
    # One prompt is shorter than the others of its node.
    assert tight.work.true.flops < tight.work.executed.flops < 1.2 * tight.work.true.flops


def test_the_weights_of_a_forward_in_two_are_read_twice(mini: Extractor) -> None:
    once, twice = Counter(mini), Counter(find_optimizations()["batching"].apply(mini, tokens=1))
    once.extractor.extract(TEXT, {"价格": None, "商品": None})
    twice.extractor.extract(TEXT, {"价格": None, "商品": None})
    assert once.work.true.flops == twice.work.true.flops
    assert once.work.true.bytes < twice.work.true.bytes  # the weights are read for each of the two forwards


def under(work: PassWork, device: Ceilings) -> Share:
    found = share(work, 2, 0.5, device)
    assert found is not None
    return found


def test_a_share_is_the_least_time_over_the_time_taken() -> None:
    work = PassWork(true=Work(2_000, 100), executed=Work(8_000, 200))
    bound_by_compute = under(work, Ceilings({"float32": 4_000.0}, 1_000.0))
    assert (bound_by_compute.of_limit, bound_by_compute.useful, bound_by_compute.bound) == (0.5, 0.25, "compute")
    assert bound_by_compute.request == Work(1_000, 50)
    in_half, both = structs.replace(work, dtype="float16"), Ceilings({"float32": 4_000.0, "float16": 8_000.0}, 1_000.0)
    assert under(in_half, both).of_limit == 0.25
    assert share(structs.replace(work, dtype="float64"), 2, 0.5, both) is None
    bound_by_memory = under(work, Ceilings({"float32": 1e9}, 1_000.0))
    assert bound_by_memory.of_limit == pytest.approx(0.1)
    assert bound_by_memory.bound == "memory"


LAUNCHES = [Traffic(launches=300), Traffic(launches=500)]


def test_on_a_device_launches_bound_the_least_time_too() -> None:
    work = PassWork(true=Work(2_000, 100), executed=Work(8_000, 200))
    device = Ceilings({"float32": 4_000.0}, 1_000.0, launch_s=0.001)  # 0.5 s of products, 0.1 s of copies
    found = share(work, 2, 0.5, device, LAUNCHES)
    assert found is not None
    assert (found.of_limit, found.launch_s) == pytest.approx((0.8, 0.4))
    assert found.bound == "launch"
    faster = share(work, 2, 0.5, structs.replace(device, launch_s=0.0001), LAUNCHES)
    assert faster is not None
    assert (faster.of_limit, faster.launch_s) == pytest.approx((0.5, 0.04))
    assert faster.bound == "compute"


@pytest.mark.parametrize(("launch_s", "traffic"), [(None, LAUNCHES), (0.001, []), (None, [])])
def test_without_launches_or_their_time_nothing_is_said_of_them(launch_s: float | None, traffic: list[Traffic]) -> None:
    work = PassWork(true=Work(2_000, 100), executed=Work(8_000, 200))
    found = share(work, 2, 0.5, Ceilings({"float32": 4_000.0}, 1_000.0, launch_s=launch_s), traffic)
    assert found is not None
    assert (found.of_limit, found.bound, found.launch_s) == (0.5, "compute", None)


def test_a_row_takes_the_launches_of_its_profile() -> None:
    profile = Profile({part: [1, 1] for part in PARTS}, 1, [], traffic=LAUNCHES)
    work = PassWork(true=Work(2_000, 100), executed=Work(8_000, 200))
    times = [[500_000_000, 500_000_000]]
    stream = SingleStream(times, times, [1], Parity(2), None, work=work, profile=profile)
    device = Ceilings({"float32": 4_000.0}, 1_000.0, launch_s=0.001)
    worker = {"worker": {CEILINGS: msgspec.to_builtins(device)}}
    header = Header(RECORD_VERSION, "s", "k", "c", 0, "cuda", "base", ["a", "b"], {BASELINE: True}, worker)
    (row,), _ = compare(header, [Measured(Cell(BASELINE, "single_stream", "t", "cuda"), 0, stream)])
    assert row.roofline is not None
    assert row.roofline.bound == "launch"
    assert details(row)["of the roofline"].text == "80% (launch)"


def test_a_quantized_model_is_held_against_the_ceiling_of_its_integers(mini: Extractor) -> None:
    plain, small = Counter(mini), Counter(find_optimizations()["int8"].apply(mini))
    for counter in (plain, small):
        counter.extractor.extract(TEXT, {"价格": None})
    assert (plain.work.dtype, small.work.dtype) == ("float32", "int8")
    assert small.work.true.flops == plain.work.true.flops
    assert small.work.true.bytes < plain.work.true.bytes
    device = Ceilings({"float32": 1.0, "int8": 4.0}, 1e30)
    fast, slow = (under(one.work, device) for one in (small, plain))
    assert slow.of_limit == pytest.approx(4 * fast.of_limit)
    assert fast.dtype == "int8"

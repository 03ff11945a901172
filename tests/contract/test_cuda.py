"""On a CUDA device, every extractor but stock, which runs in half precision, gives the answers of the CPU."""

from __future__ import annotations

import json
import os
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from harness import Extractor
from harness.baseline.loading import STARTS, plain_plan
from harness.compose import compose
from harness.data.dataset import pick, read_dataset
from harness.errors import UnavailableError
from harness.measure.ceilings import least_launch_s
from harness.measure.profile import profile
from harness.measure.roofline import Counter
from harness.plan.registry import find_optimizations
from harness.plugin import Probe
from harness.run.protocol import Answer, Job, Weigh
from harness.run.worker import Worker

GOLDEN = Path(__file__).parents[1] / "golden"
pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device"),
]


MORE = ["text_reuse", "prompt_memo", "dead_work"]
SIX = ["torchscript", "flash_attention", "dynamic_truncation", "batching", "segmented_forward", "lean_startup"]
GRAPHS = [*(name for name in SIX if name != "torchscript"), *MORE, "cuda_graphs"]
EXAMPLES = pick([one for one in read_dataset("business/dev") if len(one.text) < 200], 4)


@pytest.mark.parametrize("start", ["baseline", "plain"])
@pytest.mark.parametrize(
    "names", [[], *([name] for name in [*SIX, *MORE]), SIX, [*SIX, *MORE], ["cuda_graphs"], GRAPHS], ids="+".join
)
def test_the_golden_answers_hold_on_the_gpu_and_each_optimization_is_active(start: str, names: list[str]) -> None:
    registry = find_optimizations()
    chosen = [(registry[name], dict[str, object]()) for name in names]
    extractor = compose(plain_plan(GOLDEN / "checkpoint", device="cuda", start=start), chosen)
    for case in json.loads((GOLDEN / "expected.json").read_text(encoding="utf-8")):
        whole = [chain for chain in case["output"] if all(item["offset"][0] < item["offset"][1] for item in chain)]
        assert extractor.extract(case["text"], case["schema"], case["output_all_prefix"]) == whole
    # Flat types: on random weights a nested one asks thousands of prompts.
    probe = Probe(extractor, [one.text for one in EXAMPLES], [dict.fromkeys(one.schema) for one in EXAMPLES])
    evidence = [one.evidence(probe) for one, _ in chosen]
    assert [one.summary for one in evidence if not one.active] == []


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", ["half_precision", "screened"])
def test_half_precision_is_near_on_the_gpu(name: str, dtype: str) -> None:
    registry = find_optimizations()
    plan = plain_plan(GOLDEN / "checkpoint", device="cuda", start="plain")
    half, text, prompts = compose(plan, [(registry[name], {"dtype": dtype})]), "华为手机，售价999元", ["价格: "]
    rounded = half.rounded().logits(text, prompts)
    assert 1e-5 < abs(rounded - plan.load().logits(text, prompts)).max() < 0.5


def test_stock_runs_in_half_precision_and_the_others_do_not() -> None:
    starts = {start: plain_plan(GOLDEN / "checkpoint", device="cuda", start=start).load() for start in STARTS}
    found = {start: extractor.logits("华为手机，售价999元", ["价格: "]) for start, extractor in starts.items()}
    half = abs(found["stock"] - found["baseline"]).max()
    assert 1e-4 < half < 0.5
    assert abs(found["plain"] - found["baseline"]).max() < 1e-4


def test_stocks_work_is_counted_in_the_precision_that_it_runs_in() -> None:
    for start, dtype in {"stock": "float16", "baseline": "float32"}.items():
        counter = Counter(plain_plan(GOLDEN / "checkpoint", device="cuda", start=start).load())
        counter.extractor.extract("华为手机", {"价格": None})
        assert counter.work.dtype == dtype


@pytest.mark.parametrize(
    "names", [[], ["flash_attention", "dynamic_truncation", "batching", "segmented_forward"]], ids="+".join
)
def test_a_unit_goes_over_once_and_comes_back_once_and_nothing_else_is_waited_for(names: list[str]) -> None:
    registry = find_optimizations()
    extractor = compose(
        plain_plan(GOLDEN / "checkpoint", device="cuda", start="plain"), [(registry[name], {}) for name in names]
    )
    text, schema = "华为手机，售价999元，屏幕很亮", {"价格": None, "产品型号": None}  # one level: one unit
    extractor.extract(text, schema)
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as waited:
            warnings.simplefilter("always")
            extractor.extract(text, schema)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert sum("synchronizing" in str(one.message) for one in waited) == 1
    (traffic,) = profile(extractor, [text], [schema], torch.cuda.synchronize).traffic
    assert (traffic.copies_in, traffic.copies_out, traffic.synchronisations) == (1, 1, 1)
    assert traffic.launches > 0


def test_a_launch_takes_microseconds() -> None:
    def once(product: Callable[[], object]) -> float:
        product()
        torch.cuda.synchronize()
        begun = time.perf_counter()
        product()
        torch.cuda.synchronize()
        return time.perf_counter() - begun

    assert 1e-7 < least_launch_s(torch.device("cuda"), once) < 1e-3


@pytest.fixture
def let_go() -> Iterator[None]:
    """A worker keeps the process near its GPU."""
    ours = os.sched_getaffinity(0)
    yield
    os.sched_setaffinity(0, ours)


@pytest.mark.usefixtures("let_go")
def test_the_ledger_of_a_process_on_the_gpu() -> None:
    ours = os.sched_getaffinity(0)
    job = Job("torchscript", str(GOLDEN / "checkpoint"), "cuda", 1, [], ["华为手机"], ['{"价格": null}'], 1, 0)
    worker = Worker(job)
    worker.answer(Answer())
    assert worker.facts["host_cpus"]
    assert os.sched_getaffinity(0) <= ours
    assert worker.start.context_ns is not None
    assert 0 < worker.start.context_ns < worker.start.total_ns
    memory = worker.weigh(Weigh()).memory
    load, serving = memory.cuda_load_peak_bytes, memory.cuda_serving_peak_bytes
    assert load is not None
    assert serving is not None
    assert memory.cuda_serving_allocated_peak_bytes is not None
    assert memory.weights_bytes is not None
    assert memory.weights_bytes < memory.cuda_serving_allocated_peak_bytes <= serving
    assert load >= memory.weights_bytes
    if memory.cuda_process_bytes is not None:  # NVML tells it in few containers
        assert memory.cuda_process_bytes > serving


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_attention_runs_a_flash_kernel_on_rows_without_padding(dtype: str) -> None:
    if torch.cuda.get_device_capability() < (8, 0):
        pytest.skip("the flash kernels need compute capability 8.0")
    flash = find_optimizations()["flash_attention"]
    plan = plain_plan(GOLDEN / "checkpoint", device="cuda", start="baseline")
    half, full = (compose(plan, [(flash, more)]) for more in ({"attention_dtype": dtype}, {}))
    evidence = flash.evidence(Probe(half, ["华为手机"], [{"价格": None}]))
    assert evidence.active
    assert "varlen" in evidence.summary
    apart = abs(half.logits("华为手机，售价999元", ["价格: "]) - full.logits("华为手机，售价999元", ["价格: "])).max()
    assert apart < 0.5


def composed(*names: str, start: str = "plain") -> Extractor:
    registry = find_optimizations()
    return compose(
        plain_plan(GOLDEN / "checkpoint", device="cuda", start=start), [(registry[name], {}) for name in names]
    )


def asked(extractor: Extractor) -> Probe:
    return Probe(extractor, [one.text for one in EXAMPLES], [dict.fromkeys(one.schema) for one in EXAMPLES])


def test_a_script_holds_no_weights_of_its_own() -> None:
    extractor, torchscript = composed(), find_optimizations()["torchscript"]
    scripts = [torchscript.apply(extractor)]  # with what tracing and the first products allocate
    before = torch.cuda.memory_allocated()
    scripts.append(torchscript.apply(extractor))
    merged = sum(one.nbytes for name, one in extractor.model.named_parameters() if ".self." in name)
    assert torch.cuda.memory_allocated() - before < merged / 2
    assert scripts[0].forwards is not scripts[1].forwards


def test_graphs_hold_no_more_than_they_say_and_are_captured_once() -> None:
    graphs = find_optimizations()["cuda_graphs"]
    extractor = composed("dynamic_truncation", "batching", "cuda_graphs")
    first, again = (graphs.shown(asked(extractor)) for _ in range(2))
    assert first.active
    assert again.figures["graphs"] == first.figures["graphs"] > 0
    assert 0 < first.figures["bytes"] <= torch.cuda.memory_reserved()


def test_threads_that_share_graphs_get_the_answers_that_one_gets() -> None:
    extractor, plain = composed("cuda_graphs"), composed()
    expected = [plain.extract(one.text, dict.fromkeys(one.schema)) for one in EXAMPLES]
    with ThreadPoolExecutor(4) as pool:  # some capture while others replay
        for got in pool.map(
            lambda _: [extractor.extract(one.text, dict.fromkeys(one.schema)) for one in EXAMPLES], range(4)
        ):
            assert got == expected


def test_attention_without_padding_is_refused_or_replayed_right() -> None:
    """It waits for the device, or bakes lengths in, unless it is written for graphs."""
    if torch.cuda.get_device_capability() < (8, 0):
        pytest.skip("the flash kernels need compute capability 8.0")
    registry = find_optimizations()
    plan = plain_plan(GOLDEN / "checkpoint", device="cuda", start="plain")
    half = (registry["flash_attention"], {"attention_dtype": "float16"})
    refused = None
    try:
        replayed = compose(plan, [half, (registry["cuda_graphs"], {})])
    except UnavailableError as error:
        refused = str(error)
    if refused is not None:
        assert "cuda_graphs: " in refused
        return
    plain = compose(plan, [half])
    for one in EXAMPLES:
        apart = abs(replayed.logits(one.text, ["价格: "]) - plain.logits(one.text, ["价格: "])).max()
        assert apart < 0.1


@pytest.mark.filterwarnings("ignore::UserWarning")  # torch's compiler warns as it likes
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "company", [[], ["flash_attention", "dynamic_truncation", "batching", "dead_work"]], ids="+".join
)
def test_compiled_code_answers_and_is_near(company: list[str]) -> None:
    compile_ = find_optimizations()["torch_compile"]
    if reason := compile_.unavailable(torch.device("cuda")):
        pytest.skip(reason)
    torch._dynamo.reset()
    extractor, plain = composed(*company, "torch_compile"), composed(*company)
    found = compile_.shown(asked(extractor))
    assert found.active, found.summary
    for one in EXAMPLES:
        apart = abs(extractor.logits(one.text, ["价格: "]) - plain.logits(one.text, ["价格: "])).max()
        assert apart < 1e-4


def test_tf32_rounds_and_only_where_it_is_asked_for() -> None:
    optimization = find_optimizations()["tf32"]
    if reason := optimization.unavailable(torch.device("cuda")):
        pytest.skip(reason)
    plain = composed()
    full = plain.logits("华为手机，售价999元", ["价格: "])
    assert not optimization.shown(asked(plain)).active
    try:
        rounded = composed("tf32")
        found = optimization.shown(asked(rounded))
        assert found.active, found.summary
        assert 1e-5 < abs(rounded.logits("华为手机，售价999元", ["价格: "]) - full).max() < 0.1
    finally:
        torch.set_float32_matmul_precision("highest")

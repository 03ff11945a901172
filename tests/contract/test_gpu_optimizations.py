"""What is made for a GPU: all of it but the device is tried on a CPU."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from harness import Extractor
from harness.baseline.agreement import inputs
from harness.baseline.compiled import Compiled, compiled, must_compile
from harness.baseline.forward import Forwards
from harness.baseline.loading import plain_plan
from harness.baseline.model import ModelConfig, SiameseUIE, eager_attention
from harness.baseline.replayed import Buckets, Recordings, must_replay
from harness.compose import compose
from harness.data.dataset import pick, read_dataset
from harness.embedded.cache import VARIABLE
from harness.errors import InputError, UnavailableError
from harness.plan.combination import conflict
from harness.plan.registry import find_optimizations
from harness.plugin import Probe
from optimizations import torch_compile as torch_compile_file

REGISTRY = find_optimizations()
CPU = torch.device("cpu")
FOR_A_GPU = ("cuda_graphs", "tf32", "torch_compile")
EXAMPLES = pick([one for one in read_dataset("business/dev") if len(one.text) < 200], 4)
MANY = 1 << 40  # bytes that no test reaches


def composed(golden: Path, *names: str, changes: tuple[Callable[[SiameseUIE], SiameseUIE], ...] = ()) -> Extractor:
    plan = replace(plain_plan(golden, device="cpu", start="plain"), changes=changes)
    return compose(plan, [(REGISTRY[name], {}) for name in names])


def shallow(model: SiameseUIE) -> SiameseUIE:
    """The first layers of each part alone, since torch traces layer by layer."""
    few = SiameseUIE(replace(model.config, tower_layers=1, cross_layers=2))
    few.load_state_dict({name: model.state_dict()[name] for name in few.state_dict()})
    return few


def probe(extractor: Extractor) -> Probe:
    schemas = [dict.fromkeys(list(example.schema)[:2]) for example in EXAMPLES]
    return Probe(extractor, [example.text for example in EXAMPLES], schemas)


class Again:
    """A stand-in for a CUDA graph: the forward is computed again, on the inputs that were captured."""

    def __init__(self, bytes_each: int = 0) -> None:
        self.bytes_each, self.captured, self.running = bytes_each, 0, threading.Lock()

    @property
    def held_bytes(self) -> int:
        return self.bytes_each * self.captured

    def capture(self, forward: Callable[..., Tensor], given: tuple[Tensor, ...]) -> Callable[[], Tensor]:
        self.captured += 1
        places = [one.data_ptr() for one in given]
        output = forward(*given)

        def replay() -> Tensor:
            assert self.running.acquire(blocking=False), "two replays at once"
            try:
                assert [one.data_ptr() for one in given] == places
                return output.copy_(forward(*given))  # as a graph does: where it always writes
            finally:
                self.running.release()

        return replay


class Stale(Again):
    """A graph that holds what depends on its first inputs."""

    def capture(self, forward: Callable[..., Tensor], given: tuple[Tensor, ...]) -> Callable[[], Tensor]:
        output = forward(*given)
        return lambda: output


def replaying(extractor: Extractor, capturing: Any = None, most_bytes: int = MANY, multiple: int = 32) -> Extractor:
    recordings = Recordings(Buckets(multiple, extractor.model.config.positions), capturing or Again(), most_bytes)
    return replace(extractor, forwards=recordings.forwards(extractor.forwards))


@pytest.mark.parametrize("name", FOR_A_GPU)
def test_on_a_cpu_they_say_why_not(name: str) -> None:
    assert "this is cpu" in str(REGISTRY[name].unavailable(CPU))


@pytest.mark.parametrize(
    ("name", "capability", "said"),
    [
        ("tf32", (7, 5), "from compute capability 8.0 on, and this one has 7.5"),
        ("torch_compile", (6, 1), "from compute capability 7.0 on, and this GPU has 6.1"),
    ],
)
def test_a_gpu_that_is_too_old_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, capability: tuple[int, int], said: str
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    assert said in str(REGISTRY[name].unavailable(torch.device("cuda")))


def test_compiling_needs_triton_and_a_c_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    def why_not() -> str | None:
        return REGISTRY["torch_compile"].unavailable(torch.device("cuda"))

    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (8, 0))
    monkeypatch.setattr(torch_compile_file, "find_spec", lambda _: None)
    assert "'triton', which generates the kernels, is not installed" in str(why_not())
    monkeypatch.setattr(torch_compile_file, "find_spec", lambda _: True)
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert "Triton needs a C compiler, and there is none of gcc, clang, cc" in str(why_not())
    monkeypatch.setenv("CC", "icx")
    monkeypatch.setattr(shutil, "which", lambda name: name if name == "icx" else None)
    assert why_not() is None


@pytest.mark.parametrize(
    "pair", [("cuda_graphs", "torch_compile"), ("cuda_graphs", "torchscript"), ("tf32", "screened")]
)
def test_what_makes_the_same_thing_is_refused_beside_each_other(pair: tuple[str, str]) -> None:
    assert conflict([(REGISTRY[name], {}) for name in pair]) is not None


# Captured forwards.


@pytest.mark.parametrize(
    ("shape", "padded"),
    [
        ((1, 2), (1, 32)),
        ((3, 32), (4, 32)),
        ((4, 33, 7), (4, 64, 7)),
        ((5,), (8,)),
        ((9, 500), (16, 510)),  # no position id is left beyond
        ((8, 511), (8, 511)),
    ],
)
def test_rows_are_rounded_to_powers_of_two_and_tokens_to_a_multiple(
    shape: tuple[int, ...], padded: tuple[int, ...]
) -> None:
    buckets = Buckets(multiple=32, most=510)
    assert buckets.of(shape) == padded
    assert buckets.of(padded) == padded


@pytest.mark.parametrize(
    "company", [(), ("batching", "dynamic_truncation", "text_reuse", "dead_work", "flash_attention")], ids="+".join
)
def test_replays_give_the_logits_of_the_eager_forwards_whatever_came_before(
    golden: Path, company: tuple[str, ...]
) -> None:
    plain = composed(golden, *company)
    replayed = replaying(plain)
    # Long and short in turn, so that each bucket holds what another text left there.
    for example in (*EXAMPLES, *reversed(EXAMPLES)):
        prompts = [f"{name}: " for name in example.schema]
        expected = plain.logits(example.text, prompts)
        np.testing.assert_allclose(replayed.logits(example.text, prompts), expected, atol=1e-4)


def test_what_is_no_number_does_not_outlive_its_request(golden: Path) -> None:
    model = composed(golden).model
    cross = replaying(composed(golden)).forwards.cross
    (text, *others), short = (inputs(model, CPU, 3, tokens, 9)["cross"] for tokens in (30, 20))
    assert cross(torch.full_like(text, torch.nan), *others).isnan().any()
    np.testing.assert_allclose(cross(*short), model.cross(*short).detach(), atol=1e-4)


def test_a_bucket_is_captured_once_and_told(golden: Path) -> None:
    capturing = Again(bytes_each=1 << 20)
    extractor = replaying(composed(golden, "batching", "dynamic_truncation"), capturing)
    found = REGISTRY["cuda_graphs"].shown(probe(extractor))
    assert found.active
    made = capturing.captured
    again = REGISTRY["cuda_graphs"].shown(probe(extractor))
    assert capturing.captured == made == again.figures["graphs"]
    assert again.figures["replays"] > 0 == again.figures["eager_calls"]
    assert again.figures["bytes"] > made << 20


def test_where_there_is_no_room_forwards_run_eagerly_and_that_is_not_active(golden: Path) -> None:
    plain, capturing = composed(golden), Again(bytes_each=100)
    extractor = replaying(plain, capturing, most_bytes=1)
    text, schema = EXAMPLES[0].text, dict.fromkeys(EXAMPLES[0].schema)
    assert extractor.extract(text, schema) == plain.extract(text, schema)
    assert capturing.captured == 1
    found = REGISTRY["cuda_graphs"].shown(probe(extractor))
    assert not found.active
    assert "give it more mebibytes" in found.summary


def test_forwards_that_are_eager_after_all_are_not_active(golden: Path) -> None:
    extractor = replaying(composed(golden))
    half = replace(extractor.forwards, encode_text=extractor.model.encode_text)
    for lost in (Forwards.of(extractor.model), half):
        assert not REGISTRY["cuda_graphs"].shown(probe(replace(extractor, forwards=lost))).active
    for name in ("torch_compile", "torchscript"):
        assert not REGISTRY[name].shown(probe(extractor)).active


@pytest.mark.parametrize("name", ["flash_attention", "segmented_forward", "dead_work"])
def test_the_others_see_what_was_captured(golden: Path, name: str) -> None:
    plain, with_it = (replaying(composed(golden, *chosen)) for chosen in ((), (name,)))
    assert REGISTRY[name].shown(probe(with_it)).active
    assert not REGISTRY[name].shown(probe(plain)).active


def test_threads_take_turns_at_the_graphs(golden: Path) -> None:
    plain = composed(golden)
    extractor = replaying(plain)
    asked = [(example.text, dict.fromkeys(list(example.schema)[:2])) for example in EXAMPLES]
    expected = [plain.extract(*one) for one in asked]
    with ThreadPoolExecutor(4) as pool:
        for got in pool.map(lambda _: [extractor.extract(*one) for one in asked], range(4)):
            assert got == expected


def test_a_graph_that_holds_its_first_inputs_is_refused(golden: Path) -> None:
    model = composed(golden).model
    must_replay(model, CPU, Recordings(Buckets(32, model.config.positions), Again(), MANY))
    with pytest.raises(UnavailableError, match="cuda_graphs: the replay of encode_text differs"):
        must_replay(model, CPU, Recordings(Buckets(32, model.config.positions), Stale(), MANY))


def test_a_forward_that_cannot_be_captured_is_refused_and_no_memory_is_not_hidden(golden: Path) -> None:
    model = composed(golden).model

    class Raising(Again):
        def __init__(self, error: Exception) -> None:
            super().__init__()
            self.error = error

        def capture(self, forward: Callable[..., Tensor], given: tuple[Tensor, ...]) -> Callable[[], Tensor]:
            raise self.error

    waits = RuntimeError("operation not permitted when stream is capturing")
    with pytest.raises(UnavailableError, match="cannot be captured: operation not permitted"):
        must_replay(model, CPU, Recordings(Buckets(32, 512), Raising(waits), MANY))
    with pytest.raises(torch.OutOfMemoryError):
        must_replay(model, CPU, Recordings(Buckets(32, 512), Raising(torch.OutOfMemoryError("no")), MANY))


@pytest.mark.parametrize("parameters", [{"multiple": 0}, {"mebibytes": 0}])
def test_a_parameter_out_of_range_is_refused_and_named(golden: Path, parameters: dict[str, int]) -> None:
    with pytest.raises(InputError, match=f"cuda_graphs: {next(iter(parameters))} is 0"):
        REGISTRY["cuda_graphs"].apply(composed(golden), **parameters)


# Compiled forwards; what torch would generate code from is computed by Python.


@pytest.fixture
def fresh_compiler() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def as_it_is(graph: Any, _: Any) -> Any:
    return graph


@pytest.mark.usefixtures("fresh_compiler")
def test_one_graph_answers_at_any_length(golden: Path) -> None:
    company = ("batching", "dead_work", "flash_attention")
    plain = composed(golden, *company, changes=(shallow,))
    extractor = replace(plain, forwards=compiled(plain.forwards, as_it_is))
    must_compile(extractor.model, CPU, extractor.forwards)
    assert isinstance(extractor.forwards.cross, Compiled)
    assert extractor.forwards.cross.tally.compilations == 6  # each forward for one row and for several
    found = REGISTRY["torch_compile"].shown(probe(extractor))
    assert found.active, found.summary
    assert found.figures["answers"] == found.figures["calls"] > 0
    for example in EXAMPLES:
        prompts = [f"{name}: " for name in example.schema]
        expected = plain.logits(example.text, prompts)
        np.testing.assert_allclose(extractor.logits(example.text, prompts), expected, atol=1e-4)
    for name in company:
        assert REGISTRY[name].shown(probe(extractor)).active
    lost = replace(extractor.forwards, cross=extractor.model.cross)
    for forwards in (lost, Forwards.of(extractor.model)):
        assert not REGISTRY["torch_compile"].shown(probe(replace(extractor, forwards=forwards))).active
    extractor.forwards.cross.tally.compilations += 1  # for a shape more
    assert not REGISTRY["torch_compile"].shown(probe(extractor)).active


@pytest.mark.usefixtures("fresh_compiler")
def test_a_forward_that_breaks_the_graph_or_gives_something_else_is_refused() -> None:
    small = SiameseUIE(ModelConfig(50, 16, 2, 32, 1, 1)).eval().requires_grad_(requires_grad=False)

    def breaks(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        torch._dynamo.graph_break()
        return eager_attention(query, key, value, mask)

    broken = small.with_ops(replace(small.ops, attention=breaks))
    with pytest.raises(UnavailableError, match="torch_compile: encode_text cannot be compiled"):
        must_compile(broken, CPU, compiled(Forwards.of(broken), as_it_is))

    def wrong(graph: Any, _: Any) -> Any:
        return lambda *given: [one + 1 for one in graph(*given)]

    torch._dynamo.reset()
    with pytest.raises(UnavailableError, match="torch_compile: the code of encode_text differs"):
        must_compile(small, CPU, compiled(Forwards.of(small), wrong))


def test_what_is_compiled_is_kept_in_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, processes = "TORCHINDUCTOR_CACHE_DIR", "TORCHINDUCTOR_COMPILE_THREADS"
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    monkeypatch.setenv(processes, "3")  # the user's own
    monkeypatch.setenv(folder, "")
    monkeypatch.delenv(folder)
    torch_compile_file._set_up()
    assert (os.environ[folder], os.environ[processes]) == (str(tmp_path / "torch_compile"), "3")


# TF32.


@pytest.fixture
def full_precision() -> Iterator[None]:
    torch.set_float32_matmul_precision("highest")
    yield
    torch.set_float32_matmul_precision("highest")


@pytest.mark.usefixtures("full_precision")
def test_tf32_is_asked_for_when_the_model_is_loaded(golden: Path) -> None:
    plan = REGISTRY["tf32"].apply(plain_plan(golden, device="cpu", start="plain"))
    assert torch.get_float32_matmul_precision() == "highest"
    plan.load()
    assert torch.get_float32_matmul_precision() == "high"


def tf32(one: Tensor) -> Tensor:
    """Rounded to 11 bits, as tensor cores take their inputs."""
    bits = one.detach().clone().view(torch.int32)
    return ((bits + (1 << 12)) & ~((1 << 13) - 1)).view(torch.float32)


def test_tf32_is_active_where_products_are_rounded_and_only_there(golden: Path) -> None:
    extractor = composed(golden)
    layer: Any = extractor.model.plm.encoder.layer[0]
    evidence = REGISTRY["tf32"].shown
    assert not evidence(probe(extractor)).active
    dense = layer.intermediate.dense
    dense.forward = lambda given: torch.nn.functional.linear(tf32(given), tf32(dense.weight), dense.bias)
    found = evidence(probe(extractor))
    assert found.active, found.summary
    del dense.forward
    half = extractor.with_model(extractor.model.bfloat16())
    assert not evidence(probe(half)).active

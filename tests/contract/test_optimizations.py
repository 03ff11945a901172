"""What our optimizations promise beyond parity: that they do something, and say so only when they do."""

from __future__ import annotations

import importlib
import io
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from harness import Extractor
from harness.baseline.forward import Forwards
from harness.baseline.loading import plain_plan
from harness.baseline.model import Ops, additive, eager_attention
from harness.baseline.slots import WHOLE_BATCH, NodeByNode, PadToFixed
from harness.compose import compose
from harness.data.dataset import pick, read_dataset
from harness.embedded.cache import VARIABLE
from harness.errors import InputError, UnavailableError
from harness.measure.memory import weights_bytes
from harness.plan.registry import find_optimizations
from harness.plugin import Probe
from optimizations import flash_attention as flash_file
from optimizations import torchscript as torchscript_file
from optimizations.flash_attention import _in_half, kept_first, unpadded

EXAMPLES = pick([one for one in read_dataset("business/dev") if len(one.text) < 200], 2)
REGISTRY = find_optimizations()


def composed(golden: Any, *names: str, **parameters: Any) -> Extractor:
    chosen = [(REGISTRY[name], parameters if name == names[0] else {}) for name in names]
    return compose(plain_plan(golden, device="cpu", start="baseline"), chosen)


def probe(extractor: Extractor) -> Probe:
    """A short text and a long one, and few and flat types: on random weights a nested one asks thousands of prompts."""
    schemas = [dict.fromkeys(list(example.schema)[:2]) for example in EXAMPLES]
    return Probe(extractor, [example.text for example in EXAMPLES], schemas)


# For each, what a silent fallback would look like: the composed extractor without what the optimization brought.
FALLBACKS = {
    "batching": lambda extractor: replace(extractor, batching=NodeByNode()),
    "dynamic_truncation": lambda extractor: replace(extractor, padding=PadToFixed()),
    "flash_attention": lambda extractor: extractor.with_ops(Ops()),
    "segmented_forward": lambda extractor: replace(extractor.with_ops(Ops()), micro_batches=WHOLE_BATCH),
    "torchscript": lambda extractor: replace(extractor, forwards=Forwards.of(extractor.model)),
}


@pytest.mark.parametrize("name", FALLBACKS)
def test_evidence_is_there_when_active_and_not_when_it_silently_fell_back(golden: Any, name: str) -> None:
    extractor = composed(golden, name)
    assert REGISTRY[name].evidence(probe(extractor)).active
    assert not REGISTRY[name].evidence(probe(FALLBACKS[name](extractor))).active


def test_segments_that_a_script_has_lost_are_not_active(golden: Any) -> None:
    segmented, torchscript = REGISTRY["segmented_forward"], REGISTRY["torchscript"]
    both = composed(golden, "segmented_forward", "torchscript")
    found = segmented.evidence(probe(both))
    assert found.active
    assert 0 < found.figures["bytes"] < found.figures["bytes_unsegmented"]
    # The slots say that the layers work in segments; what runs is a script of layers that do not.
    whole = both.with_ops(replace(both.model.ops, feed_forward=Ops().feed_forward))
    lost = replace(both, forwards=replace(torchscript.apply(whole).forwards, model=both.model))
    assert not segmented.evidence(probe(lost)).active
    assert not segmented.evidence(probe(replace(lost, micro_batches=WHOLE_BATCH))).active


def test_micro_batches_are_no_evidence_of_segments(golden: Any) -> None:
    extractor = composed(golden, "segmented_forward", tokens=512, feed_forward=64)
    lost = extractor.with_ops(replace(extractor.model.ops, feed_forward=Ops().feed_forward))
    found = REGISTRY["segmented_forward"].evidence(probe(lost))
    assert found.figures["bytes"] < found.figures["bytes_unsegmented"]
    assert not found.active


def test_where_no_row_is_longer_than_a_segment_micro_batches_are_enough(golden: Any) -> None:
    extractor = composed(golden, "segmented_forward", "batching", "dynamic_truncation", tokens=128)
    short = Probe(extractor, ["售价三元"] * 20, [{"价格": None}] * 20)
    assert REGISTRY["segmented_forward"].evidence(short).active


@pytest.mark.parametrize("company", [(), ("torchscript",)], ids="+".join)
def test_segments_as_long_as_the_texts_are_not_active(golden: Any, company: tuple[str, ...]) -> None:
    whole = {"tokens": 10**6, "feed_forward": 10**6, "queries": 10**6}
    extractor = composed(golden, "segmented_forward", *company, **whole)
    assert not REGISTRY["segmented_forward"].evidence(probe(extractor)).active


def test_segments_of_which_nothing_was_seen_are_not_active(golden: Any) -> None:
    extractor = composed(golden, "segmented_forward")
    silent = Forwards(
        lambda ids, _: torch.zeros(*ids.shape, extractor.model.config.hidden),
        lambda ids, *_: torch.zeros(*ids.shape, extractor.model.config.hidden),
        lambda text, *_: torch.full((text.shape[0], 2, text.shape[1]), -9.0),
    )
    found = REGISTRY["segmented_forward"].evidence(probe(replace(extractor, forwards=silent)))
    assert found.figures["bytes"] == 0
    assert not found.active


def test_a_lean_startup_that_imports_transformers_after_all_is_not_active(golden: Any) -> None:
    program = f"""
from dataclasses import replace
from harness.baseline.loading import stock_plan
from harness.plan.registry import find_optimizations
from harness.plugin import Probe
plan, lean = stock_plan({str(golden)!r}, device="cpu", start="baseline"), find_optimizations()["lean_startup"]
leaner = lean.apply(plan)
for one in (leaner, replace(leaner, read_tokenizer=plan.read_tokenizer)):
    print(lean.evidence(Probe(one.load(), [], [])).active)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]


@pytest.mark.parametrize("name", FALLBACKS)
def test_evidence_is_there_in_the_company_of_all_others(golden: Any, name: str) -> None:
    others = sorted(set(FALLBACKS) - {name})
    assert REGISTRY[name].evidence(probe(composed(golden, name, *others))).active


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("batching", {"tokens": 0}),
        ("dynamic_truncation", {"multiple": 0}),
        ("flash_attention", {"attention_dtype": "int8"}),
        ("segmented_forward", {"tokens": 0}),
        ("segmented_forward", {"feed_forward": 0}),
        ("segmented_forward", {"queries": -1}),
    ],
)
def test_a_parameter_out_of_range_is_refused_and_named(golden: Any, name: str, parameters: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=f"{name}: {next(iter(parameters))} is"):
        composed(golden, name, **parameters)


@pytest.mark.parametrize("name", ["torchscript", "onnxruntime", "openvino"])
def test_a_graph_with_a_loop_baked_in_is_refused(golden: Any, name: str) -> None:
    if REGISTRY[name].missing:
        pytest.skip(str(REGISTRY[name].missing))

    def sixteen_queries(query: Any, key: Any, value: Any, mask: Any) -> torch.Tensor:
        blocks = [
            (query[:, :, i : i + 16] @ key.transpose(-1, -2)).softmax(-1) @ value for i in range(0, query.shape[2], 16)
        ]
        return torch.cat(blocks, dim=2)

    extractor = composed(golden, "dynamic_truncation")
    unrolled = extractor.with_ops(Ops(attention=sixteen_queries))
    with pytest.raises(UnavailableError, match=rf"{name}: \w+ \w+ of encode_text differs"):
        REGISTRY[name].apply(unrolled)


def traces_made(monkeypatch: pytest.MonkeyPatch, cache: Path) -> list[object]:
    made: list[object] = []

    def counted(*inputs: Any) -> Any:
        made.append(inputs)
        return trace(*inputs)

    trace = torchscript_file._trace
    monkeypatch.setattr(torchscript_file, "_trace", counted)
    monkeypatch.setenv(VARIABLE, str(cache))
    return made


def test_traces_are_made_once_for_each_way_to_compute_a_model_whatever_its_weights(
    golden: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = traces_made(monkeypatch, tmp_path)
    first, again = composed(golden, "torchscript"), composed(golden, "torchscript")
    assert len(made) == 1
    text, schema = EXAMPLES[0].text, dict.fromkeys(EXAMPLES[0].schema)
    assert first.extract(text, schema) == again.extract(text, schema)
    composed(golden, "flash_attention", "torchscript")
    composed(golden, "segmented_forward", "torchscript")
    composed(golden, "segmented_forward", "torchscript", queries=32)
    composed(golden, "segmented_forward", "torchscript")
    assert len(made) == 4
    composed(golden, "packed_linear", "torchscript")
    packed = composed(golden, "packed_linear", "torchscript")
    assert len(made) == 5
    np.testing.assert_allclose(packed.logits(text, ["价格: "]), first.logits(text, ["价格: "]), atol=1e-4)
    kept = [path.stat().st_size for path in tmp_path.rglob("*.pt")]
    assert max(kept) < weights_bytes(first.model) / 2, "no weights are kept with the graphs"
    other = composed(golden, "dynamic_truncation")
    with torch.no_grad():
        other.model.head_clsf.bias.add_(1)
    moved = REGISTRY["torchscript"].apply(other).logits(text, ["价格: "]) - first.logits(text, ["价格: "])
    np.testing.assert_allclose(moved[0], np.broadcast_to([[1], [0]], moved[0].shape), atol=1e-4)
    assert len(made) == 5


def test_code_that_closes_over_an_object_is_traced_anew(
    golden: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = traces_made(monkeypatch, tmp_path)
    scale = torch.ones(1)

    def scaled(query: Any, key: Any, value: Any, mask: Any) -> torch.Tensor:
        return eager_attention(query * scale, key, value, mask)

    extractor = composed(golden, "dynamic_truncation").with_ops(Ops(attention=scaled))
    for _ in range(2):
        REGISTRY["torchscript"].apply(extractor)
    assert len(made) == 2
    assert not list(tmp_path.iterdir())


FULL_DISK = """
import resource, signal, sys
from harness.errors import InputError
from harness.plan.registry import find_optimizations
from harness.testing.subject import baseline, composed

baseline()  # so that the checkpoint's own files are in the cache
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 14, 1 << 14))
try:
    composed((find_optimizations()["torchscript"], {}))
except InputError as error:
    sys.exit(str(error))
"""


def test_a_full_disk_is_named_and_does_not_abort_the_process() -> None:
    done = subprocess.run([sys.executable, "-c", FULL_DISK], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "the cache" in done.stderr
    assert "make room there" in done.stderr


@pytest.fixture
def fusing_on_a_cpu() -> Iterator[None]:
    before = torch._C._jit_can_fuse_on_cpu()
    for switch in (torch._C._jit_override_can_fuse_on_cpu, torch._C._jit_set_texpr_fuser_enabled):
        switch(True)  # noqa: FBT003 (torch's own)
    yield
    torch._C._jit_override_can_fuse_on_cpu(before)


@pytest.mark.usefixtures("fusing_on_a_cpu")
def test_a_script_compiles_no_kernels_in_its_first_requests(golden: Any) -> None:
    extractor = composed(golden, "torchscript")
    for _ in range(3):  # the third would run what was compiled in the second, by a compiler that torch for CPUs lacks
        extractor.extract(EXAMPLES[0].text, dict.fromkeys(EXAMPLES[0].schema))
    assert not torch._C._jit_texpr_fuser_enabled()


@pytest.mark.parametrize("company", [(), ("packed_linear",)], ids="+".join)
def test_a_script_computes_with_the_model_s_own_weights(golden: Any, company: tuple[str, ...]) -> None:
    extractor = composed(golden, "torchscript", *company)
    assert not list(Forwards.of(extractor.model).constants())
    alone = weights_bytes(extractor.model)
    assert weights_bytes(extractor.model, extractor.forwards.constants()) == pytest.approx(alone, rel=0.01)


def test_a_script_is_not_given_to_the_passes_that_hold_weights_twice_on_cuda(
    golden: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = list[object]()
    monkeypatch.setattr(torch._C, "_jit_pass_optimize_frozen_graph", lambda *given: run.append(given))
    extractor = composed(golden, "torchscript")
    assert run == []
    kinds = {node.kind() for node in extractor.forwards.encode_text.graph.nodes()}  # type: ignore[attr-defined]
    assert "aten::linear" in kinds
    assert "aten::dropout" not in kinds
    assert "prim::GetAttr" not in kinds  # it is frozen


def on_hopper(monkeypatch: pytest.MonkeyPatch, flash_attn: str | None, *, own: bool) -> None:
    """A GPU with flash kernels, a release of flash-attn, and perhaps torch's own kernel."""
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))
    there = None if flash_attn is None else SimpleNamespace(flash_attn_varlen_func=kernel_without_a_mask)
    monkeypatch.setitem(sys.modules, "flash_attn", cast("Any", there))
    if not own:
        monkeypatch.setitem(sys.modules, "torch.nn.attention.varlen", cast("Any", None))

    def version(name: str) -> str:
        if flash_attn is None:
            raise PackageNotFoundError(name)
        return flash_attn

    monkeypatch.setattr(flash_file, "version", version)


@pytest.mark.parametrize("flash_attn", [None, "2.6.3"])
def test_half_precision_without_a_kernel_for_it_is_unavailable(
    monkeypatch: pytest.MonkeyPatch, flash_attn: str | None
) -> None:
    on_hopper(monkeypatch, flash_attn, own=False)
    wanted = rf"flash_attention: .* torch 2\.10 or newer, or flash-attn 2\.7 or newer, .* with {flash_attn or 'none'};"
    with pytest.raises(UnavailableError, match=wanted):
        _in_half(torch.device("cuda"))


@pytest.mark.parametrize(("flash_attn", "own"), [(None, True), ("2.6.3", True), ("2.8.3.post2", False)])
def test_half_precision_takes_torchs_own_kernel_and_else_flash_attns(
    monkeypatch: pytest.MonkeyPatch, flash_attn: str | None, own: bool
) -> None:
    on_hopper(monkeypatch, flash_attn, own=own)
    taken: list[object] = []
    monkeypatch.setattr(flash_file, "unpadded", taken.append)
    _in_half(torch.device("cuda"))
    assert taken == [importlib.import_module("torch.nn.attention.varlen").varlen_attn if own else kernel_without_a_mask]


@torch.library.custom_op("uiebench_tests::varlen", mutates_args=())
def varlen(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    ends: torch.Tensor,
    key_ends: torch.Tensor,
    most: int,
    most_keys: int,
) -> torch.Tensor:
    """What a varlen kernel computes: each row attends to itself alone; what lies behind the last row is left as it was.

    (tokens, N, D), int32 (B + 1) -> (tokens, N, D).
    """
    assert ends.dtype == key_ends.dtype == torch.int32
    context = torch.full_like(query, torch.nan)
    for row, keys in zip(pairwise(ends.tolist()), pairwise(key_ends.tolist()), strict=True):
        assert row[1] - row[0] <= most
        assert keys[1] - keys[0] <= most_keys
        q, k, v = (one[slice(*of)].transpose(0, 1)[None] for one, of in ((query, row), (key, keys), (value, keys)))
        context[slice(*row)] = eager_attention(q, k, v, None)[0].transpose(0, 1)
    return context


@varlen.register_fake
def _(query: torch.Tensor, *_: object) -> torch.Tensor:
    return torch.empty_like(query)


def kernel_without_a_mask(*given: Any) -> torch.Tensor:
    """As an operator, so that a trace holds it."""
    found: torch.Tensor = torch.ops.uiebench_tests.varlen(*given)
    return found


def rows_of(rows: int, tokens: int, asking: int) -> tuple[torch.Tensor, ...]:
    """Query, key, value and a mask with something of each row kept."""
    drawn = torch.Generator().manual_seed(rows)
    query, key, value = torch.randn(3, rows, 2, tokens, 5, generator=drawn)
    kept = torch.rand(rows, tokens, generator=drawn) < 0.7
    kept[:, 0] = True
    return query[:, :, :asking], key, value, kept


@pytest.mark.parametrize("asking", [9, 6])
@pytest.mark.parametrize("padded", [True, False])
def test_rows_without_their_padding_attend_as_masked_ones(padded: bool, asking: int) -> None:
    query, key, value, kept = rows_of(4, 9, asking)
    mask, order = (additive(kept, query.dtype), kept_first(kept, query.dtype)) if padded else (None, None)
    expected = eager_attention(query, key, value, mask)
    torch.testing.assert_close(unpadded(kernel_without_a_mask)(query, key, value, order), expected)


def by_kept(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    return unpadded(kernel_without_a_mask)(query, key, value, kept_first(kept, query.dtype))


def test_rows_are_packed_without_asking_the_device_for_anything() -> None:
    given = rows_of(4, 9, 6)
    # On the meta device whatever depends on the numbers themselves is an error: it would have to wait for them.
    assert by_kept(*(one.to("meta") for one in given)).shape == given[0].shape
    with pytest.raises((NotImplementedError, RuntimeError)):
        given[1].to("meta")[given[3][:, None].to("meta").expand(-1, 2, -1)]


def test_a_trace_of_packed_rows_holds_for_other_shapes() -> None:
    traced: Any = torch.jit.trace(by_kept, rows_of(2, 5, 3), check_trace=False)  # type: ignore[no-untyped-call]
    buffer = io.BytesIO()
    torch.jit.save(traced, buffer)
    buffer.seek(0)
    for script in (traced, torch.jit.load(buffer)):  # type: ignore[no-untyped-call]
        for shape in ((2, 5, 3), (3, 12, 7), (5, 300, 300)):
            given = rows_of(*shape)
            torch.testing.assert_close(script(*given), by_kept(*given))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_attention_is_near_shown_and_not_called_exact(golden: Any, dtype: str) -> None:
    half, full = composed(golden, "flash_attention", attention_dtype=dtype), composed(golden, "flash_attention")
    flash = REGISTRY["flash_attention"]
    assert not flash.keeps_answers({"attention_dtype": dtype})
    assert flash.exact
    assert flash.evidence(probe(half)).active
    text, prompts = EXAMPLES[0].text, ["价格: "]
    apart = abs(half.logits(text, prompts) - full.logits(text, prompts)).max()
    assert 1e-6 < apart < 0.5

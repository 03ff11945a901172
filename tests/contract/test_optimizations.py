"""What our optimizations promise beyond parity: that they do something, and say so only when they do."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

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
from optimizations import torchscript as torchscript_file
from optimizations.flash_attention import _in_half, kept_first, unpadded

EXAMPLES = pick([one for one in read_dataset("business/dev") if len(one.text) < 200], 4)
REGISTRY = find_optimizations()


def composed(golden: Any, *names: str, **parameters: Any) -> Extractor:
    chosen = [(REGISTRY[name], parameters if name == names[0] else {}) for name in names]
    return compose(plain_plan(golden, device="cpu", start="baseline"), chosen)


def probe(extractor: Extractor) -> Probe:
    # Few and flat types: on random weights a nested one asks thousands of prompts.
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


def test_a_trace_with_a_loop_baked_in_is_refused(golden: Any) -> None:
    def sixteen_queries(query: Any, key: Any, value: Any, mask: Any) -> torch.Tensor:
        blocks = [
            (query[:, :, i : i + 16] @ key.transpose(-1, -2)).softmax(-1) @ value for i in range(0, query.shape[2], 16)
        ]
        return torch.cat(blocks, dim=2)

    extractor = composed(golden, "dynamic_truncation")
    unrolled = extractor.with_ops(Ops(attention=sixteen_queries))
    with pytest.raises(UnavailableError, match="torchscript: the trace of encode_text differs"):
        REGISTRY["torchscript"].apply(unrolled)


def traces_made(monkeypatch: pytest.MonkeyPatch, cache: Path) -> list[object]:
    made: list[object] = []

    def counted(*inputs: Any) -> Any:
        made.append(inputs)
        return trace(*inputs)

    trace = torchscript_file._trace
    monkeypatch.setattr(torchscript_file, "_trace", counted)
    monkeypatch.setenv(VARIABLE, str(cache))
    return made


def test_traces_are_made_once_for_each_model_and_each_way_to_compute_it(
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
    other = composed(golden, "dynamic_truncation")
    with torch.no_grad():
        other.model.head_clsf.bias.add_(1)
    REGISTRY["torchscript"].apply(other)
    REGISTRY["torchscript"].apply(other)
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
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
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


def test_the_weights_that_a_script_holds_beside_the_model_are_counted(golden: Any) -> None:
    extractor = composed(golden, "torchscript")
    assert not list(Forwards.of(extractor.model).constants())
    alone = weights_bytes(extractor.model)
    assert weights_bytes(extractor.model, extractor.forwards.constants()) == pytest.approx(2 * alone, rel=0.05)
    constants = {one.untyped_storage().data_ptr() for one in extractor.forwards.constants()}
    assert not constants & {one.untyped_storage().data_ptr() for one in extractor.model.parameters()}


def test_half_precision_without_a_kernel_for_it_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))
    for name in ("flash_attn", "torch.nn.attention.varlen"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UnavailableError, match=r"flash_attention: .* needs flash-attn, or torch 2\.10 or newer"):
        _in_half(torch.device("cuda"))


def kernel_without_a_mask(query: Any, key: Any, value: Any, begins: Any, ends: Any, *_: Any) -> torch.Tensor:
    """What a varlen kernel computes: each row's queries attend to its keys alone. (tokens, N, D)."""
    assert begins.dtype == ends.dtype == torch.int32
    asking, asked = ([slice(int(begin), int(end)) for begin, end in pairwise(one)] for one in (begins, ends))
    q, k, v = (one.transpose(0, 1)[None] for one in (query, key, value))  # (1, N, tokens, D)
    rows = zip(asking, asked, strict=True)
    own = [eager_attention(q[:, :, one], k[:, :, other], v[:, :, other], None) for one, other in rows]
    return torch.cat(own, dim=2)[0].transpose(0, 1)


@pytest.mark.parametrize("padded", [True, False])
def test_rows_without_their_padding_attend_as_masked_ones(padded: bool) -> None:
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 4, 2, 9, 5)
    query = query[:, :, :6]  # of a layer that computes the first tokens alone
    kept = torch.rand(4, 9) < 0.7
    kept[:, 0] = True
    mask, order = (additive(kept, query.dtype), kept_first(kept, query.dtype)) if padded else (None, None)
    expected = eager_attention(query, key, value, mask)
    torch.testing.assert_close(unpadded(kernel_without_a_mask)(query, key, value, order), expected)


def test_a_trace_of_rows_without_their_padding_holds_for_other_shapes() -> None:
    seen: list[tuple[int, int]] = []

    def kernel(query: Any, key: Any, *rest: Any) -> Any:
        seen.append(rest[-2:])
        return query + key.cumsum(0).mean() + rest[1].sum() + rest[2].sum()  # it depends on all, and on their order

    def attend(query: Any, key: Any, kept: Any) -> Any:
        return unpadded(kernel)(query, key, key, kept_first(kept, key.dtype))

    def given(rows: int, tokens: int, asking: int) -> tuple[torch.Tensor, ...]:
        key = torch.randn(rows, 2, tokens, 5)
        return key[:, :, :asking], key, torch.rand(rows, tokens) < 0.7

    traced: Any = torch.jit.trace(attend, given(2, 5, 3), check_trace=False)  # type: ignore[no-untyped-call]
    for shape in ((2, 5, 3), (3, 12, 7), (5, 300, 300)):
        inputs = given(*shape)
        torch.testing.assert_close(traced(*inputs), attend(*inputs))
    assert set(seen) == {(512, 512)}  # no shape's own, which a trace would keep


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

"""The model's forwards as frozen TorchScript."""

from __future__ import annotations

import hashlib
import inspect
import io
import types
import warnings
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.plugin import Evidence, Probe, Stage, UnavailableError, optimization

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from harness.baseline.model import ModelConfig, SiameseUIE
    from harness.plugin import Extractor

_FILE = "forwards.pt"
_FORWARDS = ("encode_text", "encode_prompt", "cross")
_TRACED_AT = (2, 16, 6)  # rows, text tokens, prompt tokens
_COMPARED_AT = ((3, 40, 9), (5, 200, 70))  # two larger shapes, so that nothing of the traced one is baked in
_TOLERANCE = 1e-4


def graphs_run(probe: Probe) -> Evidence:
    """Count the calls that TorchScript's interpreter, and not Python, answers."""
    script, eager = (calls.total() for calls in calls_by_engine(probe))
    return Evidence(
        optimization="torchscript",
        active=script > 0 and eager == 0,
        summary=f"{script} forwards by TorchScript, {eager} by Python",
        figures={"script_calls": script, "eager_calls": eager},
    )


def calls_by_engine(probe: Probe) -> tuple[Counter[str], Counter[str]]:
    """The calls of each forward that TorchScript's interpreter answers, and those that Python does, by its name."""
    from harness.baseline.forward import Forwards

    forwards = probe.extractor.forwards
    script, eager = Counter[str](), Counter[str]()

    def counting(name: str, forward: Any) -> Any:
        def counted(*inputs: Tensor) -> Any:
            (script if hasattr(forward, "graph") else eager)[name] += 1
            return forward(*inputs)

        return counted

    watched = Forwards(*(counting(name, getattr(forwards, name)) for name in _FORWARDS))
    probe.run(replace(probe.extractor, forwards=watched))
    return script, eager


@optimization(Stage.GRAPH, exact=True, evidence=graphs_run)
def torchscript(extractor: Extractor) -> Extractor:
    """Trace the three forwards and freeze them: the layers run without Python in between.

    Cheaper: Python's share of a forward, which matters where the products are small (short texts, small models, fast
    GPUs); freezing also folds constants. A big product takes the time it did. Micro-batches and windows stay outside
    of what is traced, and loops inside are scripted. The traces are compared with the eager forwards at two larger
    shapes before they are used, and refused where they differ by more than 1e-4. Making them takes some seconds of the
    first start-up; later ones read them from the user's cache, where their key holds the weights, the code of the
    layers, torch's version and the device. torch calls TorchScript deprecated since 2.9 in favour of torch.compile.

    Costs: memory. What is frozen holds a copy of all weights beside the model, which is kept for what looks into its
    layers, so the process takes the weights twice. ``optimize_for_inference`` is left out: on a CPU it gave the same
    numbers in the same time, for one short row and for eight long ones.
    Source: step 1 of the guide, which traces the encoder at one shape.
    """
    import torch

    from harness.baseline.forward import Forwards
    from harness.embedded.cache import cached

    model, device = extractor.model, extractor.device

    def save(directory: Path) -> None:
        buffer = io.BytesIO()  # torch.jit.save itself aborts the process where the disk is full
        torch.jit.save(_trace(model, device), buffer)
        (directory / _FILE).write_bytes(buffer.getbuffer())

    with warnings.catch_warnings():
        # Its deprecation is told in the docstring, not to whoever runs a suite.
        warnings.filterwarnings("ignore", r"`torch\.jit\.", DeprecationWarning)
        if (key := _key(model, device)) is None:
            frozen = _trace(model, device)
        else:
            made = cached(f"torchscript-{key}", save) / _FILE
            frozen = torch.jit.load(made, map_location=device)  # type: ignore[no-untyped-call]
    return replace(extractor, forwards=Forwards(frozen.encode_text, frozen.encode_prompt, frozen.cross))


def _key(model: SiameseUIE, device: torch.device) -> str | None:
    """A hash of all that the traces depend on; None where code has no describable value."""
    import torch

    import harness.baseline.model

    if not all(_is_known(module) for module in model.modules()):
        return None
    try:
        code = [_described(part) for part in (model.ops.attention, model.ops.feed_forward)]
    except TypeError:
        return None
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    sources = [Path(file).read_bytes() for file in (__file__, harness.baseline.model.__file__)]
    known = hashlib.sha256(repr((torch.__version__, str(device), gpu, model.config, code, sources)).encode())
    for name, value in model.state_dict().items():
        known.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        known.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return known.hexdigest()[:16]


def _is_known(module: Any) -> bool:
    """Whether a module computes what its class says, and that is PyTorch's or the baseline's."""
    ours = type(module).__module__.startswith(("torch.nn.", "harness.baseline."))
    return ours and "<locals>" not in type(module).__qualname__ and "forward" not in vars(module)


def _described(part: Any) -> Any:
    """A function as its place in a file of these bytes with what it closes over; plain values as they are."""
    if part is None or isinstance(part, bool | int | float | str):
        return part
    if isinstance(part, types.ModuleType):
        return part.__name__
    if isinstance(part, types.FunctionType):
        part = inspect.unwrap(part)  # torch's wrapper of a script closes over itself
        closed = [_described(cell.cell_contents) for cell in part.__closure__ or ()]
        return part.__qualname__, Path(part.__code__.co_filename).read_bytes(), closed
    raise TypeError(part)


def _trace(model: SiameseUIE, device: torch.device) -> Any:
    import torch
    from torch import nn

    class Traceable(nn.Module):
        """One module of three methods, so that the traces share their weights."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def encode_text(self, ids: Tensor, mask: Tensor) -> Tensor:
            return self.model.encode_text(ids, mask)

        def encode_prompt(self, ids: Tensor, mask: Tensor, starts: Tensor) -> Tensor:
            return self.model.encode_prompt(ids, mask, starts)

        def cross(self, text: Tensor, text_mask: Tensor, prompt: Tensor, prompt_mask: Tensor) -> Tensor:
            return self.model.cross(text, text_mask, prompt, prompt_mask)

    with torch.no_grad():
        inputs = _inputs(model.config, device, *_TRACED_AT)
        traced: Any = torch.jit.trace_module(Traceable().eval(), inputs, check_trace=False)  # type: ignore[no-untyped-call]
        frozen = torch.jit.freeze(traced, preserved_attrs=list(_FORWARDS))
        for shape in _COMPARED_AT:
            _compare(model, frozen, _inputs(model.config, device, *shape), shape)
    return frozen


def _compare(model: SiameseUIE, frozen: Any, inputs: dict[str, tuple[Tensor, ...]], shape: tuple[int, ...]) -> None:
    for name, given in inputs.items():
        if found := _difference(getattr(model, name)(*given), getattr(frozen, name), given):
            raise UnavailableError(
                f"torchscript: the trace of {name} differs from the eager forward ({found}) for {shape} rows, text and "
                "prompt tokens; something in it depends on the shape that was traced"
            )


def _difference(expected: Tensor, traced: Any, given: tuple[Tensor, ...]) -> str | None:
    import torch

    try:
        got: Tensor = traced(*given)
    except RuntimeError as error:
        return str(error).strip().splitlines()[-1]
    if got.shape != expected.shape:
        return f"shape {tuple(got.shape)} instead of {tuple(expected.shape)}"
    if torch.allclose(got, expected, rtol=0, atol=_TOLERANCE, equal_nan=True):
        return None
    return f"{float((got - expected).abs().max()):.1e} apart"


def _inputs(config: ModelConfig, device: torch.device, rows: int, text: int, prompt: int) -> dict[str, tuple[Any, ...]]:
    """Made-up inputs of each forward, the last tokens of the first row padding."""
    import torch

    generator = torch.Generator().manual_seed(0)

    def ids(tokens: int) -> tuple[Tensor, Tensor]:
        drawn = torch.randint(0, config.vocabulary, (rows, tokens), generator=generator)
        mask = torch.ones(rows, tokens, dtype=torch.bool)
        mask[0, -2:] = False
        return drawn.to(device), mask.to(device)

    def hidden(tokens: int) -> Tensor:
        return torch.randn(rows, tokens, config.hidden, generator=generator).to(device)

    (text_ids, text_mask), (prompt_ids, prompt_mask) = ids(text), ids(prompt)
    return {
        "encode_text": (text_ids, text_mask),
        "encode_prompt": (prompt_ids, prompt_mask, torch.full((rows,), text, device=device)),
        "cross": (hidden(text), text_mask, hidden(prompt), prompt_mask),
    }

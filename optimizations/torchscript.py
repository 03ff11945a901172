"""The model's forwards as frozen TorchScript."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.plugin import Evidence, Probe, Stage, optimization

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from harness.baseline.model import SiameseUIE
    from harness.plugin import Extractor

_FILE = "forwards.pt"
_FORWARDS = ("encode_text", "encode_prompt", "cross")


def graphs_run(probe: Probe) -> Evidence:
    """Count the calls that TorchScript's interpreter, and not Python, answers."""
    script, eager = (calls.total() for calls in probe.calls(lambda forward: hasattr(forward, "graph")))
    return Evidence(
        optimization="torchscript",
        active=script > 0 and eager == 0,
        summary=f"{script} forwards by TorchScript, {eager} by Python",
        figures={"script_calls": script, "eager_calls": eager},
    )


@optimization(Stage.GRAPH, exact=True, evidence=graphs_run)
def torchscript(extractor: Extractor) -> Extractor:
    """Trace the three forwards and freeze them: the layers run without Python in between.

    Cheaper: Python's share of a forward, which matters where the products are small (short texts, small models, fast
    GPUs); freezing also folds constants. A big product takes the time it did. Micro-batches and windows stay outside
    of what is traced, and loops inside are scripted. The traces are compared with the eager forwards at two larger
    shapes before they are used, and refused where they differ by more than 1e-4. Making them takes some seconds of the
    first start-up; later ones read them from the user's cache, where their key holds the code of the layers, the
    shapes of the weights, torch's version and the device. The weights are the model's own, so they are held once. torch
    calls TorchScript deprecated since 2.9 in favour of torch.compile.

    Left out: the fuser, which on CUDA would compile kernels during the first requests of each shape; it is turned off
    for the whole process. The passes that ``torch.jit.freeze`` runs once a module is frozen: they remove dropout, which
    the model has not, and on CUDA they merge layers that take the same input, so that query, key and value are held a
    second time. Passes that change numbers. ``optimize_for_inference``: on a CPU it gave the same numbers in the same
    time, for one short row and for eight long ones.
    Source: step 1 of the guide, which traces the encoder at one shape.
    """
    import torch

    from harness.baseline.fingerprint import fingerprint
    from harness.baseline.forward import Forwards
    from harness.embedded.cache import made

    model, device = extractor.model, extractor.device
    torch._C._jit_set_texpr_fuser_enabled(False)  # noqa: FBT003

    def save(directory: Path) -> None:
        buffer = io.BytesIO()  # torch.jit.save itself aborts the process where the disk is full
        graphs = _trace(model, device)
        _place(graphs, {name: _stand_in(weight) for name, weight in _weights(model).items()})
        torch.jit.save(graphs, buffer)
        (directory / _FILE).write_bytes(buffer.getbuffer())

    with warnings.catch_warnings():
        # Its deprecation is told in the docstring, not to whoever runs a suite.
        warnings.filterwarnings("ignore", r"`torch\.jit\.", DeprecationWarning)
        key = fingerprint(model, device, [Path(__file__).read_bytes()], of_weights=False)
        with made(None if key is None else f"torchscript-{key}", save) as directory:
            graphs = torch.jit.load(directory / _FILE, map_location=device)  # type: ignore[no-untyped-call]
        _place(graphs, _weights(model))
        frozen = _freeze(graphs)
    return replace(extractor, forwards=Forwards(frozen.encode_text, frozen.encode_prompt, frozen.cross))


def _trace(model: SiameseUIE, device: torch.device) -> Any:
    """The three forwards as methods of one module of scripts, which has the model's weights under their names."""
    import torch
    from torch import nn

    from harness.baseline.agreement import TRACED_AT, inputs, must_agree
    from harness.baseline.work import product_dtype

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
        given = inputs(model, device, *TRACED_AT)
        traced: Any = torch.jit.trace_module(Traceable().eval(), given, check_trace=False)  # type: ignore[no-untyped-call]
    frozen = _freeze(traced)
    forwards = {name: getattr(frozen, name) for name in _FORWARDS}
    must_agree(model, device, forwards, "torchscript: the trace", exact=product_dtype(model) == "float32")
    return traced


def _freeze(graphs: Any) -> Any:
    """What ``torch.jit.freeze`` does before it goes on to passes that hold weights twice on CUDA."""
    import torch
    from torch.jit._script import RecursiveScriptModule

    with torch.no_grad():
        frozen = RecursiveScriptModule(torch._C._freeze_module(graphs._c, list(_FORWARDS)))
    RecursiveScriptModule._finalize_scriptmodule(frozen)
    return frozen


def _weights(model: SiameseUIE) -> dict[str, Tensor]:
    """Parameters and buffers, by their names in the traced module."""
    named = (*model.named_parameters(remove_duplicate=False), *model.named_buffers(remove_duplicate=False))
    return {f"model.{name}": tensor.detach() for name, tensor in named}


def _stand_in(weight: Tensor) -> Tensor:
    """A tensor of the same shape and type with one number in it."""
    import torch

    return torch.zeros((), dtype=weight.dtype).expand(weight.shape)


def _place(graphs: Any, weights: Mapping[str, Tensor]) -> None:
    """Give a module of scripts these weights, by name."""
    for name, tensor in weights.items():
        *path, last = name.split(".")
        setattr(reduce(getattr, path, graphs), last, tensor)

"""The model's forwards as frozen TorchScript."""

from __future__ import annotations

import io
import warnings
from dataclasses import replace
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
    first start-up; later ones read them from the user's cache, where their key holds the weights, the code of the
    layers, torch's version and the device. torch calls TorchScript deprecated since 2.9 in favour of torch.compile.

    Costs: memory. What is frozen holds a copy of all weights beside the model, which is kept for what looks into its
    layers, so the process takes the weights twice. ``optimize_for_inference`` is left out: on a CPU it gave the same
    numbers in the same time, for one short row and for eight long ones.
    Source: step 1 of the guide, which traces the encoder at one shape.
    """
    import torch

    from harness.baseline.fingerprint import fingerprint
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
        if (key := fingerprint(model, device, [Path(__file__).read_bytes()])) is None:
            frozen = _trace(model, device)
        else:
            made = cached(f"torchscript-{key}", save) / _FILE
            frozen = torch.jit.load(made, map_location=device)  # type: ignore[no-untyped-call]
    return replace(extractor, forwards=Forwards(frozen.encode_text, frozen.encode_prompt, frozen.cross))


def _trace(model: SiameseUIE, device: torch.device) -> Any:
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
        frozen = torch.jit.freeze(traced, preserved_attrs=list(_FORWARDS))
    made = {name: getattr(frozen, name) for name in _FORWARDS}
    must_agree(model, device, made, "torchscript: the trace", exact=product_dtype(model) == "float32")
    return frozen

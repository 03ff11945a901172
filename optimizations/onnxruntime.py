"""The model's forwards by ONNX Runtime."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import in_brief
from harness.plugin import Evidence, InputError, Probe, Stage, UnavailableError, imported, optimization

if TYPE_CHECKING:
    from torch import Tensor

    from harness.baseline.exported import Cross, Run, Tower
    from harness.plugin import Extractor

_OPSET = 17  # the first with LayerNormalization as one operator
_PRECISIONS = ("float32", "int8")


def calls_answered(probe: Probe) -> Evidence:
    """Count the forwards that ONNX Runtime answers, and those that torch does."""
    foreign, own = (
        calls.total() for calls in probe.calls(lambda forward: getattr(forward, "runtime", None) == "onnxruntime")
    )
    return Evidence(
        optimization="onnxruntime",
        active=foreign > 0 and own == 0,
        summary=f"{foreign} forwards by ONNX Runtime, {own} by torch",
        figures={"foreign_calls": foreign, "own_calls": own},
    )


def why_not(device: Any) -> str | None:
    """What is built here is a session on the CPU."""
    return None if device.type == "cpu" else f"its sessions are made for a CPU, and this is {device.type}"


@optimization(
    Stage.GRAPH,
    exact=lambda parameters: parameters.get("precision", "float32") == "float32",
    evidence=calls_answered,
    unavailable=why_not,
    requires=["onnxruntime", "onnx"],
    # The runtime has an attention of its own; others make the forwards too, or layers that it has no operator for.
    conflicts=[
        "flash_attention",
        "torchscript",
        "openvino",
        "packed_linear",
        "int8",
        "segmented_forward",
        "half_precision",
    ],
)
def onnxruntime(extractor: Extractor, *, precision: str = "float32") -> Extractor:
    """Export the model to ONNX and compute its forwards by ONNX Runtime, at any shape.

    Cheaper: its own matrix product, which uses AVX-512 on AMD processors too, where torch's MKL does not; bias, GELU
    and LayerNorm are fused. Texts and prompts go through one graph of the towers, the pairs through one of the cross
    layers. Both are compared with the eager forwards at two larger shapes before they are used. The export takes some
    seconds of the first start-up; later ones read it from the user's cache. With ``precision`` int8 weights have 8 bits
    and activations are rounded by the range of the whole input, so answers may change.

    Costs: memory. The session holds a copy of all weights beside the model.
    Source: onnxruntime.ai; exported by torch.onnx.

    Args:
        extractor: the extractor to change.
        precision: float32 or int8.
    """
    import torch

    from harness.baseline.agreement import must_agree
    from harness.baseline.exported import Cross, Tower, forwards

    if precision not in _PRECISIONS:
        raise InputError(f"onnxruntime: precision is {precision!r}; it must be one of {_PRECISIONS}")
    model = extractor.model
    found = forwards(model, "onnxruntime", *(_session(kind(model), precision) for kind in (Tower, Cross)))
    must_agree(model, torch.device("cpu"), vars(found), "onnxruntime: its graph", exact=precision == "float32")
    return replace(extractor, forwards=found)


def _session(part: Tower | Cross, precision: str) -> Run:
    """A session of one part; several threads may run it."""
    import torch

    from harness.baseline.fingerprint import fingerprint
    from harness.embedded.cache import made

    onnx, ort = imported("onnx"), imported("onnxruntime")

    def save(directory: Path) -> None:
        _export(part, directory / "float32.onnx")
        if precision == "int8":
            by = imported("onnxruntime.quantization")
            by.quantize_dynamic(directory / "float32.onnx", directory / "int8.onnx", weight_type=by.QuantType.QInt8)
            (directory / "float32.onnx").unlink()

    name = type(part).__name__.lower()
    versions = [onnx.__version__, ort.__version__, Path(__file__).read_bytes(), precision]
    key = fingerprint(part.model, torch.device("cpu"), versions)
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = torch.get_num_threads(), 1
    options.log_severity_level = 3  # errors
    with made(key and f"onnxruntime-{name}-{key}", save) as directory:
        session = ort.InferenceSession(directory / f"{precision}.onnx", options, providers=["CPUExecutionProvider"])

    def run(*inputs: Tensor) -> Tensor:
        given = {name: one.contiguous().numpy() for name, one in zip(part.names, inputs, strict=True)}
        return torch.from_numpy(session.run(None, given)[0])

    return run


def _export(part: Tower | Cross, file: Path) -> None:
    import torch

    with warnings.catch_warnings():
        # Of its two exporters this is the one that keeps every size open; torch calls it the older one.
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", category=torch.jit._trace.TracerWarning)
        try:
            torch.onnx.export(
                part.eval(),
                part.example(),
                str(file),
                dynamo=False,
                opset_version=_OPSET,
                input_names=list(part.names),
                output_names=["output"],
                dynamic_axes={
                    name: dict(enumerate(sizes)) for name, sizes in zip(part.names, part.varying, strict=True)
                },
            )
        except (RuntimeError, torch.onnx.errors.OnnxExporterError) as error:
            raise UnavailableError(f"onnxruntime: torch cannot export the model: {in_brief(error)}") from error

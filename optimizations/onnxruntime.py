"""The model's forwards by ONNX Runtime."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import in_brief
from harness.plugin import Evidence, InputError, Probe, Stage, UnavailableError, imported, optimization

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from torch import Tensor

    from harness.baseline.exported import Cross, Run, Tower
    from harness.baseline.model import SiameseUIE
    from harness.plugin import Extractor

_OPSET = 17  # the first with LayerNormalization as one operator
_PRECISIONS = ("float32", "int8")


def calls_answered(probe: Probe) -> Evidence:
    """Count the forwards that ONNX Runtime answers, and what torch computes beside it."""
    return probe.by_runtime("onnxruntime", "ONNX Runtime")


def why_not(device: Any) -> str | None:
    """What is built here is a session on the CPU."""
    return None if device.type == "cpu" else f"its sessions are made for a CPU, and this is {device.type}"


@optimization(
    Stage.GRAPH,
    exact=lambda parameters: parameters.get("precision", "float32") == "float32",
    evidence=calls_answered,
    unavailable=why_not,
    requires=["onnxruntime", "onnx"],
    tunable={"precision": ["float32", "int8"]},
    # The runtime has an attention of its own; others make the forwards too, or layers that it has no operator for.
    conflicts=[
        "flash_attention",
        "torchscript",
        "openvino",
        "packed_linear",
        "int8",
        "segmented_forward",
        "half_precision",
        "screened",
    ],
)
def onnxruntime(extractor: Extractor, *, precision: str = "float32") -> Extractor:
    """Export the model to ONNX and compute its forwards by ONNX Runtime, at any shape.

    Cheaper: its own matrix product, which uses AVX-512 on AMD processors too, where torch's MKL does not; bias, GELU
    and LayerNorm are fused. Texts and prompts go through one graph of the towers, the pairs through one of the cross
    layers. The export, and a comparison with the eager forwards at two larger shapes, take some seconds of the first
    start-up; later ones read the graphs from the user's cache. With ``precision`` int8 weights have 8 bits
    and activations are rounded by the range of the whole input, so answers may change.

    Costs: memory. The session holds a copy of all weights beside the model.
    Source: onnxruntime.ai; exported by torch.onnx.

    Args:
        extractor: the extractor to change.
        precision: float32 or int8.
    """
    from harness.baseline.exported import Cross, Tower, forwards

    if precision not in _PRECISIONS:
        raise InputError(f"onnxruntime: precision is {precision!r}; it must be one of {_PRECISIONS}")
    with _graphs(extractor.model, precision) as directory:
        runs = [_session(kind, directory, precision) for kind in (Tower, Cross)]
    rounded = precision != "float32"
    return replace(extractor, forwards=forwards(extractor.model, "onnxruntime", *runs, rounded=rounded))


def _graphs(model: SiameseUIE, precision: str) -> AbstractContextManager[Path]:
    """The folder with both graphs, made and compared with the eager forwards where it is not there."""
    import torch

    from harness.baseline import exported
    from harness.baseline.agreement import must_agree
    from harness.baseline.fingerprint import fingerprint
    from harness.embedded.cache import made

    onnx, ort, device = imported("onnx"), imported("onnxruntime"), torch.device("cpu")
    parts = (exported.Tower, exported.Cross)

    def save(directory: Path) -> None:
        for kind in parts:
            _export(kind(model), directory / _file(kind, "float32"))
        runs = [_session(kind, directory, "float32") for kind in parts]
        found = exported.forwards(model, "onnxruntime", *runs)
        must_agree(model, device, found.by_name(), "onnxruntime: its graph")
        if precision == "int8":
            for kind in parts:
                _quantize(directory / _file(kind, "float32"), directory / _file(kind, "int8"))

    sources = [Path(file).read_bytes() for file in (__file__, exported.__file__)]
    key = fingerprint(model, device, [onnx.__version__, ort.__version__, precision, *sources])
    return made(key and f"onnxruntime-{key}", save)


def _file(kind: type[Tower | Cross], precision: str) -> str:
    return f"{kind.__name__}-{precision}.onnx"


def _quantize(full: Path, small: Path) -> None:
    by = imported("onnxruntime.quantization")
    try:
        by.quantize_dynamic(full, small, weight_type=by.QuantType.QInt8)
    except Exception as error:  # whatever a version of it lacks
        raise UnavailableError(f"onnxruntime cannot quantize its graph: {in_brief(error)}") from error
    full.unlink()


def _session(kind: type[Tower | Cross], directory: Path, precision: str) -> Run:
    """A session of one part; several threads may run it."""
    import torch

    ort = imported("onnxruntime")
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = torch.get_num_threads(), 1
    # Its threads would go on asking for work after a forward, and so slow whatever else runs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors
    try:
        file = directory / _file(kind, precision)
        session = ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # whatever a version of it lacks
        raise UnavailableError(f"onnxruntime {ort.__version__} cannot load its graph: {in_brief(error)}") from error

    def run(*inputs: Tensor) -> Tensor:
        given = {name: one.contiguous().numpy() for name, one in zip(kind.names, inputs, strict=True)}
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
        except Exception as error:  # the exporter raises errors of many kinds
            raise UnavailableError(f"onnxruntime: torch cannot export the model: {in_brief(error)}") from error

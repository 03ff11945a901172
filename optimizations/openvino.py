"""The model's forwards by OpenVINO."""

from __future__ import annotations

import threading
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

_HINTS = {"float32": "f32", "bfloat16": "bf16"}  # by the value of `precision`


def calls_answered(probe: Probe) -> Evidence:
    """Count the forwards that OpenVINO answers, and what torch computes beside it."""
    return probe.by_runtime("openvino", "OpenVINO")


def why_not(device: Any) -> str | None:
    """What is compiled here is a graph for the CPU."""
    return None if device.type == "cpu" else f"its graphs are compiled for a CPU, and this is {device.type}"


@optimization(
    Stage.GRAPH,
    exact=lambda parameters: parameters.get("precision", "float32") == "float32",
    evidence=calls_answered,
    unavailable=why_not,
    requires=["openvino"],
    tunable={"precision": ["float32", "bfloat16"]},
    # The runtime has an attention of its own; others make the forwards too, or layers that it has no operator for.
    conflicts=[
        "flash_attention",
        "torchscript",
        "onnxruntime",
        "packed_linear",
        "int8",
        "segmented_forward",
        "half_precision",
        "screened",
    ],
)
def openvino(extractor: Extractor, *, precision: str = "float32") -> Extractor:
    """Convert the model to OpenVINO's format and compute its forwards by OpenVINO, at any shape.

    Cheaper: it multiplies by oneDNN, which uses AVX-512 on AMD processors too, where torch's MKL does not, and fuses
    bias, GELU and LayerNorm. Texts and prompts go through one graph of the towers, the pairs through one of the cross
    layers. The conversion, and a comparison with the eager forwards at two larger shapes, take some seconds of the
    first start-up; later ones read the graphs from the user's cache. With ``precision`` bfloat16 the products are
    computed in 16 bits, so answers may change; the processor must have instructions for it.

    Costs: memory. The compiled graphs hold a copy of all weights beside the model.
    Source: docs.openvino.ai.

    Args:
        extractor: the extractor to change.
        precision: float32 or bfloat16.
    """
    from harness.baseline.exported import Cross, Tower, forwards

    if precision not in _HINTS:
        raise InputError(f"openvino: precision is {precision!r}; it must be one of {tuple(_HINTS)}")
    with _graphs(extractor.model) as directory:
        runs = [_compiled(kind, directory, precision) for kind in (Tower, Cross)]
    rounded = precision != "float32"
    return replace(extractor, forwards=forwards(extractor.model, "openvino", *runs, rounded=rounded))


def _graphs(model: SiameseUIE) -> AbstractContextManager[Path]:
    """The folder with both graphs, made and compared with the eager forwards where it is not there."""
    import torch

    from harness.baseline import exported
    from harness.baseline.agreement import must_agree
    from harness.baseline.fingerprint import fingerprint
    from harness.embedded.cache import made

    ov, device = imported("openvino"), torch.device("cpu")
    parts = (exported.Tower, exported.Cross)

    def save(directory: Path) -> None:
        for kind in parts:
            ov.save_model(_converted(kind(model)), directory / f"{kind.__name__}.xml", compress_to_fp16=False)
        runs = [_compiled(kind, directory, "float32") for kind in parts]
        found = exported.forwards(model, "openvino", *runs)
        must_agree(model, device, found.by_name(), "openvino: its graph")

    sources = [Path(file).read_bytes() for file in (__file__, exported.__file__)]
    key = fingerprint(model, device, [ov.__version__, *sources])
    return made(key and f"openvino-{key}", save)


def _compiled(kind: type[Tower | Cross], directory: Path, precision: str) -> Run:
    """A compiled graph of one part; each thread that runs it has a request of its own."""
    import torch

    ov = imported("openvino")
    wanted = {
        "INFERENCE_PRECISION_HINT": _HINTS[precision],
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
    }
    try:
        compiled = ov.Core().compile_model(directory / f"{kind.__name__}.xml", "CPU", wanted)
    except Exception as error:  # whatever a version of it lacks
        raise UnavailableError(f"openvino {ov.__version__} cannot compile its graph: {in_brief(error)}") from error
    if (given := compiled.get_property("INFERENCE_PRECISION_HINT").to_string()) != _HINTS[precision]:
        raise UnavailableError(f"openvino: precision is {precision!r}, and this processor computes in {given}")
    own = threading.local()

    def run(*inputs: Tensor) -> Tensor:
        if not hasattr(own, "request"):
            own.request = compiled.create_infer_request()
        given = [one.contiguous().numpy() for one in inputs]
        return torch.from_numpy(own.request.infer(given, share_inputs=True)[0])

    return run


def _converted(part: Tower | Cross) -> Any:
    import torch

    ov = imported("openvino")

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)  # it traces by torch.jit
        warnings.filterwarnings("ignore", category=torch.jit._trace.TracerWarning)
        try:
            return ov.convert_model(part.eval(), example_input=part.example())
        except Exception as error:  # its frontends raise errors of many kinds
            raise UnavailableError(f"openvino: it cannot convert the model: {in_brief(error)}") from error

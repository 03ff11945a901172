"""The model's forwards by torch.compile."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from harness.plugin import Evidence, Probe, Stage, optimization

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.plugin import Extractor

_OLDEST = (7, 0)  # compute capability; source: Triton, which generates the kernels
_COMPILERS = ("gcc", "clang", "cc")


def code_answers(probe: Probe) -> Evidence:
    """Count the forwards that compiled code answers, and how often torch compiled."""
    from harness.baseline.compiled import VARIANTS, Compiled

    found = probe.extractor.forwards.cross
    if not isinstance(found, Compiled):
        return Evidence("torch_compile", active=False, summary="no forward is compiled")
    tally, before = found.tally, found.tally.answers
    asked, own = (calls.total() for calls in probe.calls(lambda forward: isinstance(forward, Compiled)))
    answers, most = tally.answers - before, VARIANTS * len(probe.extractor.forwards.by_name())
    return Evidence(
        optimization="torch_compile",
        active=answers == asked > 0 and own == 0 and tally.compilations <= most,
        summary=f"{answers} of {asked + own} forwards by compiled code, each one graph; compiled {tally.compilations} "
        f"times (at most {most} are expected)",
        figures={"answers": answers, "calls": asked + own, "compilations": tally.compilations},
    )


def why_not(device: Any) -> str | None:
    """It is for GPUs that Triton generates code for, and needs Triton and a C compiler."""
    import torch

    if device.type != "cuda":
        return (
            f"it is for GPUs, and this is {device.type}; on a CPU compiled code was no faster than torch's fused "
            "kernels, and the first start took two minutes"
        )
    if (found := torch.cuda.get_device_capability(device)) < _OLDEST:
        return f"Triton generates code from compute capability 7.0 on, and this GPU has {found[0]}.{found[1]}"
    if find_spec("triton") is None:
        return "the package 'triton', which generates the kernels, is not installed"
    if not any(map(shutil.which, filter(None, (os.environ.get("CC"), *_COMPILERS)))):
        return f"Triton needs a C compiler, and there is none of {', '.join(_COMPILERS)}; install one, or name it in CC"
    return None


@optimization(
    Stage.GRAPH,
    exact=True,
    evidence=code_answers,
    unavailable=why_not,
    # The first make the forwards too; the last is a loop, which is unrolled and compiled anew for each length.
    conflicts=["torchscript", "cuda_graphs", "onnxruntime", "openvino", "segmented_forward"],
)
def torch_compile(extractor: Extractor) -> Extractor:
    """Compile the three forwards with torch.compile: one graph each, for any number of rows and tokens.

    Cheaper: what lies between the matrix products (bias, GELU, residual, LayerNorm, masks) becomes few generated
    kernels, so there are fewer launches and less traffic; the products are cuBLAS's as before. Code is made for one
    row and for several, at any length, when the process comes up; on a CPU that took two minutes, and half a minute
    once it was in the user's cache. It is compared with the eager forwards before it is used. A graph that
    breaks, and code that is compiled for ever more shapes, are errors. The order of summation changes, so logits move
    by about 1e-6.
    Source: Ansel et al., 2024, doi 10.1145/3620665.3640366.
    """
    from harness.baseline.compiled import compiled, must_compile

    _set_up()
    forwards = compiled(extractor.forwards, _inductor)
    with warnings.catch_warnings():
        # It would have everybody round to TF32, which is the optimization tf32.
        warnings.filterwarnings("ignore", "TensorFloat32 tensor cores", UserWarning)
        must_compile(extractor.model, extractor.device, forwards)
    return replace(extractor, forwards=forwards)


def _set_up() -> None:
    """Have torch keep its code in the user's cache and compile in this process, unless the user said otherwise."""
    from harness.embedded.cache import own_cache

    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(own_cache() / "torch_compile"))
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")  # more would be processes, which then stay


def _inductor(graph: Any, given: Sequence[Any]) -> Callable[..., Any]:
    import torch._inductor

    code: Callable[..., Any] = torch._inductor.compile(graph, list(given))
    return code

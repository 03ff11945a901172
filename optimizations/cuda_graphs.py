"""The model's forwards as CUDA graphs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.plugin import Evidence, InputError, Probe, Stage, optimization

if TYPE_CHECKING:
    from harness.plugin import Extractor

_MEBIBYTE = 2**20


def replays_counted(probe: Probe) -> Evidence:
    """Count the forwards that are answered by replay, and those that are not: there was no room to capture them."""
    from harness.baseline.replayed import Replayed

    found = probe.extractor.forwards.cross
    if not isinstance(found, Replayed):
        return Evidence("cuda_graphs", active=False, summary="no forward is captured")
    recordings = found.recordings
    before = recordings.replays.total(), recordings.eager.total()
    captured, own = (calls.total() for calls in probe.calls(lambda forward: isinstance(forward, Replayed)))
    replays, eager = recordings.replays.total() - before[0], recordings.eager.total() - before[1] + own
    held = recordings.held_bytes
    room = "; give it more mebibytes, or a larger multiple" if eager else ""
    return Evidence(
        optimization="cuda_graphs",
        active=replays == captured > 0 and eager == 0,
        summary=f"{replays} forwards by replay, {eager} by Python; {recordings.count} graphs of as many buckets of "
        f"shapes hold {held / _MEBIBYTE:.0f} MiB{room}",
        figures={"replays": replays, "eager_calls": eager, "graphs": recordings.count, "bytes": held},
    )


def why_not(device: Any) -> str | None:
    """There is nothing to capture on a CPU."""
    return None if device.type == "cuda" else f"it captures launches of CUDA kernels, and this is {device.type}"


@optimization(
    Stage.GRAPH,
    exact=True,
    evidence=replays_counted,
    unavailable=why_not,
    conflicts=["torchscript", "torch_compile", "onnxruntime", "openvino"],  # each makes the forwards too
    tunable={"multiple": [16, 32, 64], "mebibytes": []},
)
def cuda_graphs(extractor: Extractor, *, multiple: int = 32, mebibytes: int = 1024) -> Extractor:
    """Capture each forward as a CUDA graph, one for each bucket of shapes, and replay it.

    Cheaper: a forward of this model is hundreds of kernels, and where texts are short, launching one takes longer than
    running it. A replay launches all of them at once. Rows are padded to a power of two and tokens to a multiple, so
    that few shapes are left; padding is masked, and cut off what comes out. A bucket is captured when it is first seen,
    so until a process has seen its buckets, some requests are slow. Before it is used, replays
    are compared with the eager forwards on other inputs than those they were captured with, and refused where they
    differ: attention that waits for the device, or that bakes lengths in, cannot be replayed.

    Costs: memory. The graphs' intermediate results lie in one pool, which is kept; once pool and inputs hold
    ``mebibytes``, no more buckets are captured and their forwards run eagerly, which the evidence says. What the driver
    keeps of a graph comes on top. Threads that share an extractor take turns at its graphs.
    Source: docs.nvidia.com, CUDA Programming Guide, CUDA Graphs; docs.pytorch.org, CUDA semantics.

    Args:
        extractor: the extractor to change.
        multiple: what tokens are rounded up to.
        mebibytes: that the graphs hold, about; none is captured beyond.
    """
    from harness.baseline.replayed import Buckets, CudaGraphs, Recordings, must_replay

    for name, value in {"multiple": multiple, "mebibytes": mebibytes}.items():
        if value < 1:
            raise InputError(f"cuda_graphs: {name} is {value}; it must be at least 1")
    model, device = extractor.model, extractor.device

    def recordings() -> Recordings:
        return Recordings(Buckets(multiple, model.config.positions), CudaGraphs(device), mebibytes * _MEBIBYTE)

    must_replay(model, device, recordings())
    return replace(extractor, forwards=recordings().forwards(extractor.forwards))

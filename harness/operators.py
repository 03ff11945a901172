"""The operators of torch that some code calls, eager or in a script."""

from __future__ import annotations

import tempfile
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import Any

import msgspec

# What the product of a linear layer is called in a profile; attention's own products are aten::bmm.
LINEAR_PRODUCTS = frozenset({"aten::addmm", "aten::mm", "mkldnn::_linear_pointwise", "quantized::linear_dynamic"})


class Operator(msgspec.Struct, frozen=True):
    """One call of an operator."""

    name: str  # like aten::addmm
    allocated_bytes: int  # in it and in what it calls, on any device, less what was freed there


class _Arguments(msgspec.Struct, frozen=True, rename={"size": "Bytes"}):
    size: int = 0


class _Event(msgspec.Struct):
    name: str = ""
    cat: str = ""
    ts: float = 0.0  # microseconds
    dur: float = 0.0
    args: _Arguments = _Arguments()


class _Trace(msgspec.Struct, rename={"events": "traceEvents"}):
    events: list[_Event]


def operators_of(run: Callable[[], object]) -> list[Operator]:
    """Every operator that is called while something runs, by torch's profiler.

    The profiler's trace is read from a file, because its own objects for events take so much longer to make.
    """
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        run()
    with tempfile.TemporaryDirectory() as directory:
        written = Path(directory) / "trace.json"
        profiled.export_chrome_trace(str(written))
        events = msgspec.json.decode(written.read_bytes(), type=_Trace).events
    changes = sorted((event.ts, event.args.size) for event in events if event.name == "[memory]")
    times = [ts for ts, _ in changes]
    held = [0, *accumulate(size for _, size in changes)]

    def allocated(event: _Event) -> int:
        return held[bisect_right(times, event.ts + event.dur)] - held[bisect_left(times, event.ts)]

    return [Operator(event.name, allocated(event)) for event in events if event.cat == "cpu_op"]


def product_elements(run: Callable[[], object]) -> int:
    """How many numbers the products of linear layers give while something runs, eager or in a script."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Counting(TorchDispatchMode):  # type: ignore[no-untyped-call]
        elements: int = 0

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            found = func(*args, **(kwargs or {}))
            # In inference mode a layer is one operator here, and what it calls is not seen.
            if func.name().partition(".")[0] in LINEAR_PRODUCTS | {"aten::linear"}:
                self.elements += found.numel()
            return found

    counting = Counting()  # type: ignore[no-untyped-call]
    with counting:
        run()
    return counting.elements

"""A hash of everything that a graph made from a model depends on."""

from __future__ import annotations

import hashlib
import inspect
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from harness.baseline.model import SiameseUIE


def fingerprint(
    model: SiameseUIE, device: torch.device, more: Sequence[object], *, of_weights: bool = True
) -> str | None:
    """A hash of weights, the layers' code, torch's version and the device; None if one of these cannot be described.

    Args:
        model: the model that the graph is made from.
        device: where the graph runs.
        more: whatever else the graph depends on; each must have a `repr` that identifies it.
        of_weights: whether the values of the weights count, or only their shapes; packed values cannot be read.
    """
    modules = list(model.modules())
    weights = model.state_dict()
    if not all(_is_known(module) for module in modules) or (of_weights and any(w.is_mkldnn for w in weights.values())):
        return None
    try:
        code = [_described(part) for part in vars(model.ops).values()]
    except TypeError:
        return None
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    files = sorted({inspect.getfile(type(one)) for one in modules if _is_ours(one)})
    sources = [Path(file).read_bytes() for file in files]
    known = hashlib.sha256(repr((torch.__version__, str(device), gpu, model.config, code, sources, *more)).encode())
    for name, value in weights.items():
        known.update(f"{name} {value.dtype} {value.layout} {tuple(value.shape)}".encode())
        if of_weights:
            known.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return known.hexdigest()[:16]


def _is_known(module: Any) -> bool:
    """Whether a module's class is a global one of PyTorch or the baseline, and its ``forward`` is not replaced."""
    known = _is_ours(module) or type(module).__module__.startswith("torch.nn.")
    return known and "<locals>" not in type(module).__qualname__ and "forward" not in vars(module)


def _is_ours(module: Any) -> bool:
    return type(module).__module__.startswith("harness.baseline.")


def _described(part: Any) -> Any:
    """A function as its qualified name, the bytes of its file and what it closes over; plain values unchanged."""
    if part is None or isinstance(part, bool | int | float | str):
        return part
    if isinstance(part, types.ModuleType):
        return part.__name__
    if isinstance(part, types.BuiltinFunctionType):
        return part.__module__, part.__qualname__
    if isinstance(part, types.FunctionType):
        part = inspect.unwrap(part)  # torch's wrapper of a script closes over itself
        closed = [_described(cell.cell_contents) for cell in part.__closure__ or ()]
        return part.__qualname__, Path(part.__code__.co_filename).read_bytes(), closed
    raise TypeError(part)

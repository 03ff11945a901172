"""What passes between the host and a device while something runs, and how much is launched there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from harness.profile import Traffic

_aten = torch.ops.aten
ATTENTION = _aten.scaled_dot_product_attention.default  # composite, but what it is made of depends on the device
_ALLOCATIONS = frozenset(
    f"aten::{name}"
    for name in ("empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "_unsafe_view", "lift_fresh")
)
# The host has to know how many numbers come out, or whether two tensors are the same.
_ASKING = frozenset(
    f"aten::{name}"
    for name in (
        "nonzero",
        "masked_select",
        "_unique2",
        "unique_dim",
        "unique_consecutive",
        "repeat_interleave",
        "equal",
    )
)
_INDEXING = frozenset(f"aten::{name}" for name in ("index", "index_put", "index_put_", "_index_put_impl_"))
_MASK_LAUNCHES = 3  # of a boolean mask fused attention makes numbers: its false, its true, and the choice


class Counting(TorchDispatchMode):
    """Counts, while it is entered, what operators do on a device, eager or in a script.

    A launch is one call of an operator there, once the composite ones are taken apart, that is no view and no
    allocation; it may launch several kernels, or replay many, so this is a lower bound.
    """

    def __init__(self, device: torch.device) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.traffic = Traffic()
        self._device = device

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is not ATTENTION and func._can_decompose():
            with self:
                return func.decompose(*args, **kwargs)
        tensors = [one for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)]
        if func in (_aten._to_copy.default, _aten.copy_.default):
            self._count_copy(func, args, kwargs)
        elif any(map(self.holds, tensors)) or self.means(kwargs.get("device")):
            self._count(func, args, tensors)
        return self.run(func, args, kwargs, tensors)

    @classmethod
    def ignore_compile_internals(cls) -> bool:
        """Compiled code goes on running; otherwise torch would run what it was made from while this is entered."""
        return True

    def holds(self, tensor: Tensor) -> bool:
        """Whether a tensor is on the device."""
        return self.means(tensor.device)

    def means(self, device: torch.device | None) -> bool:
        """Whether what an operator was told is this device."""
        return device is not None and torch.device(device).type == self._device.type

    def is_pinned(self, tensor: Tensor) -> bool:
        """Whether a copy from there need not be waited for."""
        return tensor.is_pinned()

    def run(self, func: Any, args: Any, kwargs: Any, _: Sequence[Tensor]) -> Any:
        """Call an operator."""
        return func(*args, **kwargs)

    def _count_copy(self, func: Any, args: Any, kwargs: Any) -> None:
        if func is _aten.copy_.default:
            source, goes_there = args[1], self.holds(args[0])
            non_blocking = args[2] if len(args) > 2 else kwargs.get("non_blocking", False)
        else:
            source, device, non_blocking = args[0], kwargs.get("device"), kwargs.get("non_blocking", False)
            goes_there = self.holds(source) if device is None else self.means(device)
        if goes_there and self.holds(source):
            self._add(launches=1)
        elif goes_there:
            self._add(copies_in=1, synchronisations=not (non_blocking and self.is_pinned(source)))
        elif self.holds(source):
            self._add(copies_out=1, synchronisations=not non_blocking)

    def _count(self, func: Any, args: Any, tensors: Sequence[Tensor]) -> None:
        name = func._schema.name
        if func is _aten._local_scalar_dense.default:
            self._add(copies_out=1, synchronisations=1)
            return
        self._add(launches=not (func.is_view or name in _ALLOCATIONS), synchronisations=name in _ASKING)
        if name in _INDEXING and any(one is not None and one.dtype == torch.bool for one in args[1]):
            self._add(launches=1, synchronisations=1)  # it looks for the places first
        if func is ATTENTION and any(one.dtype == torch.bool for one in tensors):
            self._add(launches=_MASK_LAUNCHES)
        if func is _aten.where.self:  # a number on the CPU goes with any other launch
            choices = sum(not self.holds(one) for one in tensors)
            self._add(copies_in=choices, synchronisations=choices)

    def _add(self, **more: int) -> None:
        self.traffic = self.traffic.with_(**more)

"""The ways to multiply matrices that are installed here; one more is one more line in a table."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from harness.errors import UnavailableError
from harness.hardware import processor

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Product: TypeAlias = Callable[[], Any]
# Makes the product of activations (rows, inner) and the weights of a linear layer (outer, inner), ready to be timed.
Make: TypeAlias = "Callable[[Tensor, Tensor], Product]"

_AMPERE = 8  # compute capability; older GPUs have no units for TF32 and bfloat16, and torch goes by way of float32
# What tensors are kept in where that is not what is multiplied.
_KEPT_IN = {"tf32": "float32", "int8": "float32"}


@dataclass(frozen=True)
class Way:
    """One way to multiply."""

    name: str
    dtype: str  # of what is multiplied, as `PassWork.dtype` has it
    make: Make

    @property
    def kept_in(self) -> str:
        """The dtype of the tensors that it takes."""
        return _KEPT_IN.get(self.dtype, self.dtype)


def ways(device: torch.device) -> tuple[Way, ...]:
    """All that are known for a kind of device, whether this one has them or not."""
    return _ON_CUDA if device.type == "cuda" else _ON_CPU


def why_not(dtype: str, device: torch.device) -> str | None:
    """Why a device does not multiply a dtype by itself, None where it does: a detour is slow, and no ceiling."""
    import torch

    if device.type != "cuda":
        lacks = dtype == "bfloat16" and not processor().multiplies_bfloat16
        return "the processor has no instructions that multiply bfloat16" if lacks else None
    old = torch.cuda.get_device_capability(device)[0] < _AMPERE
    return f"the GPU has no units for {dtype}" if old and dtype in ("bfloat16", "tf32") else None


def _matmul(activations: Tensor, weights: Tensor) -> Product:
    turned = weights.t().contiguous()
    return lambda: activations @ turned


def _linear(activations: Tensor, weights: Tensor) -> Product:
    from torch.nn.functional import linear

    return lambda: linear(activations, weights)


def _onednn_packed(activations: Tensor, weights: Tensor) -> Product:
    """The operators that torch's compiler calls: private, so they may be gone in another release."""
    import torch

    try:
        pack, multiply = torch.ops.mkldnn._reorder_linear_weight, torch.ops.mkldnn._linear_pointwise
    except AttributeError:
        raise UnavailableError(f"torch {torch.__version__} has no such operators") from None
    packed = pack(weights, activations.shape[0])
    return lambda: multiply(activations, packed, None, "none", [], "")


def _onednn_layer(activations: Tensor, weights: Tensor) -> Product:
    """The public way to oneDNN: a layer that keeps its weights in oneDNN's own layout."""
    import torch
    from torch.utils import mkldnn

    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        raise UnavailableError(f"torch {torch.__version__} was built without oneDNN")
    layer = torch.nn.Linear(weights.shape[1], weights.shape[0], bias=False)
    layer.weight = torch.nn.Parameter(weights, requires_grad=False)
    own = mkldnn.to_mkldnn(layer.eval())  # type: ignore[no-untyped-call]
    inputs = activations.to_mkldnn()
    return lambda: own(inputs)


def _dynamic_int8(activations: Tensor, weights: Tensor) -> Product:
    """As dynamic quantization multiplies: float activations, 8-bit weights."""
    import torch

    if torch.backends.quantized.engine == "none":
        raise UnavailableError(f"torch {torch.__version__} was built without kernels for 8-bit integers")
    with warnings.catch_warnings():
        # Its deprecation is not news here.
        warnings.filterwarnings("ignore", r"torch\.quantize_per_tensor", UserWarning)
        small = torch.quantize_per_tensor(weights, 0.05, 0, torch.qint8)
    packed = torch.ops.quantized.linear_prepack(small, None)
    return lambda: torch.ops.quantized.linear_dynamic(activations, packed)


def _matmul_in_tf32(activations: Tensor, weights: Tensor) -> Product:
    import torch

    plain = _matmul(activations, weights)

    def product() -> None:
        before = torch.backends.cuda.matmul.allow_tf32
        torch.backends.cuda.matmul.allow_tf32 = True
        try:
            plain()
        finally:
            torch.backends.cuda.matmul.allow_tf32 = before

    return product


_ON_CPU = (
    Way("torch.matmul", "float32", _matmul),
    Way("F.linear", "float32", _linear),
    Way("oneDNN packed", "float32", _onednn_packed),
    Way("oneDNN by to_mkldnn", "float32", _onednn_layer),
    Way("torch.matmul", "bfloat16", _matmul),
    Way("F.linear", "bfloat16", _linear),
    Way("oneDNN packed", "bfloat16", _onednn_packed),
    Way("dynamic quantization", "int8", _dynamic_int8),
)
_ON_CUDA = (
    Way("torch.matmul", "float32", _matmul),
    Way("F.linear", "float32", _linear),
    Way("torch.matmul", "tf32", _matmul_in_tf32),
    Way("torch.matmul", "float16", _matmul),
    Way("F.linear", "float16", _linear),
    Way("torch.matmul", "bfloat16", _matmul),
    Way("F.linear", "bfloat16", _linear),
)

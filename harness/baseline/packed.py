"""The model's parts computed by oneDNN's products, with weights that are packed once.

The operators are those that torch's own compiler calls. They are private; `missing` checks that this torch has them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.baseline.model import AddAndNorm, Intermediate, SelfAttention, SiameseUIE
from harness.errors import in_brief

_OPERATORS = ("_reorder_linear_weight", "_linear_pointwise")


def missing() -> str | None:
    """Why this torch has no packed product, or None."""
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return f"torch {torch.__version__} was built without oneDNN"
    if not all(hasattr(torch.ops.mkldnn, name) for name in _OPERATORS):
        return f"torch {torch.__version__} has no operators for oneDNN's packed product"
    try:
        with torch.inference_mode():
            _try()
    except (RuntimeError, TypeError) as error:  # a torch release with other arguments
        return f"torch {torch.__version__} computes oneDNN's packed product otherwise: {in_brief(error)}"
    return None


def _try() -> None:
    """Multiply by the identity in each of the three ways.

    Raises:
        RuntimeError: it cannot be done, or the result is wrong.
    """
    one = torch.eye(2)
    packed, nothing = pack(one), torch.zeros(2)
    expected: tuple[tuple[Callable[..., Tensor], Tensor, tuple[Tensor, ...]], ...] = (
        (linear, one, ()),
        (_gelu, F.gelu(one), ()),
        (_added, 2 * one, (one,)),
    )
    for product, result, residual in expected:
        if not torch.allclose(product(one, *residual, packed, nothing), result):
            raise RuntimeError(f"{product.__name__.strip('_')} gives another result")


def pack(weight: Tensor) -> Tensor:
    """A copy of a layer's weights (outputs, inputs) in oneDNN's own layout."""
    packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), None)
    return packed


# hidden: (…, inputs), weight: packed (outputs, inputs), bias: (outputs) -> (…, outputs).
def linear(hidden: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The product alone, for use in other scripts."""
    return torch.ops.mkldnn._linear_pointwise(hidden, weight, bias, "none", [], "")  # type: ignore[no-any-return]


def _gelu(hidden: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return torch.ops.mkldnn._linear_pointwise(hidden, weight, bias, "gelu", [], "none")  # type: ignore[no-any-return]


def _added(hidden: Tensor, residual: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return torch.ops.mkldnn._linear_pointwise(hidden, residual, weight, bias, "add")  # type: ignore[no-any-return]


@cache
def _script(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    scripted: Callable[..., Tensor] = torch.jit.script(function)
    return scripted


def _product(function: Callable[..., Tensor], overload: str, *given: Any) -> Tensor:
    """One of the three products. A trace calls its script, since tracing does not support an empty list of scalars.

    Otherwise its overload is called directly: to resolve it takes Python 0.1 ms per call.

    Args:
        function: one of those above.
        overload: the operator's overload that it calls.
        given: tensors, then the overload's other arguments.
    """
    if torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
        return _script(function)(*(one for one in given if isinstance(one, Tensor)))
    found: Tensor = getattr(torch.ops.mkldnn._linear_pointwise, overload)(*given)
    return found


class PackedLinear(nn.Linear):
    """A linear layer, or several that take the same input as one."""

    product = staticmethod(linear)  # of a weight and a bias, for code that multiplies by parts of them

    def __init__(self, *plain: nn.Linear) -> None:
        """Pack the layers; their outputs are concatenated."""
        nn.Module.__init__(self)
        weight = torch.cat([one.weight for one in plain]) if len(plain) > 1 else plain[0].weight
        self.out_features, self.in_features = weight.shape
        self.register_buffer("weight", pack(weight))
        self.bias = nn.Parameter(torch.cat([one.bias for one in plain]).detach(), requires_grad=False)

    def forward(self, given: Tensor) -> Tensor:
        """given: (…, inputs), in any precision -> (…, outputs), in the weights' precision."""
        return _product(linear, "default", given.to(self.bias.dtype), self.weight, self.bias, "none", [], "")


class _Attention(SelfAttention):
    """Its three projections in one product."""

    def __init__(self, plain: SelfAttention) -> None:
        nn.Module.__init__(self)
        self.heads = plain.heads
        self.joined = PackedLinear(plain.query, plain.key, plain.value)

    @property
    def products(self) -> tuple[nn.Module, ...]:
        return (self.joined,)

    @property
    def width(self) -> int:
        return int(self.joined.out_features) // 3

    def project(self, hidden: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.joined(hidden).chunk(3, dim=-1))


class _AddAndNorm(AddAndNorm):
    """The residual is added within the product."""

    def __init__(self, plain: AddAndNorm) -> None:
        nn.Module.__init__(self)
        self.dense, self.LayerNorm = PackedLinear(plain.dense), plain.LayerNorm

    def forward(self, hidden: Tensor, residual: Tensor) -> Tensor:
        normalised: Tensor = self.LayerNorm(
            _product(_added, "binary", hidden, residual, self.dense.weight, self.dense.bias, "add")
        )
        return normalised


class _Intermediate(Intermediate):
    """GELU within the product."""

    def __init__(self, plain: Intermediate) -> None:
        nn.Module.__init__(self)
        self.dense = PackedLinear(plain.dense)

    def forward(self, hidden: Tensor) -> Tensor:
        return _product(_gelu, "default", hidden, self.dense.weight, self.dense.bias, "gelu", [], "none")


def pack_model(model: SiameseUIE) -> SiameseUIE:
    """The same model; its layers are replaced one at a time, so that memory never holds all weights twice."""
    for layer in (*model.plm.encoder.layer, *model.crossattention.layer):
        layer.attention.self = _Attention(layer.attention.self)
        layer.attention.output = _AddAndNorm(layer.attention.output)
        layer.intermediate = _Intermediate(layer.intermediate)
        layer.output = _AddAndNorm(layer.output)
    model.head_clsf, model.tail_clsf = PackedLinear(model.head_clsf), PackedLinear(model.tail_clsf)
    for parameter in model.parameters():  # they may be mapped from a file, which can then be closed
        parameter.data = parameter.data.clone()
    return model

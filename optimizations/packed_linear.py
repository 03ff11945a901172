"""The linear layers by oneDNN, their weights packed once."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.plugin import Evidence, Probe, Stage, optimization

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from harness.baseline.checkpoint import Checkpoint
    from harness.baseline.model import SiameseUIE
    from harness.plugin import LoadPlan

_PACKED = "mkldnn::_linear_pointwise"
_PLAIN = "aten::linear"
_TRIED_ROWS, _TRIED_TIMES = 64, 20  # of the product by which the two ways are compared: a short text, the best of 20


def products_packed(probe: Probe) -> Evidence:
    """Count the products by oneDNN's packed operator and by torch's own in a profile."""
    calls = Counter(operator.name for operator in probe.operators())
    packed, plain = calls[_PACKED], calls[_PLAIN]
    ours, theirs = _rates(probe)
    return Evidence(
        optimization="packed_linear",
        active=packed > 0 and plain == 0,
        summary=f"{packed} products with packed weights, {plain} with plain ones; {_TRIED_ROWS} rows through a wide "
        f"layer: {ours:.0f} GFLOP/s, torch's own product {theirs:.0f}{', as fast' if theirs >= ours else ''}",
        figures={"packed_calls": packed, "plain_calls": plain, "gflop_per_s": ours, "gflop_per_s_plain": theirs},
    )


def why_not(device: Any) -> str | None:
    """The packed product is for CPUs, and its operators are private, so a release of torch may lack them."""
    import torch

    if device.type != "cpu":
        return f"oneDNN's packed product is for CPUs, and this is {device.type}"
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return f"torch {torch.__version__} was built without oneDNN"
    if not all(hasattr(torch.ops.mkldnn, name) for name in ("_reorder_linear_weight", "_linear_pointwise")):
        return f"torch {torch.__version__} has no operators for oneDNN's packed product"
    return None


@optimization(
    Stage.LOAD,
    exact=True,
    evidence=products_packed,
    unavailable=why_not,
    conflicts=["int8", "pruning"],  # both read a layer's weights as float matrices
)
def packed_linear(plan: LoadPlan) -> LoadPlan:
    """Multiply by oneDNN, with weights that are put into its own layout once.

    Cheaper: every linear layer, which is where a BERT spends its time, on processors where torch's own product is not
    the fastest there is: on AMD's, MKL takes code for AVX2 even where there is AVX-512. Query, key and value are one
    product, GELU and the residual are added within the product. It changes nothing about attention's own products.
    How fast both products are on this processor is part of the evidence: where torch's own is as fast, there is little
    to gain. The order of summation changes, so logits move by about 1e-5.

    Costs: packing at every start, a fraction of a second for a base-sized model. The plain weights are given up as
    they are packed, so the process holds each once. TorchScript cannot save packed weights, so its traces are made
    anew at every start.
    """

    def read_model(checkpoint: Checkpoint, config: dict[str, Any]) -> SiameseUIE:
        return _packed(plan.read_model(checkpoint, config))

    return replace(plan, read_model=read_model)


def _rates(probe: Probe) -> tuple[float, float]:
    """What the packed product and torch's own do at the shape of the widest layer, in GFLOP/s."""
    import torch
    import torch.nn.functional as F

    config = probe.extractor.model.config
    weight, bias = torch.ones(config.feed_forward, config.hidden), torch.zeros(config.feed_forward)
    inputs = torch.ones(_TRIED_ROWS, config.hidden)
    with torch.inference_mode():
        packed = torch.ops.mkldnn._reorder_linear_weight(weight, None)
        times = [_best(lambda: _products().plain(inputs, packed, bias)), _best(lambda: F.linear(inputs, weight, bias))]
    ours, theirs = (2 * inputs.numel() * config.feed_forward / spent / 1e9 for spent in times)
    return ours, theirs


def _best(product: Callable[[], Any]) -> float:
    """The shortest of a few times, in seconds."""
    product()
    times = []
    for _ in range(_TRIED_TIMES):
        begun = time.perf_counter()
        product()
        times.append(time.perf_counter() - begun)
    return min(times)


def _packed(model: SiameseUIE) -> SiameseUIE:
    """The same model, its linear layers replaced one by one, so that no two of them are held twice at once."""
    kinds = _modules()
    for layer in (*model.plm.encoder.layer, *model.crossattention.layer):
        layer.attention.self = kinds.attention(layer.attention.self)
        layer.attention.output = kinds.add_and_norm(layer.attention.output)
        layer.intermediate = kinds.intermediate(layer.intermediate)
        layer.output = kinds.add_and_norm(layer.output)
    model.head_clsf, model.tail_clsf = kinds.linear(model.head_clsf), kinds.linear(model.tail_clsf)
    for parameter in model.parameters():  # out of the file that they may be mapped from, so that it can be let go
        parameter.data = parameter.data.clone()
    return model


class _Products(NamedTuple):
    """The products. All but `linear`, which others may put into a script of their own, are scripted in a trace."""

    linear: Callable[[Tensor, Tensor, Tensor], Tensor]  # hidden, packed weights, bias
    plain: Callable[[Tensor, Tensor, Tensor], Tensor]  # likewise
    gelu: Callable[[Tensor, Tensor, Tensor], Tensor]  # likewise
    added: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]  # hidden, residual, packed weights, bias


@cache
def _products() -> _Products:
    import torch

    # A trace takes no empty list of scalars; a script does.
    def linear(hidden: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return torch.ops.mkldnn._linear_pointwise(hidden, weight, bias, "none", [], "")  # type: ignore[no-any-return]

    def gelu(hidden: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return torch.ops.mkldnn._linear_pointwise(hidden, weight, bias, "gelu", [], "none")  # type: ignore[no-any-return]

    def added(hidden: Tensor, residual: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return torch.ops.mkldnn._linear_pointwise(hidden, residual, weight, bias, "add")  # type: ignore[no-any-return]

    scripted: Any = torch.jit.script_if_tracing
    return _Products(linear, scripted(linear), scripted(gelu), scripted(added))


class _Modules(NamedTuple):
    """What takes the place of the model's parts; each is made from the part that it replaces."""

    linear: Callable[[nn.Linear], nn.Module]
    attention: Callable[[Any], nn.Module]
    add_and_norm: Callable[[Any], nn.Module]
    intermediate: Callable[[Any], nn.Module]


@cache
def _modules() -> _Modules:
    import torch
    from torch import nn

    products = _products()

    class Linear(nn.Module):
        """A linear layer with packed weights."""

        product = staticmethod(products.linear)  # of its weight and bias, for whoever multiplies by parts

        def __init__(self, *plain: nn.Linear) -> None:
            """Of one layer, or of several that take the same input, one after another."""
            super().__init__()
            weights = torch.cat([one.weight for one in plain]) if len(plain) > 1 else plain[0].weight
            self.out_features, self.in_features = weights.shape
            self.register_buffer("weight", torch.ops.mkldnn._reorder_linear_weight(weights.detach(), None))
            self.bias = nn.Parameter(torch.cat([one.bias for one in plain]).detach(), requires_grad=False)

        def forward(self, hidden: Tensor) -> Tensor:
            return products.plain(hidden, self.weight, self.bias)

    class Attention(nn.Module):
        """`SelfAttention`, its three projections in one product."""

        def __init__(self, plain: Any) -> None:
            super().__init__()
            self.heads = plain.heads
            self.joined = Linear(plain.query, plain.key, plain.value)
            self.products = (self.joined,)
            self.width = plain.width

        def forward(self, hidden: Tensor, mask: Tensor | None, ops: Any) -> Tensor:
            joined = self.joined(hidden).unflatten(-1, (3, self.heads, -1))  # (B, T, 3, N, D)
            query, key, value = joined.permute(2, 0, 3, 1, 4)  # each (B, N, T, D)
            attended: Tensor = ops.attention(query, key, value, mask).transpose(1, 2).flatten(-2)
            return attended

    class AddAndNorm(nn.Module):
        """The projection with its residual in one product."""

        def __init__(self, plain: Any) -> None:
            super().__init__()
            self.dense, self.LayerNorm = Linear(plain.dense), plain.LayerNorm

        def forward(self, hidden: Tensor, residual: Tensor) -> Tensor:
            normalised: Tensor = self.LayerNorm(products.added(hidden, residual, self.dense.weight, self.dense.bias))
            return normalised

    class Intermediate(nn.Module):
        """The projection with its GELU in one product."""

        def __init__(self, plain: Any) -> None:
            super().__init__()
            self.dense = Linear(plain.dense)

        def forward(self, hidden: Tensor) -> Tensor:
            return products.gelu(hidden, self.dense.weight, self.dense.bias)

    return _Modules(Linear, Attention, AddAndNorm, Intermediate)

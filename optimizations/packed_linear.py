"""The linear layers by oneDNN, their weights packed once."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.plugin import Evidence, Probe, Stage, optimization

if TYPE_CHECKING:
    from collections.abc import Callable

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
    from harness.baseline.packed import missing

    return f"oneDNN's packed product is for CPUs, and this is {device.type}" if device.type != "cpu" else missing()


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
    they are packed, so the process holds each once.
    """
    from harness.baseline.packed import pack_model

    return replace(plan, changes=(*plan.changes, pack_model))


def _rates(probe: Probe) -> tuple[float, float]:
    """What the packed product and torch's own do at the shape of the widest layer, in GFLOP/s."""
    import torch
    import torch.nn.functional as F

    from harness.baseline.packed import linear, pack

    config = probe.extractor.model.config
    weight, bias = torch.ones(config.feed_forward, config.hidden), torch.zeros(config.feed_forward)
    inputs = torch.ones(_TRIED_ROWS, config.hidden)
    with torch.inference_mode():
        packed = pack(weight)
        times = [_best(lambda: linear(inputs, packed, bias)), _best(lambda: F.linear(inputs, weight, bias))]
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

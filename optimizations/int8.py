"""The linear layers in 8-bit integers."""

from __future__ import annotations

import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any

from harness.plugin import Evidence, Probe, Stage, optimization

if TYPE_CHECKING:
    from harness.plugin import Extractor

_INT8 = "quantized::linear_dynamic"
_FLOAT = "aten::linear"


def products_in_int8(probe: Probe) -> Evidence:
    """Count the products with 8-bit weights and with float ones in a profile."""
    calls = Counter(operator.name for operator in probe.operators())
    int8_calls, float_calls = calls[_INT8], calls[_FLOAT]
    return Evidence(
        optimization="int8",
        active=int8_calls > 0 and float_calls == 0,
        summary=f"{int8_calls} products with 8-bit weights, {float_calls} with float ones",
        figures={"int8_calls": int8_calls, "float_calls": float_calls},
    )


def why_not(device: Any) -> str | None:
    """PyTorch's dynamic quantization has kernels for CPUs only, and not in every build."""
    import torch

    if device.type != "cpu":
        return f"PyTorch's dynamic quantization has no kernels for {device.type}; use a CPU"
    if torch.backends.quantized.engine == "none":
        return f"torch {torch.__version__} was built without kernels for 8-bit integers"
    return None


@optimization(
    Stage.WEIGHTS,
    exact=False,
    evidence=products_in_int8,
    unavailable=why_not,
    conflicts=["segmented_forward", "pruning"],  # both read a layer's weights as float matrices
)
def int8(extractor: Extractor) -> Extractor:
    """Store the weights of all linear layers in 8 bits, and multiply in integers (dynamic quantization).

    Cheaper: those weights take a quarter of the memory, and the products run on the CPU's integer units. Embeddings,
    LayerNorm and attention's own products stay in fp32. Activations are rounded by the range of the whole input, so
    answers may change, and what else is in a batch moves a text's logits. CPU only.
    torch calls its quantization module deprecated in favour of torchao.
    Source: Jacob et al., 2018, arXiv 1712.05877; the guide advises against it (over 5 points of F1 lost).
    """
    import torch

    with warnings.catch_warnings():
        # Its deprecation is told in the docstring, not to whoever runs a suite; torch has two sorts of warning for it.
        warnings.filterwarnings("ignore", r"torch\.ao\.quantization", DeprecationWarning)
        warnings.filterwarnings("ignore", r"torch\.quantize_per_tensor", UserWarning)
        quantize: Any = torch.ao.quantization.quantize_dynamic
        model = quantize(extractor.model.twin(), {torch.nn.Linear}, dtype=torch.qint8, inplace=True)
    return extractor.with_model(model)

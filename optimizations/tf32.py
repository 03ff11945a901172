"""Products of fp32 matrices in TF32."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.plugin import Evidence, Probe, Stage, optimization

if TYPE_CHECKING:
    from harness.baseline.model import SiameseUIE
    from harness.plugin import LoadPlan

_OLDEST = (8, 0)  # compute capability
_ROWS = 64  # of the product that is looked at
# How far a product may be from the exact one, as a share of what its terms add up to without their signs. Rounding to
# fp32 gives some 1e-7 for a model's sizes, to TF32 some 1e-5 to 1e-4.
_FP32_ERROR = 2e-6


def products_rounded(probe: Probe) -> Evidence:
    """Multiply by the widest layer of the text tower, and look how far the product is from that in 64 bits."""
    import torch

    from harness.baseline.work import product_dtype

    model = probe.extractor.model
    layer: Any = model.plm.encoder.layer[0]
    error = _error(layer.intermediate.dense, model.config.hidden)
    weights, asked = product_dtype(model), torch.get_float32_matmul_precision()
    return Evidence(
        optimization="tf32",
        active=weights == "float32" and error > _FP32_ERROR,
        summary=f"weights in {weights}, float32 products of precision {asked!r}: a product of the text tower's widest "
        f"layer is {error:.0e} off, of what its terms add up to; fp32 itself less than {_FP32_ERROR:.0e}",
        figures={"error": error},
    )


def why_not(device: Any) -> str | None:
    """It takes a GPU that multiplies in TF32."""
    import torch

    if device.type != "cuda":
        return f"TF32 is a format of NVIDIA's GPUs, and this is {device.type}"
    if (found := torch.cuda.get_device_capability(device)) < _OLDEST:
        return f"GPUs multiply in TF32 from compute capability 8.0 on, and this one has {found[0]}.{found[1]}"
    return None


@optimization(
    Stage.LOAD,
    exact=False,
    evidence=products_rounded,
    unavailable=why_not,
    conflicts=["half_precision", "screened"],  # no products of fp32 are left; those that decide are to be exact
)
def tf32(plan: LoadPlan) -> LoadPlan:
    """Let the GPU round the inputs of fp32 products to TF32; sums, and all that is stored, stay in fp32.

    Cheaper: products run on tensor cores, several times as fast as in fp32 where they are large; memory and traffic
    stay what they were. TF32 has the range of fp32 and 11 bits of its 24, so logits near the threshold may fall on its
    other side, and answers change. It holds for all of the process.
    Source: docs.pytorch.org, CUDA semantics, TensorFloat-32.
    """

    def rounding(model: SiameseUIE) -> SiameseUIE:
        import torch

        torch.set_float32_matmul_precision("high")
        return model

    return replace(plan, changes=(*plan.changes, rounding))


def _error(linear: Any, width: int) -> float:
    """The largest error of a linear layer's product, as a share of what its terms add up to without their signs."""
    import torch

    generator = torch.Generator().manual_seed(0)
    with torch.inference_mode():
        given = torch.randn(_ROWS, width, generator=generator).to(linear.weight)
        exact = given.double() @ linear.weight.double().T + linear.bias.double()
        terms = given.double().abs() @ linear.weight.double().abs().T + linear.bias.double().abs()
        return float(((linear(given).double() - exact).abs() / terms).max())

"""The slot of an extractor that says which numbers its forwards compute with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from harness.baseline.model import SiameseUIE
from harness.errors import in_brief


@dataclass(frozen=True)
class Precision:
    """The slot ``precision``: as the weights are, and on one type of device in half precision by torch's autocast."""

    half_on: str | None = None  # the type of device; None for nowhere
    half: torch.dtype = torch.float16  # what autocast takes on CUDA where nothing is said

    def half_dtype(self, device: torch.device) -> torch.dtype | None:
        """The half precision on this device; None where the weights' own is used."""
        return self.half if device.type == self.half_on else None

    @contextmanager
    def block(self, device: torch.device) -> Iterator[None]:
        """What several forwards run in; a weight that could be trained is cast once for all of them."""
        half = self.half_dtype(device)
        if half is None:
            yield
            return
        # In inference mode autocast would cast every weight again for every product.
        with torch.inference_mode(mode=False), torch.no_grad(), torch.autocast(device.type, half):
            yield


def full_products() -> None:
    """Have this process multiply fp32 matrices in fp32, whatever it or a variable of torch's has said before.

    TF32 moves logits by 7e-3, where fp32 itself is 1e-6 off: answers would not be those of fp32.
    """
    torch.set_float32_matmul_precision("highest")


def products() -> str:
    """How this process multiplies fp32 matrices, in torch's word; or why torch does not know it."""
    try:
        return torch.get_float32_matmul_precision()
    except RuntimeError as error:  # somebody has said it in torch's old way and in its new one
        return f"unknown ({in_brief(error)})"


FULL = Precision()
HALF_ON_CUDA = Precision("cuda")


class OwnPrecision(nn.Linear):
    """A linear layer that computes in the precision of its weights, whatever comes in."""

    def __init__(self, plain: nn.Linear) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = plain.in_features, plain.out_features
        self.weight, self.bias = plain.weight, plain.bias

    def forward(self, given: Tensor) -> Tensor:
        """given: (…, inputs), of any precision -> (…, outputs)."""
        return super().forward(given.to(self.weight.dtype))


def in_half(model: SiameseUIE, half: torch.dtype) -> SiameseUIE:
    """The same model, its weights in half precision, but for the classifiers', which compute in their own."""
    model.head_clsf, model.tail_clsf = OwnPrecision(model.head_clsf), OwnPrecision(model.tail_clsf)
    kept = {id(one) for head in (model.head_clsf, model.tail_clsf) for one in head.parameters()}
    for weight in model.parameters():  # one by one, so that the model is not held twice
        if id(weight) not in kept:
            weight.data = weight.data.to(half)
    return model

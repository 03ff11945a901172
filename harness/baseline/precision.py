"""The slot of an extractor that says in which precision its forwards compute."""

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
    """The slot ``precision``: that of the weights, or half precision by torch's autocast on one type of device."""

    half_on: str | None = None  # the type of device; None if on no device
    half: torch.dtype = torch.float16  # autocast's default on CUDA

    def half_dtype(self, device: torch.device) -> torch.dtype | None:
        """The half precision on this device; None if the weights' own is used."""
        return self.half if device.type == self.half_on else None

    @contextmanager
    def block(self, device: torch.device) -> Iterator[None]:
        """A context for several forwards; a weight that requires gradients is cast only once in it."""
        half = self.half_dtype(device)
        if half is None:
            yield
            return
        # In inference mode autocast would cast every weight again for every product.
        with torch.inference_mode(mode=False), torch.no_grad(), torch.autocast(device.type, half):
            yield


def full_products() -> None:
    """Have this process multiply fp32 matrices in fp32, whatever was set before in it or by a variable of torch.

    TF32 moves logits by 7e-3, while fp32 itself is off by 1e-6, so answers would differ from those of fp32.
    """
    torch.set_float32_matmul_precision("highest")


def products() -> str:
    """How this process multiplies fp32 matrices, by torch's name for it; or why torch cannot tell."""
    try:
        return torch.get_float32_matmul_precision()
    except RuntimeError as error:  # it was set through torch's old and its new interface
        return f"unknown ({in_brief(error)})"


FULL = Precision()
HALF_ON_CUDA = Precision("cuda")


class OwnPrecision(nn.Linear):
    """A linear layer that computes in the precision of its weights, whatever that of its input."""

    def __init__(self, plain: nn.Linear) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = plain.in_features, plain.out_features
        self.weight, self.bias = plain.weight, plain.bias

    def forward(self, given: Tensor) -> Tensor:
        """given: (…, inputs), of any precision -> (…, outputs)."""
        return super().forward(given.to(self.weight.dtype))


def in_half(model: SiameseUIE, half: torch.dtype) -> SiameseUIE:
    """The same model with its weights in half precision, except the classifiers', which keep their precision."""
    model.head_clsf, model.tail_clsf = OwnPrecision(model.head_clsf), OwnPrecision(model.tail_clsf)
    kept = {id(one) for head in (model.head_clsf, model.tail_clsf) for one in head.parameters()}
    for weight in model.parameters():  # one at a time, so that memory never holds the model twice
        if id(weight) not in kept:
            weight.data = weight.data.to(half)
    return model

"""The slot of an extractor that says which numbers its forwards compute with."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Precision:
    """The slot ``precision``: as the weights are, and on one type of device in half precision by torch's autocast."""

    half_on: str | None = None  # the type of device; None for nowhere
    half: torch.dtype = torch.float16  # what autocast takes on CUDA where nothing is said

    def half_dtype(self, device: torch.device) -> torch.dtype | None:
        """The half precision on this device; None where the weights' own is used."""
        return self.half if device.type == self.half_on else None

    def block(self, device: torch.device) -> AbstractContextManager[object]:
        """What forwards run in; a weight is cast once in a block."""
        half = self.half_dtype(device)
        return nullcontext() if half is None else torch.autocast(device.type, half)


FULL = Precision()
HALF_ON_CUDA = Precision("cuda")

"""The model as two graphs that another runtime can compute, and that runtime's forwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn

from harness.baseline.agreement import TRACED_AT, inputs
from harness.baseline.forward import Forwards
from harness.baseline.model import SiameseUIE

# A graph by another runtime: its inputs in order -> its one output.
Run: TypeAlias = Callable[..., Tensor]


class Tower(nn.Module):
    """The towers are one graph: text and prompt differ in positions and token type, and share the weights."""

    names = ("ids", "mask", "positions", "token_type")
    varying = (("rows", "tokens"),) * 3 + ((),)  # the sizes of each input that may be any, from the first on

    def __init__(self, model: SiameseUIE) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor, mask: Tensor, positions: Tensor, token_type: Tensor) -> Tensor:
        """Shapes as in :meth:`SiameseUIE.tower`; token_type: ()."""
        return self.model.tower(ids, mask, positions, token_type)

    def example(self) -> tuple[Tensor, ...]:
        """Inputs to trace it with."""
        model = self.model
        ids, mask, starts = inputs(model, torch.device("cpu"), *TRACED_AT)["encode_prompt"]
        return ids, mask, model.prompt_positions(ids, starts), torch.ones((), dtype=torch.long)


class Cross(nn.Module):
    """The cross layers and the classifiers."""

    names = ("text", "text_mask", "prompt", "prompt_mask")
    varying = (("rows", "tokens"),) * 2 + (("rows", "prompt_tokens"),) * 2

    def __init__(self, model: SiameseUIE) -> None:
        super().__init__()
        self.model = model

    def forward(self, text: Tensor, text_mask: Tensor, prompt: Tensor, prompt_mask: Tensor) -> Tensor:
        """Shapes as in :meth:`SiameseUIE.cross`."""
        return self.model.cross(text, text_mask, prompt, prompt_mask)

    def example(self) -> tuple[Tensor, ...]:
        """Inputs to trace it with."""
        return inputs(self.model, torch.device("cpu"), *TRACED_AT)["cross"]


@dataclass(frozen=True)
class Foreign:
    """A forward that another runtime computes."""

    runtime: str
    run: Run
    rounded: bool  # whether its products are in another precision than the model's

    def __call__(self, *given: Tensor) -> Tensor:
        """As the model's own."""
        return self.run(*given)


def forwards(model: SiameseUIE, runtime: str, tower: Run, cross: Run, *, rounded: bool = False) -> Forwards:
    """The three forwards by another runtime's two graphs.

    Args:
        model: what the graphs were made from.
        runtime: its name.
        tower: takes what :class:`Tower` takes.
        cross: takes what :class:`Cross` takes.
        rounded: whether its products are in another precision than the model's.
    """
    text, prompt = torch.zeros((), dtype=torch.long), torch.ones((), dtype=torch.long)

    def encode_text(ids: Tensor, mask: Tensor) -> Tensor:
        return tower(ids, mask, model.text_positions(ids), text)

    def encode_prompt(ids: Tensor, mask: Tensor, starts: Tensor) -> Tensor:
        return tower(ids, mask, model.prompt_positions(ids, starts), prompt)

    text_tower, prompt_tower, pairs = (Foreign(runtime, run, rounded) for run in (encode_text, encode_prompt, cross))
    return Forwards(text_tower, prompt_tower, pairs)

"""The model as two graphs for another runtime, and the forwards that call that runtime."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn

from harness.baseline.agreement import TRACED_AT, inputs
from harness.baseline.forward import Forwards
from harness.baseline.model import SiameseUIE

# A graph in another runtime: its inputs in order -> its only output.
Run: TypeAlias = Callable[..., Tensor]


class Tower(nn.Module):
    """Both towers as one graph: they share the weights and differ in positions and token type only."""

    names = ("ids", "mask", "positions", "token_type")
    varying = (("rows", "tokens"),) * 3 + ((),)  # the dynamic axes of each input, from the first axis on

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
    rounded: bool  # whether its products have another precision than the model's

    def __call__(self, *given: Tensor) -> Tensor:
        """As the model's own."""
        return self.run(*given)


def forwards(model: SiameseUIE, runtime: str, tower: Run, cross: Run, *, rounded: bool = False) -> Forwards:
    """The three forwards, computed by another runtime's two graphs.

    Args:
        model: the model that the graphs were made from.
        runtime: its name.
        tower: takes the inputs of :class:`Tower`.
        cross: takes the inputs of :class:`Cross`.
        rounded: whether its products have another precision than the model's.
    """
    text, prompt = torch.zeros((), dtype=torch.long), torch.ones((), dtype=torch.long)

    def encode_text(ids: Tensor, mask: Tensor) -> Tensor:
        return tower(ids, mask, model.text_positions(ids), text)

    def encode_prompt(ids: Tensor, mask: Tensor, starts: Tensor) -> Tensor:
        return tower(ids, mask, model.prompt_positions(ids, starts), prompt)

    text_tower, prompt_tower, pairs = (Foreign(runtime, run, rounded) for run in (encode_text, encode_prompt, cross))
    return Forwards(text_tower, prompt_tower, pairs)

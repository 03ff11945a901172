"""What a request gives to the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from harness import Extractor
from harness.baseline.forward import Forwards


class Call(NamedTuple):
    """One forward: its rows, and the tokens that each is padded to, text and prompt together."""

    forward: str
    rows: int
    tokens: int


def calls(extractor: Extractor, text: str, schema: Any) -> list[Call]:
    """Every forward of one request."""
    seen: list[Call] = []

    def noting(name: str, forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def noted(*inputs: Tensor) -> Tensor:
            masks = [one for one in inputs if one.dtype == torch.bool]
            seen.append(Call(name, masks[0].shape[0], sum(mask.shape[1] for mask in masks)))
            return forward(*inputs)

        return noted

    own = extractor.forwards
    watched = Forwards(noting("text", own.encode_text), noting("prompt", own.encode_prompt), noting("cross", own.cross))
    replace(extractor, forwards=watched).extract(text, schema)
    return seen


def silent(extractor: Extractor) -> Extractor:
    """One whose model computes nothing and finds nothing."""

    def hidden(ids: Tensor, *_: Tensor) -> Tensor:
        return torch.zeros(*ids.shape, 1)

    def cross(text: Tensor, *_: Tensor) -> Tensor:
        return torch.full((text.shape[0], 2, text.shape[1]), -9.0)

    return replace(extractor, forwards=Forwards(hidden, hidden, cross))

"""Made-up inputs for the model's three forwards, and a comparison of other forwards with the eager ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from harness.baseline.model import SiameseUIE
from harness.errors import UnavailableError, in_brief

TRACED_AT = (2, 16, 6)  # rows, text tokens, prompt tokens
COMPARED_AT = ((3, 40, 9), (5, 200, 70))  # larger, to find what depends on the traced shape
_TOLERANCE = 1e-4  # of a logit or a hidden state; the same as the width of a tie
_ROUNDED = 2.0  # if products are rounded to 8 bits: seen below 1; a graph for another shape gives more


def inputs(model: SiameseUIE, device: torch.device, rows: int, text: int, prompt: int) -> dict[str, tuple[Tensor, ...]]:
    """Inputs by forward. The last two tokens of the first row are padding; ``cross`` gets the towers' outputs."""
    generator = torch.Generator().manual_seed(0)

    def ids(tokens: int) -> tuple[Tensor, Tensor]:
        drawn = torch.randint(0, model.config.vocabulary, (rows, tokens), generator=generator)
        mask = torch.ones(rows, tokens, dtype=torch.bool)
        mask[0, -2:] = False
        return drawn.to(device), mask.to(device)

    of_text = ids(text)
    of_prompt = (*ids(prompt), torch.full((rows,), text, device=device))
    with torch.no_grad():
        texts, prompts = model.encode_text(*of_text), model.encode_prompt(*of_prompt)
    return {
        "encode_text": of_text,
        "encode_prompt": of_prompt,
        "cross": (texts, of_text[1], prompts, of_prompt[1]),
    }


def must_agree(
    model: SiameseUIE, device: torch.device, forwards: Mapping[str, Any], what: str, *, exact: bool = True
) -> None:
    """Compare forwards with the eager ones at two shapes larger than the traced one.

    Args:
        model: the model whose eager forwards they are compared with.
        device: where they run.
        forwards: by name.
        what: what they are, for the message; for example ``torchscript: the trace``.
        exact: whether they compute in fp32; if not, the tolerance is wider.

    Raises:
        UnavailableError: they differ; the message names the forward, the shape and the difference.
    """
    with torch.no_grad():
        for shape in COMPARED_AT:
            for name, given in inputs(model, device, *shape).items():
                if found := _difference(getattr(model, name)(*given), forwards[name], given, exact=exact):
                    raise UnavailableError(
                        f"{what} of {name} differs from the eager forward ({found}) for {shape} rows, text and prompt "
                        "tokens; something in it depends on the shape that was traced"
                    )


def _difference(expected: Tensor, forward: Any, given: tuple[Tensor, ...], *, exact: bool) -> str | None:
    try:
        got: Tensor = forward(*given)
    except Exception as error:  # each runtime raises its own
        return in_brief(error)
    if got.shape != expected.shape:
        return f"shape {tuple(got.shape)} instead of {tuple(expected.shape)}"
    if torch.allclose(got.float(), expected.float(), rtol=0, atol=_TOLERANCE if exact else _ROUNDED, equal_nan=True):
        return None
    return f"{float((got - expected).abs().max()):.1e} apart"

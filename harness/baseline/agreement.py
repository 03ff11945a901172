"""Made-up inputs of the model's three forwards, and whether other forwards give what the eager ones do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from harness.baseline.model import SiameseUIE
from harness.errors import UnavailableError, in_brief

TRACED_AT = (2, 16, 6)  # rows, text tokens, prompt tokens
COMPARED_AT = ((3, 40, 9), (5, 200, 70))  # two larger shapes, so that nothing of the traced one is baked in
_TOLERANCE = 1e-4  # of a logit or a hidden state; what is called a tie is as wide
_ROUNDED = 2.0  # likewise where products are rounded to 8 bits: what is seen is below 1, another shape's graph above


def inputs(model: SiameseUIE, device: torch.device, rows: int, text: int, prompt: int) -> dict[str, tuple[Tensor, ...]]:
    """Of each forward, the last tokens of the first row padding; those of ``cross`` are the towers' outputs."""
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
        model: whose they are to be.
        device: where.
        forwards: by name.
        what: they are, for the message; like ``torchscript: the trace``.
        exact: whether they compute in fp32; otherwise they may be farther off.

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

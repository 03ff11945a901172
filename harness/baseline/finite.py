"""Finds the first part of the model whose output is not finite."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from torch import Tensor

from harness.baseline.model import SiameseUIE
from harness.errors import NonFiniteError

_SHOWN = 30  # characters of a text in a message


def not_finite(
    model: SiameseUIE, logits: Callable[[str, Sequence[str]], Any], text: str, prompt: str
) -> NonFiniteError:
    """The error for a prompt whose logits are not finite; it names the first part of the model that does it.

    Args:
        model: the model whose parts are watched.
        logits: computes the logits of a text's prompts with that model's eager forwards; a script bypasses its parts.
        text: the text.
        prompt: the prompt.
    """
    found: list[str] = []

    def watching(name: str) -> Callable[..., None]:
        def watch(_: object, __: object, output: Tensor) -> None:
            if not output.isfinite().all():
                found.append(name)

        return watch

    with ExitStack() as stack:
        for name, part in _parts(model).items():
            stack.callback(part.register_forward_hook(watching(name)).remove)
        logits(text, [prompt])
    where = found[0] if found else "none of the model's own layers, so in what an optimization put in their place"
    return NonFiniteError(
        f"the logits of {prompt!r} on the text {text[:_SHOWN]!r} are not finite; they stop being numbers in {where}"
    )


def _parts(model: SiameseUIE) -> dict[str, Any]:
    """The model's parts by their names in a message, in the order in which they run."""
    return {
        "the embeddings": model.plm.embeddings,
        **{f"layer {i} of the towers": layer for i, layer in enumerate(model.plm.encoder.layer)},
        **{f"cross layer {i}": layer for i, layer in enumerate(model.crossattention.layer)},
        "the head classifier": model.head_clsf,
        "the tail classifier": model.tail_clsf,
    }

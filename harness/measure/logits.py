"""Logits on disk, and how far others are from them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Logits = Mapping[int, Mapping[str, NDArray[np.float32]]]  # by place of the text, then prompt: (2, tokens)


def save(path: Path, logits: Logits) -> None:
    """Write the logits of several texts into one file."""
    import numpy as np

    found = {(place, prompt): values for place, of_text in logits.items() for prompt, values in of_text.items()}
    keys = np.array(json.dumps(list(found), ensure_ascii=False))
    arrays = {str(i): values for i, values in enumerate(found.values())}
    np.savez(path, allow_pickle=False, keys=keys, **arrays)


def largest_difference(path: Path, logits: Logits) -> float | None:
    """The largest absolute difference from saved logits; None where nothing can be compared.

    Over the prompts that are in both, and there over the tokens that are in both: where texts are cut, the first ones.
    """
    import numpy as np

    with np.load(path, allow_pickle=False) as saved:
        keys: list[tuple[int, str]] = [(place, prompt) for place, prompt in json.loads(str(saved["keys"]))]
        shared = [
            (saved[str(i)], logits[place][prompt])
            for i, (place, prompt) in enumerate(keys)
            if prompt in logits.get(place, {})
        ]
    tokens = [min(ours.shape[-1], theirs.shape[-1]) for ours, theirs in shared]
    return max(
        (
            float(np.abs(ours[:, :count] - theirs[:, :count]).max(initial=0.0))
            for (ours, theirs), count in zip(shared, tokens, strict=True)
        ),
        default=None,
    )

"""A checkpoint's vocabulary: one token per line; the line's number, from 0, is its id."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from harness.errors import CheckpointError, InputError
from harness.textfile import read_text, split_lines

FILE = "vocab.txt"
# The tokenizers strip this from a line's end: Unicode white space except the separators U+001C to U+001F.
_TRAILING = re.compile(r"[^\S\x1c-\x1f]+\Z")
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")


def read_vocabulary(path: Path) -> list[str]:
    """The tokens in the order of their ids; U+2028 and similar are tokens in Chinese vocabularies, not line ends.

    Raises:
        CheckpointError: the file cannot be read as UTF-8 text.
    """
    try:
        return split_lines(read_text(path))
    except InputError as error:
        raise CheckpointError(str(error)) from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from None


def write_vocabulary(path: Path, tokens: Sequence[str]) -> None:
    """Write a file that :func:`read_vocabulary` reads as the same tokens.

    Raises:
        ValueError: a token contains a line end, or would be read as another for another reason.
    """
    text = "".join(f"{token}\n" for token in tokens)
    if split_lines(text.removeprefix("\ufeff")) != list(tokens):
        faulty = next((token for token in tokens if "\n" in token or token.endswith("\r")), tokens[0])
        raise ValueError(f"the token {faulty!r} cannot be written to {path}: it would be read as another")
    path.write_bytes(text.encode())


def check_vocabulary(path: Path, size: int) -> None:
    """Refuse a vocabulary that would make a tokenizer or the model's embedding fail later.

    A line may be blank, and a token may be on several lines; all tokenizers then use the last one's number.
    """
    tokens = read_vocabulary(path)
    known = {_TRAILING.sub("", token) for token in tokens}
    if missing := [token for token in _SPECIAL if token not in known]:
        raise CheckpointError(f"{path} lacks {', '.join(missing)}, which BERT's tokenizer needs")
    if len(tokens) > size:
        raise CheckpointError(f"{path} has {len(tokens)} tokens, more than the vocab_size {size} of config.json")

"""BERT's WordPiece tokenizer, from a checkpoint directory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.implementations.bert_wordpiece import BertWordPieceTokenizer

from harness.baseline.windows import PROMPT_TOKENS
from harness.errors import CheckpointError


@dataclass(frozen=True)
class TokenizedText:
    """A text as token ids with their offsets, [CLS] and [SEP] included."""

    ids: tuple[int, ...]
    offsets: NDArray[np.int64]  # (tokens, 2), in code points


class TextTokenizer(Protocol):
    """The slot ``tokenizer``; it must be safe to call from several threads at once."""

    def text(self, text: str) -> TokenizedText:
        """Tokenize a whole text, however long."""
        ...

    def prompt(self, prompt: str) -> tuple[int, ...]:
        """Tokenize a prompt, cut to 128 tokens with [SEP] kept as the last."""
        ...


@dataclass(frozen=True)
class WordPiece:
    """A fast tokenizer that is never reconfigured after it was made, so that threads can share it."""

    backend: Tokenizer

    def text(self, text: str) -> TokenizedText:
        """Tokenize a whole text, however long."""
        encoding = self.backend.encode(text)
        return TokenizedText(tuple(encoding.ids), np.asarray(encoding.offsets, dtype=np.int64).reshape(-1, 2))

    def prompt(self, prompt: str) -> tuple[int, ...]:
        """Tokenize a prompt, cut to 128 tokens with [SEP] kept as the last."""
        ids = self.backend.encode(prompt).ids
        if len(ids) > PROMPT_TOKENS:
            ids = [*ids[: PROMPT_TOKENS - 1], ids[-1]]
        return tuple(ids)


def from_vocabulary(directory: Path) -> WordPiece:
    """Build the tokenizer from ``vocab.txt`` alone, without transformers."""
    path = directory / "vocab.txt"
    if not path.is_file():
        raise CheckpointError(f"{directory} has no vocab.txt; a ModelScope checkpoint directory holds one")
    lower_case = BertWordPieceTokenizer(
        str(path), clean_text=True, handle_chinese_chars=True, strip_accents=True, lowercase=True
    )
    backend: Tokenizer = lower_case._tokenizer  # the helper class only wraps it, and truncates by state
    return WordPiece(backend)


def from_transformers(directory: Path) -> WordPiece:
    """Build the tokenizer as the reference service does: by transformers' AutoTokenizer."""
    from transformers import AutoTokenizer

    try:
        fast = AutoTokenizer.from_pretrained(str(directory), local_files_only=True)
    except Exception as error:  # transformers has no common base for what it refuses
        raise CheckpointError(f"{directory}: transformers cannot make its tokenizer: {error}") from error
    return WordPiece(fast.backend_tokenizer)

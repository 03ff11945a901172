"""BERT's WordPiece tokenizer, from a checkpoint directory."""

from __future__ import annotations

import json
import reprlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.implementations.bert_wordpiece import BertWordPieceTokenizer

from harness.baseline.readable import OTHERS, SETTINGS, readable
from harness.baseline.vocabulary import FILE, read_vocabulary
from harness.baseline.windows import PROMPT_TOKENS
from harness.errors import CheckpointError, in_brief
from harness.textfile import read_text

_SWITCHES = ("do_lower_case", "strip_accents", "tokenize_chinese_chars")


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
    """A fast tokenizer that is never reconfigured, so that threads can share it."""

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
    """Build the tokenizer from ``vocab.txt``, without transformers.

    Raises:
        CheckpointError: the vocabulary, or a normalization setting of ``tokenizer_config.json``, cannot be used.
    """
    if not (directory / FILE).is_file():
        raise CheckpointError(f"{directory} has no {FILE}; a ModelScope checkpoint directory holds one")
    settings = _settings(directory)
    with readable(directory) as plain:
        try:
            made = BertWordPieceTokenizer(
                str(plain / FILE),
                clean_text=True,
                handle_chinese_chars=settings.get("tokenize_chinese_chars", True),
                strip_accents=settings.get("strip_accents"),  # if not set, the same as lowercase
                lowercase=settings.get("do_lower_case", True),
            )
        except Exception as error:  # the library's errors have no common base
            raise CheckpointError(f"{directory}: no tokenizer can be made of {FILE}: {in_brief(error)}") from error
    backend: Tokenizer = made._tokenizer  # the helper class only wraps it, and keeps truncation as state
    return WordPiece(backend)


def from_transformers(directory: Path) -> WordPiece:
    """Build the tokenizer as the reference service does: by transformers' AutoTokenizer.

    Raises:
        CheckpointError: transformers refuses the directory, or its other files make another tokenizer than
            ``vocab.txt`` does.
    """
    from transformers import AutoTokenizer

    others = [name for name in OTHERS if (directory / name).exists()]
    with readable(directory) as plain:
        try:
            fast = AutoTokenizer.from_pretrained(
                str(plain), local_files_only=True, trust_remote_code=False, **_lacking(directory)
            )
            made = WordPiece(fast.backend_tokenizer)
        except Exception as error:  # the errors of transformers have no common base
            raise CheckpointError(
                f"{directory}: transformers cannot make its tokenizer: {in_brief(error)}; {FILE} and the sizes in "
                f"config.json are enough, and code that a checkpoint brings is never run: {_away(others)}"
            ) from error
    if others and not _same(made.backend, from_vocabulary(directory)):
        raise CheckpointError(
            f"{directory}: what is beside {FILE} makes another tokenizer than {FILE}: {_away(others)}, or write the "
            f"{FILE} that belongs to it"
        )
    return made


def _away(others: list[str]) -> str:
    return f"move {', '.join(others)} away" if others else "take the rest out of config.json"


def _settings(directory: Path) -> dict[str, Any]:
    """Normalization settings of ``tokenizer_config.json``; ModelScope's directories lack it, and are lower-cased."""
    path = directory / SETTINGS
    if not path.is_file():
        return {}
    try:
        found = json.loads(read_text(path))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} cannot be read as JSON: {in_brief(error)}") from None
    if not isinstance(found, dict):
        raise CheckpointError(f"{path} holds {type(found).__name__}, not an object")
    for name in _SWITCHES:
        if found.get(name) not in (None, True, False):
            raise CheckpointError(f"{path}: {name} is {reprlib.repr(found[name])}; it must be true or false")
    return {name: found[name] for name in _SWITCHES if found.get(name) is not None}


def _lacking(directory: Path) -> dict[str, str]:
    """Settings for transformers, which gives a token missing in the vocabulary an id beyond the embedding."""
    known = {token.rstrip() for token in read_vocabulary(directory / FILE)}
    return {} if "[MASK]" in known else {"mask_token": "[UNK]"}


def _same(one: Tokenizer, plain: WordPiece) -> bool:
    """Whether two tokenizers have the same tokens, normalization, truncation, padding and special tokens."""
    described = [
        (made.get_vocab(), repr(made.normalizer), made.truncation, made.padding, made.encode("").ids)
        for made in (one, plain.backend)
    ]
    return bool(described[0] == described[1])

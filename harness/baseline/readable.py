"""A checkpoint directory in a form that the libraries can read."""

from __future__ import annotations

import codecs
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.baseline import config, vocabulary

SETTINGS = "tokenizer_config.json"
# Files of Hugging Face's directories; transformers prefers them to vocab.txt.
OTHERS = ("tokenizer.json", SETTINGS, "special_tokens_map.json", "added_tokens.json")


@contextmanager
def readable(directory: Path) -> Iterator[Path]:
    """The directory itself, or a corrected copy of the files of the tokenizer and the configuration.

    The libraries read a byte order mark as a part of the first token; without a ``model_type``, transformers gives up
    or guesses one from the directory's name.
    """
    names = [name for name in (config.FILE, vocabulary.FILE, *OTHERS) if (directory / name).is_file()]
    found = {name: (directory / name).read_bytes() for name in names}
    plain = {name: data.removeprefix(codecs.BOM_UTF8) for name, data in found.items()}
    if config.FILE in plain:
        plain[config.FILE] = _with_model_type(plain[config.FILE])
    if plain == found:
        yield directory
        return
    with tempfile.TemporaryDirectory() as copy:
        for name, data in plain.items():
            (Path(copy) / name).write_bytes(data)
        yield Path(copy)


def _with_model_type(written: bytes) -> bytes:
    try:
        sizes = json.loads(written)
    except (ValueError, RecursionError):  # reported by the code that needs the file
        return written
    if not isinstance(sizes, dict) or "model_type" in sizes:
        return written
    return json.dumps({**sizes, "model_type": config.MODEL_TYPE}).encode()

"""Processes of ours without transformers, which takes 3 s to import, where the start is not what is tested."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# What the stock start asks of it, by what the start without it does; tests of the start have the real one.
STAND_IN = """
import json
from pathlib import Path
from types import SimpleNamespace

from harness.baseline.tokenize import from_vocabulary

class AutoTokenizer:
    @staticmethod
    def from_pretrained(directory, **_):
        return SimpleNamespace(backend_tokenizer=from_vocabulary(Path(directory)).backend)

class AutoConfig:
    @staticmethod
    def from_pretrained(directory, **_):
        read = json.loads((Path(directory) / "config.json").read_text(encoding="utf-8"))
        return SimpleNamespace(to_dict=lambda: read)
"""


@pytest.fixture(scope="module")
def light_start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Processes that are started from now on find a stand-in for transformers; this one does not."""
    here = tmp_path_factory.mktemp("light")
    (here / "transformers.py").write_text(STAND_IN, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPATH", f"{here}{os.pathsep}{ROOT}", prepend=os.pathsep)
        yield

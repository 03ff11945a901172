"""Processes of ours without what takes seconds in each, where neither the start nor the device is what is tested.

To import transformers takes 3 s, and to measure what a device does at most, once a run, about as long.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# What the stock start asks of transformers, by what the start without it does; tests of the start have the real one.
STAND_IN = """
import json
from pathlib import Path
from types import SimpleNamespace

from harness.baseline.tokenize import from_vocabulary
from harness.measure import ceilings

# A few tiny products and a short copy: the figures mean nothing, and a report has all of them.
ceilings._REPEATED_S, ceilings._CPU_SHAPES, ceilings._CPU_COPY_BYTES = 0.0, ((8, 64, 64),), 1 << 20

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
def light_start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Processes that are started from now on find a stand-in for transformers, in this folder; this one does not."""
    here = tmp_path_factory.mktemp("light")
    (here / "transformers.py").write_text(STAND_IN, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPATH", f"{here}{os.pathsep}{ROOT}", prepend=os.pathsep)
        yield here

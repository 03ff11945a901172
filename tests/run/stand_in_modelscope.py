"""A stand-in for ModelScope, in an environment of its own: it answers as it was told, or misbehaves."""

from __future__ import annotations

import venv
from pathlib import Path

TORCH = """
from types import SimpleNamespace

__version__ = "0.0 (a stand-in)"
_threads = 64

def set_num_threads(count):
    global _threads
    _threads = count

def get_num_threads():
    return _threads

class OutOfMemoryError(RuntimeError):
    pass

def device(name):
    return SimpleNamespace(type=name.split(":")[0])

def load(path, **_):
    return {"crossattention.layer.0.x": 0, "crossattention.layer.1.x": 0, "plm.encoder.layer.0.x": 0}
"""
# What a text is answered with is in the file ANSWERS, by text; MISBEHAVIOUR says what goes wrong.
PIPELINES = """
import json, os, sys, time
from pathlib import Path

if os.environ.get("MISBEHAVIOUR") == "broken import":
    raise ImportError("first line\\ncannot import name 'x' from 'y'")

import torch

class Parameter:
    is_mkldnn = False
    def untyped_storage(self):
        return self
    def data_ptr(self):
        return 1
    def nbytes(self):
        return 4096

class Model:
    def parameters(self):
        return [Parameter()]
    def buffers(self):
        return []
    def modules(self):
        return []
    def fast_inference(self, text):
        return [0.50005, 0.9], [0.1, 0.2]

class Pipeline:
    def __init__(self, directory):
        self.model = Model()
        self.answers = json.loads(Path(os.environ["ANSWERS"]).read_text(encoding="utf-8"))
        assert json.loads((directory / "configuration.json").read_text())["task"] == "siamese-uie"
        assert (directory / "pytorch_model.bin").is_file()

    def get_prefix_infos(self, text, tokens, path, types):
        self.get_entities(text, [(0, 1), (1, 2)], *self.model.fast_inference(text))
        return []

    def get_entities(self, text, offsets, head, tail):
        return []

    def __call__(self, text, schema):
        misbehave(text)
        self.get_prefix_infos(text, None, [], schema)
        return {"output": self.answers.get(text, [])}

def misbehave(text):
    what = os.environ.get("MISBEHAVIOUR")
    if what == "prints":
        print('{"type": "warm"}' * 10_000)
        os.write(1, b"\\x00rubbish")
    elif what == "hangs":
        time.sleep(600)
    elif what == "dies":
        sys.stderr.write("no kernel image\\n")
        os._exit(7)
    elif what == "answers objects":
        return
    elif what == "more threads":
        torch.set_num_threads(64)
    elif what == "raises":
        raise ValueError("a shape that does not fit")

def pipeline(task, model, device):
    if os.environ.get("MISBEHAVIOUR") == "refuses":
        raise KeyError("first\\nUnknown task " + task)
    if os.environ.get("MISBEHAVIOUR") == "too large":
        raise torch.OutOfMemoryError("CUDA out of memory")
    return Pipeline(Path(model))

if os.environ.get("MISBEHAVIOUR") == "answers objects":
    Pipeline.__call__ = lambda self, text, schema: {"output": object()}
"""


def environment(directory: Path) -> Path:
    """Make an environment with the stand-in, and give its interpreter."""
    bare = bare_environment(directory)
    (packages,) = directory.glob("lib/python*/site-packages")
    (packages / "torch.py").write_text(TORCH, encoding="utf-8")
    (packages / "modelscope").mkdir()
    (packages / "modelscope" / "__init__.py").write_text('__version__ = "1.2.3"\n', encoding="utf-8")
    (packages / "modelscope" / "pipelines.py").write_text(PIPELINES, encoding="utf-8")
    return bare


def bare_environment(directory: Path) -> Path:
    """Make an environment without anything, and give its interpreter."""
    venv.create(directory, symlinks=True, with_pip=False)
    return directory / "bin" / "python"

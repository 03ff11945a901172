"""ModelScope's own SiameseUIE pipeline, from the text to the spans as its users call it."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from harness.peers import Peer, Proof

_TASK = "siamese-uie"
# The file of the published directories that says which pipeline a checkpoint is for; for directories without it.
_CONFIGURATION = {
    "framework": "pytorch",
    "task": _TASK,
    "model": {"type": "bert"},
    "pipeline": {"type": _TASK},
    "preprocessor": {"type": f"{_TASK}-preprocessor"},
}
_LAYERS, _CROSS = 12, 6  # the pipeline always uses the last 6 layers as cross layers
_THRESHOLD, _TIE = 0.5, 1e-4  # as `harness.record.TIE`


class ModelScope(Peer):
    """The pipeline that `modelscope.pipelines.pipeline` makes of a checkpoint."""

    needs = "modelscope"
    install = 'pip install "modelscope[framework]==1.40.2" transformers==4.57.6 torch'

    def imports(self) -> None:
        """Import the library, and tell it not to use the network."""
        for variable in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
            os.environ.setdefault(variable, "1")
        self._make = import_module("modelscope.pipelines").pipeline

    def load(self, checkpoint: Path, device: str, scratch: Path) -> None:
        """Make the pipeline, as its users do."""
        self._split = _other_split(checkpoint)
        if self._split is not None:
            model = import_module("modelscope.models.nlp.bert.siamese_uie").SiameseUieModel
            model.set_crossattention_layer.__defaults__ = (self._split,)
        self._pipeline = self._make(_TASK, model=str(_with_configuration(checkpoint, scratch)), device=device)
        self.model = self._pipeline.model

    def answer(self, text: str, schema: dict[str, Any]) -> list[Any]:
        """The chains of a text."""
        chains: list[Any] = self._pipeline(text, schema=schema)["output"]
        return chains

    def marks(self, text: str, schema: dict[str, Any]) -> list[Any]:
        """The logits near the threshold, taken from between two methods of the pipeline."""
        pipeline = self._pipeline
        found: list[Any] = []
        asked: list[tuple[list[Any], str]] = []  # the prompts whose logits come next
        infos, entities = pipeline.get_prefix_infos, pipeline.get_entities

        def noting_infos(text: str, tokens: Any, path: list[Any], types: Any) -> Any:
            asked[:] = [(list(path), type_) for type_ in types]
            return infos(text, tokens, path, types)

        def noting_entities(text: str, offsets: Any, head: Any, tail: Any) -> Any:
            path, type_ = asked.pop(0)
            for part, logits in (("head", head), ("tail", tail)):
                found.extend(
                    {"path": path, "type": type_, "part": part, "offset": list(offset), "logit": logit}
                    for offset, logit in zip(offsets, logits, strict=True)
                    if abs(logit - _THRESHOLD) <= _TIE
                )
            return entities(text, offsets, head, tail)

        pipeline.get_prefix_infos, pipeline.get_entities = noting_infos, noting_entities
        try:
            self.answer(text, schema)
        finally:
            del pipeline.get_prefix_infos, pipeline.get_entities
        return found

    def prove(self, ask: Callable[[], object]) -> Proof:
        """The pipeline's class, the versions, and how often it called its model."""
        pipeline, calls = self._pipeline, [0]
        infer = pipeline.model.fast_inference

        def counting(*inputs: Any) -> Any:
            calls[0] += 1
            return infer(*inputs)

        pipeline.model.fast_inference = counting
        try:
            ask()
        finally:
            del pipeline.model.fast_inference
        kind = type(pipeline)
        libraries = [sys.modules[name] for name in ("modelscope", "torch", "transformers") if name in sys.modules]
        versions = ", ".join(f"{one.__name__} {getattr(one, '__version__', '?')}" for one in libraries)
        summary = f"{kind.__module__}.{kind.__name__} of {versions}; forwards of its model: {calls[0]}"
        if self._split is not None:
            summary += f"; made to take {self._split} cross layers, where its own code takes {_CROSS} of any checkpoint"
        active = calls[0] > 0 and kind.__module__.split(".")[0] == self.needs
        return Proof(active, summary, {"forwards": calls[0]})


def _with_configuration(checkpoint: Path, scratch: Path) -> Path:
    """The checkpoint, or a directory of links to its files and the configuration that it lacks."""
    if (checkpoint / "configuration.json").exists():
        return checkpoint
    made = Path(tempfile.mkdtemp(prefix="checkpoint-", dir=scratch))  # another process of the same peer may be running
    for file in checkpoint.iterdir():
        (made / file.name).symlink_to(file)
    (made / "configuration.json").write_text(json.dumps(_CONFIGURATION), encoding="utf-8")
    return made


def _other_split(checkpoint: Path) -> int | None:
    """The number of cross layers, if the checkpoint's layers differ from those that the pipeline assumes."""
    layers = json.loads((checkpoint / "config.json").read_text(encoding="utf-8-sig"))["num_hidden_layers"]
    if layers == _LAYERS:
        return None
    names = import_module("torch").load(checkpoint / "pytorch_model.bin", map_location="meta", weights_only=True)
    return len({name.split(".")[2] for name in names if name.startswith("crossattention.layer.")})


peer = ModelScope()

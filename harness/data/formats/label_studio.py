"""Label Studio's exports: JSON (a list of tasks, one task, or one task per line) and JSON-MIN."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from harness.data.formats import lines
from harness.data.formats.annotated import Annotated, documents, fill_in
from harness.data.formats.document import Document, Problem
from harness.data.formats.label_studio_results import fill
from harness.data.formats.label_studio_tasks import Task, Texts, load, texts_of
from harness.data.formats.readings import Unit, utf16
from harness.data.formats.relations import relations_of

NAME = "label_studio"
DESCRIPTION = (
    'a JSON list of tasks {"data": {"text"}, "annotations": [{"result": [{"type": "labels", "value"}]}]}, one of them, '
    "a line each, or JSON-MIN"
)
_KEY = "label"  # what Label Studio's own templates call the control
_ANNOTATED = ("annotations", "completions", "predictions", "task")
_MINIMAL = ('"annotation_id"', '"annotator"', '"lead_time"')
_TASK = re.compile(r'"data"\s*:\s*\{')


def recognise(path: Path, sample: str) -> bool:
    """If a ``.json`` file holds a list of tasks or of JSON-MIN, or if it or the first line is a task."""
    begins = sample.lstrip()[:1]
    if path.suffix not in (".json", ".jsonl") or begins not in ("[", "{"):
        return False
    if begins == "[":
        return bool(_TASK.search(sample)) or sum(key in sample for key in _MINIMAL) > 1
    task = lines.first(sample) or {key: None for key in _ANNOTATED if f'"{key}"' in sample}
    return bool(_TASK.search(sample)) and not task.keys().isdisjoint(_ANNOTATED)


def read(path: Path, problem: Problem) -> Iterator[Document]:
    """Uses a task's ground truth, or its first annotation that was not skipped. A task counts as a line.

    One chain for each relation, and for each label that no relation starts from. Label Studio counts UTF-16 code units.
    """
    tasks = load(path, problem)
    texts = texts_of(tasks)

    def parse(tell: Problem) -> Iterator[Annotated]:
        for task in tasks:
            yield from _annotated(task, texts, tell)

    yield from documents(parse, problem, own=Unit.UTF16)


def _annotated(task: Task, texts: Texts, problem: Problem) -> Iterator[Annotated]:
    """A text for each of the task's texts that can be labelled."""
    for key, names in texts.names.items():
        if key not in task.data:
            problem(task.line, f"the task has no text under the key {key!r}")
            continue
        id_ = task.id if len(texts.names) == 1 else f"{task.id}/{key}"
        one = Annotated(id_, task.data[key], task.line)
        one.remarks.extend(texts.said if task.line == texts.line else ())
        if task.unlabelled:
            one.unlabelled = task.unlabelled
        else:
            if task.differing:
                problem(task.line, f"the task has {task.differing} annotations that differ; the first one counts")
            fill_in(one, partial(fill, one, task.results, names), problem)
        yield one


def write(documents: Iterable[Document], path: Path, problem: Problem) -> None:
    """Single spans, which may overlap, and pairs; offsets as Label Studio counts them."""
    tasks = [_task(document, problem) for document in documents]
    path.write_text(json.dumps(tasks, ensure_ascii=False, indent=1), encoding="utf-8", newline="\n")


def _task(document: Document, problem: Problem) -> dict[str, Any]:
    task: dict[str, Any] = {"id": document.id, "data": {"text": document.text}, "annotations": []}
    if document.chains is None:
        return task
    labels, relations = relations_of(document, problem)
    results: list[dict[str, Any]] = [
        {
            "id": f"{place}",
            "type": "labels",
            "from_name": _KEY,
            "to_name": "text",
            "value": {
                "start": utf16(document.text, label.start),
                "end": utf16(document.text, label.end),
                "text": document.text[label.start : label.end],
                "labels": [label.type],
            },
        }
        for place, label in enumerate(labels)
    ]
    results += [
        {"type": "relation", "from_id": f"{subject}", "to_id": f"{object_}", "direction": "right", "labels": [type_]}
        for subject, object_, type_ in relations
    ]
    task["annotations"] = [{"result": results}]
    return task

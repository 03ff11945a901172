"""Label Studio's JSON export: a list of tasks with their annotations."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from harness.data.formats.document import Document, Problem, labelled, single_spans, whole_labels

NAME = "label_studio"
DESCRIPTION = 'a JSON list of tasks {"data": {"text"}, "annotations": [{"result": [{"type": "labels", "value"}]}]}'
_KEY = "label"  # what Label Studio's own templates call the control


def recognise(path: Path, sample: str) -> bool:
    """By a list in a ``.json`` file that names annotations."""
    return path.suffix == ".json" and sample.lstrip()[:1] == "[" and '"annotations"' in sample


def read(path: Path, problem: Problem) -> Iterator[Document]:
    """A task's first annotation that was not cancelled; relations are left out and told. A task stands for a line."""
    try:
        tasks = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        problem(1, f"is no JSON: {error}")
        return
    for number, task in enumerate(tasks if isinstance(tasks, list) else [tasks], 1):
        try:
            yield _document(task, number, problem)
        except (KeyError, TypeError, ValueError, AttributeError, StopIteration) as error:
            problem(number, f"the task is not as this format has it: {type(error).__name__}: {error}")


def _document(task: dict[str, Any], number: int, problem: Problem) -> Document:
    data = task["data"]
    text = data["text"] if "text" in data else next(value for value in data.values() if isinstance(value, str))
    given = [one for one in task.get("annotations", []) if not one.get("was_cancelled")]
    if len(given) > 1:
        problem(number, f"the task has {len(given)} annotations; the first one counts")
    results = given[0]["result"] if given else []
    if others := sum(one.get("type") != "labels" for one in results):
        problem(number, f"{others} results are no labels (relations, choices) and are left out")
    given_labels = [
        (one["value"]["start"], one["value"]["end"], type_)
        for one in results
        if one.get("type") == "labels"
        for type_ in one["value"]["labels"]
    ]
    labels = whole_labels(given_labels, number, problem)
    return labelled(str(task.get("id", number)), text, labels, number, problem)


def write(documents: Iterable[Document], path: Path, problem: Problem) -> None:
    """Single spans, overlapping ones too."""
    tasks = [_task(document, problem) for document in documents]
    path.write_text(json.dumps(tasks, ensure_ascii=False, indent=1), encoding="utf-8")


def _task(document: Document, problem: Problem) -> dict[str, Any]:
    results = [
        {
            "id": f"{place}",
            "type": "labels",
            "from_name": _KEY,
            "to_name": "text",
            "value": {
                "start": label.start,
                "end": label.end,
                "text": document.text[label.start : label.end],
                "labels": [label.type],
            },
        }
        for place, label in enumerate(single_spans(document, problem))
    ]
    return {"id": document.id, "data": {"text": document.text}, "annotations": [{"result": results}]}

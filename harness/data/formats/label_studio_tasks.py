"""Label Studio's tasks in all forms of its exports, and the choice of the strings that are the texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.data.formats import lines
from harness.data.formats.document import Problem
from harness.data.formats.label_studio_results import is_label, name_of
from harness.errors import InputError
from harness.jsontext import parse_json
from harness.textfile import read_text

_TEXT = "text"  # what Label Studio's own templates call the text
# JSON-MIN's keys besides those of a task's data and its labels.
_KEPT_BOOKS = {"id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time"}
_STANDS, _LONGEST = "where the labels' own text stands", "the longest"
_SKIPPED = "the task was skipped, so its gold is not known"
_UNLABELLED = "the task is not annotated, so its gold is not known"
_PREDICTED = "the task has predictions and no annotation; predictions are not gold"


@dataclass(frozen=True)
class Task:
    """A task: its strings, and the results of the annotation that counts."""

    id: str
    line: int
    data: dict[str, str]
    results: list[Any]
    unlabelled: str = ""  # why its labels are not known
    differing: int = 0  # the number of annotations if they do not agree


@dataclass(frozen=True)
class Texts:
    """The keys of the data that hold the texts, each with its names in results; and a remark on the choice."""

    names: dict[str, set[str | None]]
    said: tuple[str, ...]
    line: int  # the line of the remark


def load(path: Path, problem: Problem) -> list[Task]:
    """The tasks of a file; anything else is reported."""
    found = []
    for number, task in _objects(path, problem):
        try:
            found.append(_task(task, number))
        except InputError as error:
            problem(number, str(error))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            problem(number, f"the task is not as this format has it: {type(error).__name__}: {error}")
    return found


def _objects(path: Path, problem: Problem) -> Iterator[tuple[int, Any]]:
    text = read_text(path)
    if text.lstrip()[:1] == "{" and lines.first(text):  # a whole object in the first line
        yield from lines.objects(path, problem)
        return
    try:
        found = parse_json(text)
    except InputError as error:
        problem(1, str(error))
        return
    yield from enumerate(found if isinstance(found, list) else [found], 1)


def _task(given: Any, line: int) -> Task:
    task = _in_full(given)
    data = {key: value for key, value in task["data"].items() if isinstance(value, str)}
    if not data:
        raise InputError("the task has no text in its data")
    id_ = lines.named(task, line)
    annotations = task.get("annotations", task.get("completions")) or []
    live = [one for one in annotations if not (one.get("was_cancelled") or one.get("skipped"))]
    if not live:
        why = _SKIPPED if annotations else _PREDICTED if task.get("predictions") else _UNLABELLED
        return Task(id_, line, data, [], why)
    counting = [one for one in live if one.get("ground_truth")] or live
    results = [list(one["result"]) for one in counting]
    differing = len(results) if any(_said(one) != _said(results[0]) for one in results) else 0
    return Task(id_, line, data, results[0], differing=differing)


def _in_full(given: Any) -> dict[str, Any]:
    """The task in the form of the JSON export."""
    if not isinstance(given, dict):
        raise InputError(f"the task is not an object but {type(given).__name__}")
    match given:
        case {"data": dict()}:
            return given
        case {"task": {"data": dict()} as task, "result": list()}:  # an annotation, as written to cloud storage
            return {**task, "annotations": [given]}
    marked = {key: value for key, value in given.items() if _is_marked(value)}
    results = [{"type": "labels", "to_name": None, "value": value} for values in marked.values() for value in values]
    data = {key: value for key, value in given.items() if key not in _KEPT_BOOKS}
    annotated = marked or "annotation_id" in given
    return {"id": given.get("id"), "data": data, "annotations": [{"result": results}] if annotated else []}


def _is_marked(value: Any) -> bool:
    """Whether a value of JSON-MIN is a list of labels."""
    return isinstance(value, list) and any(isinstance(one, dict) and "labels" in one for one in value)


def _said(results: Iterable[Any]) -> list[str]:
    """The contents of results, without ids, which differ between annotations."""
    return sorted(
        repr((one.get("type"), one.get("to_name"), one.get("value"), one.get("direction"), one.get("labels")))
        for one in results
    )


def texts_of(tasks: Sequence[Task]) -> Texts:
    """Which of the data's strings are the texts.

    The labelling configuration would say it, but exports do not contain that. So, for each ``to_name`` of the results,
    it is the string that most often contains the labels' own text; then ``text``; then the longest.
    """
    keys = Counter({key: 0 for task in tasks for key in task.data})
    for task in tasks:
        keys.update({key: len(value) for key, value in task.data.items()})
    stands: dict[str | None, Counter[str]] = {}
    for task in tasks:
        for result in filter(is_label, task.results):
            stands.setdefault(name_of(result), Counter()).update(_standing(task.data, result.get("value")))
    stands = stands or {None: Counter()}
    names: dict[str, set[str | None]] = {}
    for name, found in stands.items():
        best = max(keys, key=lambda key: (found[key], key == _TEXT, keys[key]), default=None)
        if best is not None:
            names.setdefault(best, set()).add(name)
    why = {key: _STANDS if any(stands[name][key] for name in called) else _LONGEST for key, called in names.items()}
    said = [f"the texts are those under the key {key!r}, {why[key]}" for key in names if key != _TEXT and len(keys) > 1]
    return Texts(names, tuple(said), tasks[0].line if tasks else 1)


def _standing(data: dict[str, str], value: Any) -> Iterator[str]:
    """The keys whose string contains a label's own text; a key counts twice if it is near the label's place."""
    surface = value.get("text") if isinstance(value, dict) else None
    if not isinstance(surface, str) or not surface.strip():
        return
    for key, text in data.items():
        if surface in text:
            yield key
            start = value.get("start")
            # An offset in UTF-16 code units may be twice that in characters.
            if isinstance(start, int) and start >= 0 and text.find(surface, start // 2, start + len(surface)) >= 0:
                yield key

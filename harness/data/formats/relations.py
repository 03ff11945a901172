"""Relations between labels as chains, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from harness.data.formats.document import Document, Label, Problem, item
from harness.record import Chains, Item

# The type of a label that is nothing but the end of relations: written where a pair's second span has no label of its
# own, and not taken for a chain when it is read.
END = "_"
Id: TypeAlias = str | int | None  # None: no relation can refer to it


@dataclass(frozen=True)
class Relation:
    """From one label to another, by their ids."""

    subject: Id
    object: Id
    type: str | None  # None: what the object is called says what it is of the subject

    def __post_init__(self) -> None:
        if not all(isinstance(end, str | int) for end in (self.subject, self.object)):
            raise TypeError(f"a relation from {self.subject!r} to {self.object!r}, which are not ids")
        if self.type is not None and (not isinstance(self.type, str) or not self.type):
            raise TypeError(f"a relation with the type {self.type!r}, which is not a name")


def chains_of(
    text: str,
    labels: Sequence[tuple[Id, Label | None]],
    relations: Iterable[Relation],
    fault: Callable[[str], None],
) -> Chains:
    """One chain of two links per relation, and one chain per label that is not the subject of any.

    Args:
        text: the text of the labels.
        labels: by id, which several may share; None for a faulty one, whose relations are left out.
        relations: between them.
        fault: called for an invalid relation.
    """
    by_id: dict[Id, list[Label | None]] = {}
    for id_, label in labels:
        by_id.setdefault(id_, []).append(label)
    pairs: set[tuple[Label, Label]] = set()
    for relation in relations:
        if missing := [id_ for id_ in (relation.subject, relation.object) if id_ not in by_id]:
            fault(f"a relation{_called(relation)} leads to {missing[0]!r}, which is not a label here")
            continue
        for subject in by_id[relation.subject]:
            for object_ in by_id[relation.object]:
                if subject is None or object_ is None:
                    continue
                type_ = relation.type or object_.type
                if END in (subject.type, type_):
                    fault(f"a relation{_called(relation)} has neither a name nor a label to take one from")
                else:
                    pairs.add((subject, Label(object_.start, object_.end, type_)))
    parents = {subject for subject, _ in pairs}
    alone = {label for _, label in labels if label is not None and label.type != END} - parents
    return [
        [item(text, link.type, link.start, link.end) for link in chain]
        for chain in sorted([*((label,) for label in alone), *pairs])
    ]


def _called(relation: Relation) -> str:
    return f" {relation.type!r}" if relation.type else ""


def relations_of(document: Document, problem: Problem) -> tuple[list[Label], list[tuple[int, int, str]]]:
    """Labels, and relations between them as (place of the subject, place of the object, type); the rest is named."""
    pairs = [(chain[0], chain[1]) for chain in document.chains or [] if len(chain) == 2]
    subjects = {_label(subject) for subject, _ in pairs}
    labels = set(subjects)
    for chain in document.chains or []:
        path = " > ".join(f"{link['type']} {link['span']!r}" for link in chain)
        if len(chain) > 2:
            problem(document.line, f"the chain {path} has {len(chain)} links, and this format holds one or two")
        elif len(chain) == 1 and chain[0]["type"] == END:
            problem(document.line, f"the type of {path} stands for the end of a relation in this format")
        elif len(chain) == 1 and _label(chain[0]) in subjects:
            problem(document.line, f"the chain {path} is also the beginning of another, which this format cannot tell")
        elif len(chain) == 1:
            labels.add(_label(chain[0]))
    ends = {(label.start, label.end): label for label in sorted(labels, reverse=True)}
    for _, object_ in pairs:
        start, end = object_["offset"]
        labels.add(ends.setdefault((start, end), Label(start, end, END)))
    ordered = sorted(labels)
    places = {label: place for place, label in enumerate(ordered)}
    related = sorted(
        {
            (places[_label(subject)], places[ends[object_["offset"][0], object_["offset"][1]]], object_["type"])
            for subject, object_ in pairs
        }
    )
    return ordered, related


def _label(link: Item) -> Label:
    return Label(link["offset"][0], link["offset"][1], link["type"])

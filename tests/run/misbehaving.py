"""Optimizations that misbehave when they are applied, when asked whether they can run, or in their evidence."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from harness.plugin import Evidence, Optimization, Stage, optimization


def shown(name: str, **parts: Any) -> Evidence:
    return Evidence(**{"optimization": name, "active": True, "summary": "", **parts})


def numpy_scalar() -> Any:
    import numpy as np

    return np.float64(1.0)


def torch_scalar() -> Any:
    import torch

    return torch.tensor(1.0)


class SilentError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even that")


class Elsewhere(Evidence, frozen=True):
    more: str = "a field that no record has"


def raising(error: BaseException) -> Callable[..., Any]:
    def fail(*_: Any) -> Any:
        raise error

    return fail


def changed_afterwards(name: str) -> Evidence:
    found = shown(name, figures={"share": 0.5})
    found.figures["share"] = float("nan")
    return found


# What each one's evidence is, given its name.
EVIDENCE: dict[str, Callable[[str], Any]] = {
    "nan": lambda name: shown(name, figures={"share": float("nan")}),
    "infinite": lambda name: shown(name, figures={"share": float("inf")}),
    "none_figure": lambda name: shown(name, figures={"share": None}),
    "text_figure": lambda name: shown(name, figures={"share": "1.0"}),
    "nested_figure": lambda name: shown(name, figures={"share": [[1.0]]}),
    "bool_figure": lambda name: shown(name, figures={"share": True}),
    "numpy_figure": lambda name: shown(name, figures={"share": numpy_scalar()}),
    "torch_figure": lambda name: shown(name, figures={"share": torch_scalar()}),
    "huge_figure": lambda name: shown(name, figures={"share": 10**400}),
    "changed_figure": changed_afterwards,
    "surrogate_figure": lambda name: shown(name, figures={"sh\ud800are": 1.0}),
    "number_for_a_name": lambda name: shown(name, figures={1: 1.0}),
    "no_figures": lambda name: shown(name, figures=None),
    "surrogate": lambda name: shown(name, summary="half \ud800 a character"),
    "bytes_summary": lambda name: shown(name, summary=b"raw"),
    "numpy_active": lambda name: shown(name, active=numpy_scalar() > 0),
    "another_name": lambda _: shown("batching"),
    "a_tuple": lambda name: (name, True, ""),
    "nothing": lambda _: None,
    "a_subclass": lambda name: Elsewhere(name, active=True, summary=""),
    "raises_surrogate": raising(ValueError("half \ud800 a character")),
    "raises_no_message": raising(SilentError()),
    "raises_much": raising(ValueError("much " * 10**6)),
    "exits": lambda _: sys.exit(0),
    "interrupts": raising(KeyboardInterrupt()),
    "stops_generating": raising(GeneratorExit()),
    "recurses": lambda name: EVIDENCE[name](name),
}

# What each one does when it is applied, and what comes of it.
APPLYING: dict[str, Callable[..., Any]] = {
    "applied_exits": lambda _: sys.exit("enough"),
    "applied_interrupts": raising(KeyboardInterrupt()),
    "applied_to_nothing": lambda _: None,
    "applied_needs_more": lambda _, __: None,
}

UNAVAILABLE = {"cannot_say": raising(OSError("no driver")), "exits_when_asked": raising(SystemExit(3))}
EXACT: dict[str, Callable[..., Any]] = {
    "promise_breaks": raising(KeyError("bits")),
    "promise_exits": raising(SystemExit(3)),
    "promise_is_none": lambda _: None,
}


def misbehaving(name: str, apply: Callable[..., Any] = lambda extractor: extractor, **parts: Any) -> Optimization[Any]:
    def applied(extractor: Any) -> Any:
        return apply(extractor)

    applied.__name__ = name
    given = {"exact": True, "evidence": lambda _: shown(name), **parts}
    return optimization(Stage.GRAPH, **given)(applied)


def _evidence(name: str) -> Callable[[Any], Any]:
    return lambda _: EVIDENCE[name](name)


globals().update(
    {name: misbehaving(name, evidence=_evidence(name)) for name in EVIDENCE}
    | {name: misbehaving(name, found) for name, found in APPLYING.items()}
    | {name: misbehaving(name, unavailable=found) for name, found in UNAVAILABLE.items()}
    | {name: misbehaving(name, exact=found) for name, found in EXACT.items()}
)

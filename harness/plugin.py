"""All that an optimization may import.

An optimization is one function in one file, from extractor to extractor (in the stage LOAD: from load plan to load
plan)::

    @optimization(Stage.INPUT, exact=True, evidence=padding_removed)
    def dynamic_truncation(extractor: Extractor, *, multiple: int = 8) -> Extractor:
        return replace(extractor, padding=PadToLongest(multiple))

Its keyword arguments are its parameters, its docstring is its documentation. Importing the file must not import torch:
heavy imports go inside the functions, `Extractor` and `LoadPlan` under ``typing.TYPE_CHECKING``.
"""

from __future__ import annotations

import importlib
import inspect
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import IntEnum
from importlib.metadata import PackageNotFoundError, distribution
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from harness.errors import InputError, SuiteError, UnavailableError, in_brief, unknown
from harness.operators import LINEAR_PRODUCTS, Operator, operators_of, product_elements
from harness.record import Evidence

if TYPE_CHECKING:
    from harness.baseline.extractor import Extractor
    from harness.baseline.loading import LoadPlan

__all__ = [
    "Evidence",
    "Extractor",
    "InputError",
    "LoadPlan",
    "Operator",
    "Optimization",
    "Probe",
    "Shape",
    "Stage",
    "UnavailableError",
    "imported",
    "optimization",
]


class Stage(IntEnum):
    """When an optimization is applied; composition goes in this order."""

    LOAD = 0
    WEIGHTS = 1
    ATTENTION = 2
    MEMORY = 3
    INPUT = 4
    BATCH = 5
    GRAPH = 6


@dataclass(frozen=True)
class Shape:
    """What one call of a forward was given: rows of ``length`` tokens, ``tokens`` of them no padding."""

    forward: str
    rows: int
    length: int
    tokens: int


@dataclass(frozen=True)
class Probe:
    """What evidence is taken from: the composed extractor and the texts of the run, in an untimed pass."""

    extractor: Extractor
    texts: Sequence[str]
    schemas: Sequence[Any]

    def run(self, extractor: Extractor | None = None) -> None:
        """Answer the texts once, with the composed extractor or a variant of it."""
        (extractor or self.extractor).extract_batch(self.texts, self.schemas)

    def watch(self, note: Callable[[str, tuple[Any, ...], Any], None], extractor: Extractor | None = None) -> None:
        """Answer the texts once, as :meth:`run`, and tell of every call of a forward.

        Args:
            note: given the forward's name, its inputs and what it gave.
            extractor: a variant of the composed one. Of one that screens, the exact model's forwards are watched.
        """
        extractor = extractor or self.extractor
        own = extractor.forwards

        def watched(name: str, forward: Callable[..., Any]) -> Callable[..., Any]:
            def call(*inputs: Any) -> Any:
                given = forward(*inputs)
                note(name, inputs, given)
                return given

            return call

        changed: dict[str, Any] = {name: watched(name, forward) for name, forward in own.by_name().items()}
        self.run(replace(extractor, forwards=replace(own, **changed)))

    def shapes(self, extractor: Extractor | None = None) -> list[Shape]:
        """Answer the texts once, as :meth:`run`, and note what every call of the text and prompt tower was given."""
        seen: list[Shape] = []

        def note(name: str, inputs: tuple[Any, ...], _: Any) -> None:
            if name != "cross":
                ids, mask = inputs[:2]
                seen.append(Shape(name, ids.shape[0], ids.shape[1], int(mask.sum())))

        self.watch(note, replace(extractor or self.extractor, screen=None))  # what screens is given the same
        return seen

    def crossed(self, extractor: Extractor | None = None) -> int:
        """Answer the texts once, as :meth:`run`, and count the rows that the cross layers were given."""
        rows: list[int] = []
        self.watch(lambda name, inputs, _: rows.append(inputs[0].shape[0] if name == "cross" else 0), extractor)
        return sum(rows)

    def calls(self, chosen: Callable[[Any], bool]) -> tuple[Counter[str], Counter[str]]:
        """Answer the texts once, and count the calls of each forward by its name: of chosen forwards, and of others."""
        counts = Counter[str](), Counter[str]()
        extractor = replace(self.extractor, screen=None)  # its own forwards, not those of what screens
        others = {name: not chosen(forward) for name, forward in extractor.forwards.by_name().items()}
        self.watch(lambda name, *_: counts[others[name]].update([name]), extractor)
        return counts

    def by_runtime(self, runtime: str, title: str) -> Evidence:
        """Evidence that another runtime than torch computes every forward: its forwards are called, torch's never.

        Args:
            runtime: the optimization's name, which its forwards carry.
            title: how the runtime calls itself.
        """
        foreign, own = (
            calls.total() for calls in self.calls(lambda forward: getattr(forward, "runtime", None) == runtime)
        )
        by_torch = self.product_elements()
        return Evidence(
            optimization=runtime,
            active=foreign > 0 and own == 0 and by_torch == 0,
            summary=f"{foreign} forwards by {title}, {own} by torch, whose linear layers gave {by_torch} numbers",
            figures={"foreign_calls": foreign, "own_calls": own, "elements_by_torch": by_torch},
        )

    def operators(self, extractor: Extractor | None = None) -> list[Operator]:
        """Answer the texts once, as :meth:`run`, and note every operator of torch that is called."""
        return operators_of(lambda: self.run(self._eager(extractor)))

    def products(self, extractor: Extractor | None = None) -> list[Operator]:
        """The products of linear layers among :meth:`operators`, eager, scripted, packed or in 8 bits."""
        return [operator for operator in self.operators(extractor) if operator.name in LINEAR_PRODUCTS]

    def product_elements(self, extractor: Extractor | None = None) -> int:
        """How many numbers these products give; none where another runtime than torch computes them."""
        return product_elements(lambda: self.run(self._eager(extractor)))

    def _eager(self, extractor: Extractor | None) -> Extractor:
        """Its forwards that were captured or compiled are those that this was done with: a replay calls no operator."""
        asked = extractor or self.extractor
        own = asked.forwards
        made_from: dict[str, Any] = {
            name: getattr(forward, "made_from", forward) for name, forward in own.by_name().items()
        }
        return replace(asked, forwards=replace(own, **made_from))


_Subject = TypeVar("_Subject")


def imported(name: str) -> Any:
    """A package that an optimization needs.

    Raises:
        UnavailableError: it is not there, or broken.
    """
    try:
        return importlib.import_module(name)
    except Exception as error:  # a broken installation may raise anything
        said = f"{type(error).__name__}: {in_brief(error)}"
        raise UnavailableError(f"the package {name!r} cannot be imported ({said}); install it anew") from error


@contextmanager
def noted(where: str) -> Iterator[None]:
    """Whatever is raised within says where it was."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"({where})")
        raise


@dataclass(frozen=True)
class Optimization(Generic[_Subject]):
    """A plugin: its function, and what it promises."""

    name: str
    stage: Stage
    keeps_answers: Callable[[Mapping[str, Any]], bool]  # given its parameters
    apply: Callable[..., _Subject]
    evidence: Callable[[Probe], Evidence]
    unavailable: Callable[[Any], str | None]
    requires: tuple[str, ...]
    conflicts: tuple[str, ...]
    source: str
    parameters: Mapping[str, inspect.Parameter] = field(hash=False)
    tunable: Mapping[str, Sequence[Any]] = field(default_factory=dict, hash=False)

    @property
    def exact(self) -> bool:
        """Whether it promises the baseline's answers, with its default parameters."""
        return self.promises({})

    def promises(self, parameters: Mapping[str, Any]) -> bool:
        """Whether it promises the baseline's answers with these parameters.

        Raises:
            SuiteError: its function of that breaks, or says neither yes nor no.
        """
        try:
            found: object = self.keeps_answers(parameters)
        except (Exception, SystemExit) as error:  # a stranger's function
            raise SuiteError(f"{self.name}: its `exact` breaks with {type(error).__name__}: {error}") from error
        if type(found) is not bool:
            raise SuiteError(f"{self.name}: its `exact` says {found!r}; it must say True or False")
        return found

    def shown(self, probe: Probe) -> Evidence:
        """Its evidence, checked once more: a dict of figures may have changed since it was made.

        Raises:
            TypeError: it is not an `Evidence`, or holds what a record cannot.
            ValueError: likewise, or it is about another optimization.
        """
        with noted(f"in the evidence of {self.name}"):
            found: object = self.evidence(probe)
            if type(found) is not Evidence:
                raise TypeError(f"an Evidence must be returned, and it is of type {type(found).__name__}")
            if found.optimization != self.name:
                raise ValueError(f"it is about {found.optimization!r}; it must name {self.name!r}")
            return Evidence(found.optimization, found.active, found.summary, found.figures)

    @property
    def missing(self) -> str | None:
        """Which distribution it needs and is not installed, in words."""
        for name in self.requires:
            try:
                distribution(name)
            except PackageNotFoundError:
                return f"{self.name} needs the distribution {name!r}, which is not installed (pip install {name})"
        return None

    @property
    def documentation(self) -> str:
        """The function's docstring."""
        return inspect.getdoc(self.apply) or ""


def optimization(
    stage: Stage,
    *,
    exact: bool | Callable[[Mapping[str, Any]], bool],
    evidence: Callable[[Probe], Evidence],
    unavailable: Callable[[Any], str | None] = lambda _: None,
    requires: Sequence[str] = (),
    conflicts: Sequence[str] = (),
    tunable: Mapping[str, Sequence[Any]] | None = None,
) -> Callable[[Callable[..., _Subject]], Optimization[_Subject]]:
    """Make a function an optimization.

    Args:
        stage: when it is applied.
        exact: whether it promises the baseline's answers, span by span; where that depends on its parameters, a
            function from those that were given to whether it does.
        evidence: shows, in the measured process, whether it is active.
        unavailable: given the ``torch.device``, says why it cannot run there, or None.
        requires: distributions that must be installed.
        conflicts: names of optimizations that it cannot be combined with.
        tunable: values of its parameters that a search tries, like ``{"precision": ["float32", "bfloat16"]}``. An
            empty list keeps a parameter at its default. One that is not named here is tried around its default.
    """

    def decorate(function: Callable[..., _Subject]) -> Optimization[_Subject]:
        parameters = dict(list(inspect.signature(function).parameters.items())[1:])
        for name in tunable or {}:
            if name not in parameters:
                raise SuiteError(f"{function.__name__}: tunable: {unknown('parameter', name, parameters)}")
        return Optimization(
            name=function.__name__,
            stage=stage,
            keeps_answers=exact if callable(exact) else lambda _: exact,
            apply=function,
            evidence=evidence,
            unavailable=unavailable,
            requires=tuple(requires),
            conflicts=tuple(conflicts),
            source=inspect.getsourcefile(function) or "?",
            parameters=parameters,
            tunable=dict(tunable or {}),
        )

    return decorate


def __getattr__(name: str) -> Any:
    if name == "Extractor":
        from harness.baseline.extractor import Extractor

        return Extractor
    if name == "LoadPlan":
        from harness.baseline.loading import LoadPlan

        return LoadPlan
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

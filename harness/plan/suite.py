"""A suite file: which combinations, scenarios and texts to measure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from harness.errors import InputError, SuiteError, unknown
from harness.figures import LIMITS
from harness.plan.designs import find_design
from harness.record import F1_MARGIN, Scenario
from harness.scenarios import KINDS
from harness.tomlfile import check_keys, read_toml

SUITES = Path(__file__).parent / "suites"
LISTS = Path(__file__).parent / "texts"
MOST = 1_000_000  # of anything that is counted; more is a slip of the pen
Positive = Annotated[int, msgspec.Meta(ge=1, le=MOST)]
Clients = Positive | Annotated[tuple[Positive, ...], msgspec.Meta(min_length=1)]
# With a precision, the rounds after which a combination may have enough; few, because each look may err.
LOOKS = (4, 8, 16)


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of a suite file."""


class Combinations(Part, frozen=True):
    """Which combinations of which optimizations; the baseline and stock are always there."""

    design: str | list[str] = "one_at_a_time"
    optimizations: list[str] = []
    include: list[str] = []
    fraction: str | None = None  # of the design of that name: a word an optimization, like "a b c abc"
    effects: Literal["main", "pairs"] | None = (
        None  # effects that the combinations must be able to estimate, or the suite is refused
    )


class Texts(Part, frozen=True):
    """Which texts: datasets by name or file; all of their texts, `count` spread over the lengths, or those in `ids`.

    In a file, `ids` may also be the name of a list that comes with the tool.
    """

    datasets: Annotated[list[str], msgspec.Meta(min_length=1)]
    count: Positive | None = None
    ids: list[str] = []  # or these alone, as DATASET:ID
    schema: str | None = None  # as JSON, for files that have none; else the types of their labels
    format: str | dict[str, str] | None = None  # of the files, or by file; else told by their content
    compared: list[str] = []  # datasets whose texts are also answered, untimed, to compare answers

    def __post_init__(self) -> None:
        """A format of a file that is not read is a mistake."""
        for name in self.format if isinstance(self.format, dict) else ():
            if name not in (*self.datasets, *self.compared):
                raise ValueError(f"format: {unknown('dataset', name, [*self.datasets, *self.compared])}")

    def format_of(self, name: str) -> str | None:
        """The format that is said of a file."""
        return self.format.get(name) if isinstance(self.format, dict) else self.format


class Measure(Part, frozen=True):
    """What is measured, and how often."""

    scenarios: Annotated[tuple[Scenario, ...], msgspec.Meta(min_length=1)] = ("single_stream", "cold_start")
    # A scenario that only some combinations are measured in, by pattern; the others leave it out.
    only: dict[Scenario, list[str]] = {}
    clients: Clients = 3  # of closed_loop; several are measured one after the other
    rounds: Positive = 1  # of each combination; with a precision, at most
    # A combination gets no more rounds once the interval of its ratio to stock is this narrow on either side, like 0.03
    # for 3 %; looked at after 4, 8 and 16 rounds.
    precision: Annotated[float, msgspec.Meta(gt=0, lt=1)] | None = None
    # Stopping rules of other distributions, by name: a combination gets no more rounds once one of them has enough.
    stopping: list[str] = []
    # Cold starts of each combination and of stock, in turns and each alone, outside the rounds. 0: only the one that a
    # round begins with.
    starts: Annotated[int, msgspec.Meta(ge=0, le=MOST)] = 0
    passes: Positive = 4
    # Extra rounds of `single_stream`, after all others, for each of the fastest few. Only these say by how much
    # the chosen one is faster, because the rounds that chose it flatter it.
    confirm: Annotated[int, msgspec.Meta(ge=0, le=MOST)] = 0
    # Freed memory stays with its process, so that the layout of its heap, which differs between two processes of the
    # same program, does not decide how often the kernel is asked for pages. Off: as the C library likes. Memory is
    # weighed in other processes.
    keep_heap: bool = True
    # Points of micro-F1, scale 0 to 100, that a combination may lose which does not promise the baseline's answers.
    f1_margin: Annotated[float, msgspec.Meta(ge=0, le=100)] = F1_MARGIN
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=MOST)] = 600.0  # for one round, both processes

    def __post_init__(self) -> None:
        """A precision that no look could find is a mistake, and so is confirming what is not measured."""
        if self.confirm and "single_stream" not in self.scenarios:
            raise ValueError("confirm is of single_stream; add that to scenarios, or leave confirm out")
        if self.precision is not None and self.rounds < min(LOOKS):
            raise ValueError(
                f"precision is looked at after {min(LOOKS)} rounds for the first time, and rounds is {self.rounds}; "
                f"set rounds to {LOOKS}, or leave precision out"
            )

    def clients_of(self, scenario: Scenario) -> tuple[int, ...]:
        """How many clients a scenario has; several where it is measured more than once."""
        if not KINDS[scenario].per_clients:
            return (1,)
        return (self.clients,) if isinstance(self.clients, int) else self.clients

    @property
    def looks(self) -> tuple[int, ...]:
        """After how many rounds a combination may end for its precision."""
        return () if self.precision is None else tuple(look for look in LOOKS if look <= self.rounds)


class Targets(Part, frozen=True):
    """What a combination should keep; the report says of each whether it does."""

    max_p50: str | None = None  # like 800ms
    max_p95: str | None = None
    max_p99: str | None = None
    max_vram: str | None = None  # what the process takes of the GPU, like 2GiB
    max_rss: str | None = None  # peak while serving
    max_cold_start: str | None = None  # from the spawn to the first answer, like 5s
    min_qps: Annotated[float, msgspec.Meta(gt=0)] | None = None  # of closed_loop

    def __post_init__(self) -> None:
        """A limit with a wrong unit is a mistake."""
        self.limits()

    def limits(self) -> dict[str, float]:
        """Those that are set, in nanoseconds, bytes and requests a second."""
        found: dict[str, float] = {}
        for name, written in msgspec.structs.asdict(self).items():
            try:
                if isinstance(written, str):
                    found[name] = LIMITS[name].unit.parse(written)
                elif written is not None:
                    if not math.isfinite(written):
                        raise InputError(f"{written} is not a finite number")
                    found[name] = written
            except InputError as error:
                raise ValueError(f"{name}: {error}") from None
        return found


class Suite(Part, frozen=True):
    """A whole suite file."""

    texts: Texts
    combinations: Combinations = Combinations()
    measure: Measure = Measure()
    targets: Targets = Targets()
    description: str = ""


def suite_names() -> list[str]:
    """The suites that come with the tool."""
    return sorted(path.stem for path in SUITES.glob("*.toml"))


def find_suite(name: str) -> Path:
    """The file of a suite, by name or path.

    Raises:
        SuiteError: there is none.
    """
    path = Path(name)
    if path.suffix == ".toml":
        if not path.is_file():
            raise SuiteError(f"suite file {name!r} does not exist")
        return path
    if name not in suite_names():
        raise SuiteError(f"{unknown('suite', name, suite_names())}; a file's name ends in .toml")
    return SUITES / f"{name}.toml"


def read_suite(path: Path) -> Suite:
    """Read and check a suite file.

    Raises:
        SuiteError: it is not TOML, or holds a key or a value that no suite has.
    """
    try:
        data = read_toml(path)
        check_keys(data, Suite, str(path))
    except InputError as error:
        raise SuiteError(str(error)) from None
    _check_designs(data.get("combinations"), str(path))
    _find_list(data.get("texts"), str(path))
    try:
        return msgspec.convert(data, Suite)
    except msgspec.ValidationError as error:
        raise SuiteError(f"{path}: {error}") from None


def including(suite: Suite, combinations: Sequence[str]) -> Suite:
    """The suite with more combinations than its own."""
    own = suite.combinations
    return msgspec.structs.replace(
        suite, combinations=msgspec.structs.replace(own, include=[*own.include, *combinations])
    )


def _find_list(texts: Any, where: str) -> None:
    """Put the ids of a list in the place of its name."""
    name = texts.get("ids") if isinstance(texts, dict) else None
    if isinstance(name, str):
        lists = {file.stem: file for file in LISTS.glob("*.txt")}
        if name not in lists:
            raise SuiteError(f"{where}, [texts]: ids: {unknown('list of texts', name, lists)}")
        texts["ids"] = lists[name].read_text(encoding="utf-8").split()


def _check_designs(combinations: Any, where: str) -> None:
    """The name of each design; values that are no names are left to the conversion."""
    given = combinations.get("design") if isinstance(combinations, dict) else None
    for name in given if isinstance(given, list) else [given]:
        if isinstance(name, str):
            try:
                find_design(name)
            except SuiteError as error:
                raise SuiteError(f"{where}, [combinations]: {error}") from None

"""The words that every room speaks: cells, records, answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal, TypeAlias, TypedDict

import msgspec

from harness.conditions import Conditions, Course
from harness.plain import check_figure, check_text, check_type
from harness.profile import Profile
from harness.work import PassWork

# A file of a later version is refused; raise it when a record changes in a way that old readers get wrong.
RECORD_VERSION = 4
# Earlier ones are read as far back as this. Those of version 2 do not say which instruction sets the processor has, and
# their ceilings are what torch's own products gave, whatever else there was.
OLDEST_VERSION = 2

BASELINE = "baseline"
STOCK = "stock"
PEER = "peer:"  # begins the name of another program's row

# Two logits this near to the threshold may fall on either side of it for rounding alone. Implementations of the
# reference agree to about 3e-5.
TIE = 1e-4

# Points of micro-F1 (0 to 100) that a combination that may change answers may lose before its speed does not count. A
# suite may say otherwise; this is a tenth of the loss for which the guide advises against INT8.
F1_MARGIN = 0.5


class Item(TypedDict):
    """One span of a chain; the offset is (start, end) in code points, end exclusive."""

    type: str
    span: str
    offset: Annotated[list[int], msgspec.Meta(min_length=2, max_length=2)]


Chains: TypeAlias = list[list[Item]]


class Mark(TypedDict):
    """A logit so near the threshold that rounding alone may decide it."""

    path: list[Item]
    type: str
    part: str  # head or tail
    offset: list[int]
    logit: float


class Value(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of all that is written to disk."""


# What is measured of a combination.
Scenario: TypeAlias = Literal["single_stream", "closed_loop", "offline", "cold_start"]


class Cell(Value, frozen=True):
    """One row of a table: a combination under a scenario."""

    combination: str
    scenario: Scenario
    dataset: str
    device: str
    clients: int = 1  # of closed_loop


class Evidence(Value, frozen=True):
    """What shows that an optimization is active in the process that was measured.

    Raises:
        TypeError: a part of it is of another type; numbers of numpy and torch are converted with `float()` or `int()`.
        ValueError: a figure is not finite or too large, or a text holds half a character.
    """

    optimization: str
    active: bool
    summary: str
    figures: dict[str, float] = {}

    def __post_init__(self) -> None:
        of = f"the evidence of {self.optimization!a}"
        check_text(self.optimization, "the evidence's optimization")
        check_type(self.active, bool, f"{of}: active")
        check_text(self.summary, f"{of}: summary")
        check_type(self.figures, dict, f"{of}: figures")
        for name, figure in self.figures.items():
            check_text(name, f"{of}: the name of a figure")
            check_figure(figure, f"{of}: figure {name!r}")


class Score(Value, frozen=True):
    """Counts of chains, and what follows from them; 1 where there is nothing to find and nothing was found."""

    right: int
    found: int
    gold: int

    @property
    def precision(self) -> float:
        """The share of the found chains that are right."""
        return self.right / self.found if self.found else float(not self.gold)

    @property
    def recall(self) -> float:
        """The share of the gold chains that were found."""
        return self.right / self.gold if self.gold else float(not self.found)

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return 2 * self.right / (self.found + self.gold) if self.found + self.gold else 1.0


class Difference(Value, frozen=True):
    """A text whose answer is not the baseline's; a tie differs by rounding at the threshold alone."""

    id: str
    tie: bool
    expected: list[Any]
    got: list[Any]


class Parity(Value, frozen=True):
    """How the answers of a round compare with the baseline's."""

    texts: int
    differences: list[Difference] = []
    agreement: Score | None = None  # of the chains with the baseline's, taken for gold
    largest_logit_difference: float | None = None  # over the prompts that both put; of a combination's first round

    @property
    def broken(self) -> list[Difference]:
        """The differences that are no ties."""
        return [difference for difference in self.differences if not difference.tie]


class Scores(Value, frozen=True):
    """Answers against gold chains: the micro average, and one score a type path, written ``parent/child``."""

    texts: int  # those that have gold
    micro: Score
    by_type: dict[str, Score]
    by_text: list[Score] = []  # in the order of the texts that have gold


class Memory(Value, frozen=True):
    """The memory ledger of one process; None where it cannot be measured here."""

    weights_bytes: int | None  # what frozen graphs hold beside the model included; None of a peer that does not tell
    rss_load_peak_bytes: int | None = None
    rss_serving_peak_bytes: int | None = None
    cuda_load_peak_bytes: int | None = None  # reserved by torch's allocator
    cuda_serving_peak_bytes: int | None = None
    cuda_serving_allocated_peak_bytes: int | None = None  # in use by tensors
    cuda_process_bytes: int | None = None  # by NVML, at the end: context and libraries too
    cuda_device_bytes: int | None = None  # by NVML, what the device had more in use once the process was up and alone


class StartUp(Value, frozen=True):
    """From the parent's spawn to the first answer, cut into parts. All in nanoseconds."""

    imports_ns: int
    weights_ns: int
    first_call_ns: int
    # What the driver makes for a process on a GPU, up to its first allocation. None on a CPU; None too of a peer and in
    # records from before it was told apart, which have it in `weights_ns`.
    context_ns: int | None = None

    @property
    def total_ns(self) -> int:
        """Spawn to first answer."""
        return self.imports_ns + (self.context_ns or 0) + self.weights_ns + self.first_call_ns


class SingleStream(Value, frozen=True, tag="single_stream"):
    """Raw samples: passes x texts, in nanoseconds, of the combination and of its partner.

    On a GPU a pass answers all texts as often as it takes to last: `repeats` rows of times are one pass.
    """

    own_ns: list[list[int]]
    partner_ns: list[list[int]]
    own_cpu_ns: list[int]  # per pass, of all threads
    parity: Parity
    memory: Memory | None  # of a process of its own; None in later rounds
    evidence: list[Evidence] = []
    scores: Scores | None = None  # None where no text has gold chains
    work: PassWork | None = None  # of one pass; of a combination's first round
    profile: Profile | None = None  # likewise
    # Of the partner, where that is the same combination of another revision: a gate compares with these.
    partner_memory: Memory | None = None
    partner_scores: Scores | None = None
    own_energy_mj: list[int] = []  # per pass, of all the GPU; empty where the driver does not count it
    # What the heap of each process has in use after each pass; empty where the C library does not tell, and in records
    # from before it was asked.
    own_heap_bytes: list[int] = []
    partner_heap_bytes: list[int] = []
    repeats: int = 1  # rows of `own_ns` and of `partner_ns` that are one pass


class Load(Value, frozen=True):
    """One timed pass under load, in nanoseconds: all of it, and each request where it has a time of its own."""

    wall_ns: int
    request_ns: list[int] = []
    # Of a closed loop, those included that made the load steady: how long each request waited until it was being
    # answered, and how many were answered together each time. Empty in records from before they were taken.
    wait_ns: list[int] = []
    batch_sizes: list[int] = []
    # Peaks on the GPU, of the process that answers; None on a CPU, and in records from before they were taken.
    cuda_peak_bytes: int | None = None  # reserved by torch's allocator, also for what was answered before
    cuda_allocated_peak_bytes: int | None = None  # in use by tensors


class ClosedLoop(Value, frozen=True, tag="closed_loop"):
    """Clients with one request under way each: one load a pass, of the combination and of its partner.

    On a GPU a pass is several loads in a row, of both as many.
    """

    clients: int
    own: list[Load]
    partner: list[Load]
    parity: Parity


class Offline(Value, frozen=True, tag="offline"):
    """All texts in one call: one load a pass, of the combination and of its partner, and on a GPU several in a row."""

    own: list[Load]
    partner: list[Load]
    parity: Parity

    @property
    def clients(self) -> int:
        """One, who puts all texts."""
        return 1


class ColdStart(Value, frozen=True, tag="cold_start"):
    """Starts of the combination and of its partner, each alone on the machine; a round may have none.

    The first start of a combination makes what later ones find prepared (traces, converted weights); it is kept apart.
    """

    own: list[StartUp] = []
    partner: list[StartUp] = []
    preparing: StartUp | None = None


Samples: TypeAlias = SingleStream | ClosedLoop | Offline | ColdStart


def is_peer(combination: str) -> bool:
    """Whether it is another program, measured beside the combinations."""
    return combination.startswith(PEER)


def can_be_switched_on(combination: str) -> bool:
    """Whether it is made of optimizations, so that a run may name it as the one to take."""
    return combination not in (BASELINE, STOCK) and not is_peer(combination)


def stock_is_exact(device: str) -> bool:
    """Whether stock promises the baseline's answers: on CUDA it computes in half precision, as the reference does."""
    return not device.startswith("cuda")


class Header(Value, frozen=True, tag="header"):
    """The first line of a run: what was run, where, on what."""

    version: int
    suite: str
    key: str  # a hash of all that decides what is measured; a run goes on only where it is the same
    command: str
    seed: int
    device: str
    checkpoint: str
    texts: list[str]
    exact: dict[str, bool]  # per combination: does it promise the baseline's answers?
    environment: dict[str, Any]
    partner: str = STOCK  # what each round was timed against: stock, or a revision
    looks: int = 1  # how often the rounds of a cell may have been stopped by what was seen
    f1_margin: float = F1_MARGIN  # points, scale 0 to 100
    # What a combination should keep, by name, in nanoseconds, bytes and requests a second.
    targets: dict[str, float] = {}
    text_characters: list[int] = []  # the length of each of `texts`; empty in records that do not have it
    asked: dict[str, Any] = {}  # the suite's [texts], files by their paths; empty in records that do not have it


class Measured(Value, frozen=True, tag="measured"):
    """One round of one cell gave samples."""

    cell: Cell
    round: int
    samples: Samples
    conditions: Conditions | None = None  # None where nothing was timed in the round
    course: Course | None = None
    confirming: bool = False  # made after all other rounds, because the combination had looked best in them


class Skipped(Value, frozen=True, tag="skipped"):
    """The cell cannot run here, and why."""

    cell: Cell
    round: int
    reason: str
    other: str | None = None  # as in `Failed`
    confirming: bool = False  # as in `Measured`


# How a worker's process breaks: it ends; it takes too long; or it says itself what went wrong. `input` is for the user
# to correct.
Breakage: TypeAlias = Literal["crash", "timeout", "out_of_memory", "error", "input"]


# Why a round gives nothing: its process broke; an optimization was not active; the partner's process broke, which is
# stock's; or that of a gate's other revision.
FailedKind: TypeAlias = Literal[Breakage, "inactive", "partner", "other"]


class Failed(Value, frozen=True, tag="failed"):
    """The round broke."""

    cell: Cell
    round: int
    kind: FailedKind
    error: str
    # Against another revision: why its process, tried alone, gives nothing either; None where it works there.
    other: str | None = None
    confirming: bool = False  # as in `Measured`


# Why a combination got no more rounds, if no stopping rule said that it has enough; a gate's are decided.
Ending: TypeAlias = Literal["budget", "skipped", "failed", "decided"]


class End(Value, frozen=True):
    """Why a combination got no more rounds."""

    combination: str
    rounds: int
    rule: str  # an `Ending`, or the name of a stopping rule
    confirming: int = 0  # rounds after those


class Finished(Value, frozen=True, tag="finished"):
    """The last line of a run that was not interrupted; one that went on has several."""

    ends: list[End]
    wall_s: float  # since it was started, or went on


Record: TypeAlias = Measured | Skipped | Failed
Line: TypeAlias = Header | Measured | Skipped | Failed | Finished


def ordinary(records: Iterable[Record]) -> list[Record]:
    """Those of rounds that every combination gets; the confirming ones are left out."""
    return [record for record in records if not record.confirming]

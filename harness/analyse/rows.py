"""What is known of one combination."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from harness.analyse.f1 import ScoreDifference
from harness.analyse.percentiles import Percentile
from harness.analyse.roofline import Share
from harness.analyse.stats import Estimate, Spread
from harness.profile import Profile
from harness.record import Difference, Evidence, Memory, Scenario, Score, Scores, StartUp


@dataclass(frozen=True)
class Rounds:
    """Log ratios of times to stock, one a round."""

    values: tuple[float, ...]
    spread: Spread  # of one


@dataclass(frozen=True)
class Tried:
    """A combination in the rounds that all get, and in those that it got for having looked best in them."""

    ordinary: Rounds
    confirming: Rounds | None = None

    @property
    def quoted(self) -> Rounds:
        """What its ratio rests on where it is the one that is named."""
        return self.confirming or self.ordinary


@dataclass(frozen=True)
class Latency:
    """What the requests of all ordinary rounds took, in nanoseconds; a percentile is None where they are too few.

    The ratios' verdicts are judged together with those of the run's other combinations.
    """

    requests: int
    texts: int  # distinct ones, of those requests
    mean_ns: float
    percentiles: dict[float, Percentile | None]
    cpu_share: float  # CPU time of all threads over the time of the requests
    to_stock: Estimate
    total_to_stock: Estimate  # of the total times of all texts, so that long ones weigh more; not judged
    to_baseline: Estimate | None  # None for the baseline itself, and where the baseline was not measured
    tried: Tried  # what the ratios to stock rest on
    named: Estimate  # its ratio to stock as it may be quoted where it is the one that is chosen


@dataclass(frozen=True)
class Throughput:
    """What was answered under load; latencies where requests have a time of their own, in nanoseconds."""

    scenario: Scenario
    clients: int  # 1 where all texts went into one call
    per_second: float
    to_stock: Estimate  # a ratio of rates: above 1 is faster
    p50_ns: float | None
    p95_ns: float | None
    rates: tuple[float, ...] = ()  # requests a second, of each round
    mean_batch: float | None = None  # how many requests were answered together; None where no queue was
    longest_wait_ns: int | None = None  # of a request, until it was being answered
    cuda_peak_bytes: int | None = None  # reserved by torch on a GPU
    cuda_allocated_peak_bytes: int | None = None  # in use by tensors on a GPU


Kept: TypeAlias = Literal["met", "missed", "unsure", "not measured"]


@dataclass(frozen=True)
class Held:
    """A target of the suite, and whether the combination keeps it; unsure where the interval holds the limit."""

    name: str
    limit: float
    kept: Kept


@dataclass(frozen=True)
class Row:
    """All that is known of one combination."""

    combination: str
    exact: bool
    problem: str | None  # why nothing, or not all, was measured
    latency: Latency | None
    loads: tuple[Throughput, ...]  # one a scenario and number of clients
    memory: Memory | None
    energy_j: float | None  # of a request, of all the GPU; None where the driver does not count it
    starts: tuple[StartUp, ...]
    preparing: StartUp | None  # the first start of all, which made what the others found prepared
    texts: int
    broken: tuple[Difference, ...]
    ties: tuple[Difference, ...]
    agreement: Score | None  # of its chains with the baseline's
    largest_logit_difference: float | None  # from the baseline's, over the prompts that both put
    roofline: Share | None  # None where the work or the device's ceilings were not measured
    profile: Profile | None  # of its first round
    evidence: tuple[Evidence, ...]
    scores: Scores | None  # None where no text has gold chains
    f1_difference: ScoreDifference | None  # to the baseline's, of what may change answers
    targets: tuple[Held, ...] = ()  # of the suite
    # Texts on which its answer is not stock's; None where stock is exact, or what they answered is left out.
    unlike_stock: frozenset[str] | None = None

    def load(self, scenario: Scenario, clients: int | None = None) -> Throughput | None:
        """The throughput with this number of clients, or with the largest number that was measured."""
        found = [one for one in self.loads if one.scenario == scenario and clients in (None, one.clients)]
        return max(found, key=lambda one: one.clients, default=None)

    @property
    def measured(self) -> bool:
        """Whether any round gave anything, in whichever scenario."""
        return self.latency is not None or bool(self.loads or self.starts)

    @property
    def sound(self) -> bool:
        """Whether its figures stand: nothing of it failed, and its speed counts."""
        return self.problem is None and not self.struck_out

    @property
    def struck_out(self) -> bool:
        """Whether its speed counts for nothing: its answers are not those it promised, or worse by more than it may."""
        if self.exact:
            return bool(self.broken)
        return self.f1_difference is not None and self.f1_difference.verdict == "worse"

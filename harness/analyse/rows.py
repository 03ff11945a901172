"""The row of a combination: all its figures."""

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
    """Log ratios of times to stock, one for each round."""

    values: tuple[float, ...]
    spread: Spread  # of one


@dataclass(frozen=True)
class Tried:
    """A combination in the ordinary rounds, and in the confirming rounds that it got because it looked best."""

    ordinary: Rounds
    confirming: Rounds | None = None

    @property
    def quoted(self) -> Rounds:
        """The rounds that its ratio is computed from if it is the winner."""
        return self.confirming or self.ordinary


@dataclass(frozen=True)
class Latency:
    """The times of the requests of all ordinary rounds, in nanoseconds. A percentile is None if there are too few.

    The ratios' verdicts are judged together with those of the run's other combinations.
    """

    requests: int
    texts: int  # distinct ones, of those requests
    mean_ns: float
    percentiles: dict[float, Percentile | None]
    cpu_share: float  # CPU time of all threads over the time of the requests
    to_stock: Estimate
    total_to_stock: Estimate  # of the total times of all texts, so that long ones weigh more; not judged
    to_baseline: Estimate | None  # None for the baseline itself, and if the baseline was not measured
    tried: Tried  # the rounds of the ratios to stock
    named: Estimate  # its ratio to stock, as it may be quoted if it is the winner


@dataclass(frozen=True)
class Throughput:
    """The throughput under load, and latencies in nanoseconds if single requests are timed."""

    scenario: Scenario
    clients: int  # 1 if all texts were in one call
    per_second: float
    to_stock: Estimate  # a ratio of rates: above 1 is faster
    p50_ns: float | None
    p95_ns: float | None
    rates: tuple[float, ...] = ()  # requests per second, of each round
    mean_batch: float | None = None  # requests answered together, on average; None without a queue
    longest_wait_ns: int | None = None  # of a request, before its answering began
    cuda_peak_bytes: int | None = None  # reserved by torch on a GPU
    cuda_allocated_peak_bytes: int | None = None  # in use by tensors on a GPU


Kept: TypeAlias = Literal["met", "missed", "unsure", "not measured"]


@dataclass(frozen=True)
class Held:
    """A target of the suite, and whether the combination keeps it; unsure if the interval contains the limit."""

    name: str
    limit: float
    kept: Kept


@dataclass(frozen=True)
class Row:
    """All figures of one combination."""

    combination: str
    exact: bool
    problem: str | None  # why nothing was measured, or not everything
    latency: Latency | None
    loads: tuple[Throughput, ...]  # one for each scenario and number of clients
    memory: Memory | None
    energy_j: float | None  # of the whole GPU for one request; None if the driver does not count it
    starts: tuple[StartUp, ...]
    preparing: StartUp | None  # the very first start, which makes the files that later ones find
    texts: int
    broken: tuple[Difference, ...]
    ties: tuple[Difference, ...]
    agreement: Score | None  # of its chains with the baseline's
    largest_logit_difference: float | None  # from the baseline's, over the prompts that both asked
    roofline: Share | None  # None if the work or the device's ceilings were not measured
    profile: Profile | None  # of its first round
    evidence: tuple[Evidence, ...]
    scores: Scores | None  # None if no text has gold chains
    f1_difference: ScoreDifference | None  # to the baseline's, if it may change answers
    targets: tuple[Held, ...] = ()  # of the suite
    # Texts on which its answer differs from stock's; None if stock is exact, or if the answers are left out.
    unlike_stock: frozenset[str] | None = None

    def load(self, scenario: Scenario, clients: int | None = None) -> Throughput | None:
        """The throughput with this number of clients, or with the largest number that was measured."""
        found = [one for one in self.loads if one.scenario == scenario and clients in (None, one.clients)]
        return max(found, key=lambda one: one.clients, default=None)

    @property
    def measured(self) -> bool:
        """Whether any round has a result, in any scenario."""
        return self.latency is not None or bool(self.loads or self.starts)

    @property
    def sound(self) -> bool:
        """Whether its figures are valid: nothing failed, and its speed counts."""
        return self.problem is None and not self.struck_out

    @property
    def struck_out(self) -> bool:
        """Whether its speed does not count: exact answers changed, or F1 is worse by more than the margin."""
        if self.exact:
            return bool(self.broken)
        return self.f1_difference is not None and self.f1_difference.verdict == "worse"

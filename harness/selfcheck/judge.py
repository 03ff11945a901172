"""Rounds of identical processes held to what they have to be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from harness.analyse.rates import counted
from harness.record import Header, Measured, SingleStream
from harness.selfcheck.rates import apart, printed, rejected
from harness.selfcheck.signs import (
    BIAS,
    CLASS_SPREAD,
    DRIFT,
    LEAK_BYTES,
    SLOW,
    SLOW_SHARE,
    SPREAD,
    Sign,
    bias,
    drift,
    knows_heap,
    leak,
    of_classes,
    slow_requests,
    spread,
)

RUNS_OF = (4, 8)  # rounds: what suites make
COVERAGE = 0.93  # at least, of intervals of 95 %
_KIB = 1024


@dataclass(frozen=True)
class Target:
    """What identical processes showed, and what they have to."""

    what: str
    found: str
    wanted: str
    p: float  # how likely they look as bad as this where they are just good enough
    kept: bool = True


def judge(header: Header, rounds: Sequence[Measured], alarms: Sequence[Target] = ()) -> tuple[Target, ...]:
    """All targets; if all are just kept, the chance that any is called missed is 5 %.

    Args:
        header: of the self-check's run.
        rounds: of identical processes, at least two.
        alarms: targets that are judged together with these.
    """
    found = (*_of_times(rounds), *_of_runs(header, rounds), *alarms)
    missed = rejected([one.p for one in found])
    return tuple(replace(one, kept=not is_missed) for one, is_missed in zip(found, missed, strict=True))


def alarm_target(what: str, seen: int, of: int, at_most: float) -> Target:
    """The target that a sign is seen in at most the share `at_most` of the clean cases."""
    from scipy.stats import binom

    wanted = f"at most {at_most:.1%}" if at_most else "none"
    return Target(what, counted(seen, of), wanted, float(binom.sf(seen - 1, of, at_most)))


def streams(rounds: Sequence[Measured]) -> list[SingleStream]:
    """What was timed one request after another."""
    return [one.samples for one in rounds if isinstance(one.samples, SingleStream)]


def _of_times(rounds: Sequence[Measured]) -> Iterator[Target]:
    timed = streams(rounds)
    within = f"within {BIAS:.0%}"
    yield _target("mean ratio minus 1", bias(timed), within)
    classes = of_classes(timed)
    for name, (mean, _) in classes.items():
        yield _target(f"… of {name} texts", mean, within)
    yield _target("spread between rounds (sd)", spread(timed), f"at most {SPREAD:.1%}")
    for name, (_, sd) in classes.items():
        yield _target(f"… of {name} texts", sd, f"at most {CLASS_SPREAD:.1%}")
    yield _target("growth of the ratio over a round", drift(timed), f"within {DRIFT:.0%}")
    slow = f"requests over {SLOW:g} times the median of their text, minus the partner's"
    yield _target(slow, slow_requests(timed), f"at most {SLOW_SHARE:.0%}")
    if knows_heap(timed):
        kept = leak(timed)
        kib = f"{kept.value / _KIB:.1f} [{kept.low / _KIB:.1f}, {kept.high / _KIB:.1f}] KiB"
        yield Target("memory kept for each request", kib, f"at most {LEAK_BYTES // _KIB} KiB", kept.p)


def _of_runs(header: Header, rounds: Sequence[Measured]) -> Iterator[Target]:
    """Coverage, by runs that share no round, each judged by its own rounds alone."""
    from scipy.stats import binom

    for of in RUNS_OF:
        found = [printed(header, some) for some in apart(rounds, of)]
        if found:
            held = sum(one.low <= 1 <= one.high for one in found)
            yield Target(
                f"intervals of runs of {of} rounds that contain 1",
                counted(held, len(found)),
                f"at least {COVERAGE:.0%}",
                float(binom.cdf(held, len(found), COVERAGE)),
            )


def _target(what: str, sign: Sign, wanted: str) -> Target:
    return Target(what, f"{sign.value:.2%} [{sign.low:.2%}, {sign.high:.2%}]", wanted, sign.p)

"""A regular fraction of all combinations of the optimizations.

A letter of its own switches an optimization freely; several letters switch it by the product of theirs (on is 1, off is
-1).
"""

from __future__ import annotations

from harness.errors import SuiteError
from harness.plan.suite import Combinations

DESCRIPTION = "some of all combinations, as the generators in `fraction` say"


def free(wanted: Combinations) -> int:
    """Those with a letter of their own."""
    return sum(len(word) == 1 for word in (wanted.fraction or "").split())


def subsets(wanted: Combinations) -> list[tuple[int, ...]]:
    """The combinations but the empty one, which is the baseline.

    Raises:
        SuiteError: the generators do not fit the optimizations, or are none.
    """
    words = (wanted.fraction or "").split()
    if len(words) != len(wanted.optimizations):
        raise SuiteError(
            f"[combinations] fraction = {wanted.fraction!r} has {len(words)} words for {len(wanted.optimizations)} "
            'optimizations; give one for each, like fraction = "a b c abc" for four'
        )
    from pydoe import fracfact

    try:
        runs = fracfact(" ".join(words))
    except (ValueError, IndexError) as error:
        raise SuiteError(f"[combinations] fraction = {wanted.fraction!r} is not a valid design: {error}") from error
    return [chosen for run in runs if (chosen := tuple(i for i, level in enumerate(run) if level > 0))]

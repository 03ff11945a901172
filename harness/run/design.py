"""Checks whether a suite's combinations and passes are enough for its questions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.analyse.attribution import parts
from harness.analyse.percentiles import lacking
from harness.errors import InputError, SuiteError
from harness.figures import LIMITS
from harness.plan.cells import Planned
from harness.plan.suite import Suite
from harness.record import STOCK, is_peer


def check_effects(suite: Suite, plan: Sequence[Planned]) -> None:
    """Refuse combinations that are not enough to estimate the effects that the suite asks for.

    Raises:
        SuiteError: they are not enough.
    """
    wanted = suite.combinations.effects
    if wanted is None:
        return
    from harness.analyse.effects import tells_pairs

    made_of_parts = [planned for planned in plan if planned.combination != STOCK and not is_peer(planned.combination)]
    cells = [parts(planned.combination) for planned in made_of_parts if not planned.reason]
    where = f'[combinations] effects = "{wanted}"'
    try:
        pairs = tells_pairs(cells)
    except InputError as error:
        raise SuiteError(f"{where}: {error}") from None
    if wanted == "pairs" and not pairs:
        raise SuiteError(
            f'{where}: {len(cells)} combinations tell main effects alone; take design = "full", or a fraction of '
            'resolution VI (fraction = "a b c d e abcde" for six)'
        )


def untold(suite: Suite, texts: int, device: str) -> Iterator[str]:
    """A sentence about each target that the suite cannot decide.

    Args:
        suite: as read.
        texts: the number of distinct timed texts.
        device: the device of the processes.
    """
    measure = suite.measure
    for name in suite.targets.limits():
        kind = LIMITS[name]
        said = f"target {name} cannot be decided:"
        if kind.scenario not in measure.scenarios:
            yield f"{said} the suite does not measure {kind.scenario}"
        elif kind.share is not None and (lacks := lacking(kind.share, measure.rounds, texts)):
            yield f"{said} its interval needs {lacks}; use more"
        elif kind.on_device and device == "cpu":
            yield f"{said} on a CPU nothing is on a device; use max_rss"

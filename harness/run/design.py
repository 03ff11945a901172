"""Whether a suite's combinations can tell what the suite asks for."""

from __future__ import annotations

from collections.abc import Sequence

from harness.analyse.attribution import parts
from harness.errors import InputError, SuiteError
from harness.plan.cells import Planned
from harness.plan.suite import Suite
from harness.record import STOCK


def check_effects(suite: Suite, plan: Sequence[Planned]) -> None:
    """Refuse combinations that cannot tell the effects that the suite asks for.

    Raises:
        SuiteError: they cannot.
    """
    wanted = suite.combinations.effects
    if wanted is None:
        return
    from harness.analyse.effects import tells_pairs

    cells = [parts(planned.combination) for planned in plan if planned.combination != STOCK and not planned.reason]
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

"""F1 by type, for the types whose F1 differs from the baseline's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.analyse.rows import Row
from harness.record import BASELINE
from harness.report.table import forms_of


def by_type(rows: Sequence[Row]) -> Iterator[str]:
    """A sentence for each combination that finds a type better or worse than the baseline does."""
    baseline = next((row.scores for row in rows if row.combination == BASELINE), None)
    forms = forms_of(rows)
    for row in rows:
        if row.scores is None or baseline is None:
            continue
        ours, theirs = ({name: of.f1 for name, of in scores.by_type.items()} for scores in (row.scores, baseline))
        # A type that only one of the two has was found by that one alone, in texts without such a gold span.
        changed = [
            f"{name} {ours.get(name, 1.0):.3f} ({theirs.get(name, 1.0):.3f})"
            for name in sorted(ours | theirs)
            if ours.get(name, 1.0) != theirs.get(name, 1.0)
        ]
        if changed:
            many = f"{len(changed)} of {len(ours | theirs)} types"
            yield f"{forms.short(row.combination)}: {', '.join(changed)}; different in {many}."

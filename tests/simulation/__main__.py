"""`make simulate`: every study in every world, as a table that also goes into the page on statistics."""

from __future__ import annotations

from pathlib import Path

from simulation.study import Result, results, table

TRIALS = 1000
PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"
BEGIN, END = "<!-- make simulate: begin -->", "<!-- make simulate: end -->"


def main() -> None:
    """Print the table, and write it between the markers of the page."""
    found: list[Result] = []
    for one in results(TRIALS):
        found.append(one)
        print(table([one])[-1], flush=True)
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text("\n".join([before + BEGIN, "", *table(found), "", END]) + after, encoding="utf-8")


if __name__ == "__main__":
    main()

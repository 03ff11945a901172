"""The simulated table on the page of statistics is what `make simulate` writes."""

from __future__ import annotations

import re

from simulation.__main__ import BEGIN, END, PAGE
from simulation.study import results, table

_SHARE = r"\d+\.\d \[\d+\.\d, \d+\.\d\]"
_LINE = re.compile(rf"\| ([^|]+) \| ([^|]+) \| \d+ \| ({_SHARE}|–) \| ({_SHARE}|–) \|")


def test_the_table_of_the_page_has_a_line_for_all_that_is_studied() -> None:
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    written, end, _ = rest.partition(END)
    head, dashes, *lines = written.strip().splitlines()
    assert end
    assert [head, dashes] == table([])
    found = [_LINE.fullmatch(line) for line in lines]
    assert all(found)
    studied = {(one.world, one.quantity) for one in results(trials=2)}
    assert {(line[1], line[2]) for line in found if line} == studied, "write it anew: make simulate"

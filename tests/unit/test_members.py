"""A combination taken apart, whatever its parameters are."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.members import members
from harness.plan.combination import parse, write
from harness.plugin import Evidence, Extractor, Optimization, Stage, optimization


def example() -> Optimization[Any]:
    @optimization(Stage.BATCH, exact=True, evidence=lambda _: Evidence("mine", active=True, summary=""))
    def mine(extractor: Extractor, *, mode: str = "") -> Extractor:
        """Does nothing.

        Args:
            extractor: as it is.
            mode: any text.
        """
        return extractor

    return mine


@pytest.mark.parametrize(
    ("combination", "expected"),
    [
        ("baseline", ("baseline",)),
        ("a+b", ("a", "b")),
        ("a(x=1)+b(y='+')+c", ("a(x=1)", "b(y='+')", "c")),
        ('a(x="it\'s + it")+b', ('a(x="it\'s + it")', "b")),
        (r"a(x='\'+')+b", (r"a(x='\'+')", "b")),
        (r"a(x='\\')+b", (r"a(x='\\')", "b")),
        ("a(x=[1, (2, '+')])+b", ("a(x=[1, (2, '+')])", "b")),
        ("*+*", ("*", "*")),
        ("peer:modelscope", ("peer:modelscope",)),
        ("don't+b", ("don't", "b")),
        ("a[1+b]+c", ("a[1", "b]", "c")),
        ("a(x=1+b", ("a(x=1", "b")),
        ("a(x='1+b)+c", ("a(x='1", "b)", "c")),
        ("a)+b", ("a)", "b")),
    ],
)
def test_it_is_cut_at_each_plus_outside_of_brackets_and_quotes(combination: str, expected: tuple[str, ...]) -> None:
    assert members(combination) == expected


@given(st.text(max_size=20))
def test_whatever_the_value_of_a_parameter_there_is_one_member(mode: str) -> None:
    mine = example()
    written = write(parse(f"mine(mode={mode!r})", {"mine": mine}))
    assert members(written) == (written,)
    assert members(f"other+{written}+another") == ("other", written, "another")

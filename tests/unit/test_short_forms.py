"""Short forms: what is written can be read again, "all" is one combination of the plan, and nothing is guessed."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import InputError, SuiteError
from harness.plan.combination import parse
from harness.plan.short_forms import is_short, short_forms
from harness.record import BASELINE, STOCK

SIX = ("lean_startup", "flash_attention", "segmented_forward", "dynamic_truncation", "batching", "torchscript")
FULL = [STOCK, BASELINE, *("+".join(some) for count in range(1, 7) for some in combinations(SIX, count))]
ALL = "+".join(SIX)


def without(*names: str) -> str:
    return "+".join(one for one in SIX if one not in names)


def test_a_combination_is_named_by_what_it_lacks() -> None:
    forms = short_forms(FULL)
    assert forms.short(ALL) == "all six"
    assert forms.short(without("batching")) == "all but batching"
    assert forms.short(without("batching", "torchscript")) == "all but batching and torchscript"
    lacks_three = without("batching", "torchscript", "flash_attention")
    assert forms.short(lacks_three) == lacks_three
    assert forms.short(STOCK) == STOCK
    assert forms.short("peer:modelscope") == "peer:modelscope"


def test_all_is_what_contains_the_most_of_the_plan_and_not_the_longest() -> None:
    longest = "+".join(f"other_{i}" for i in range(9))
    forms = short_forms([STOCK, ALL, without("batching"), longest])
    assert (forms.short(ALL), forms.short(longest)) == ("all six", longest)


@pytest.mark.parametrize(
    "plan", [[STOCK, BASELINE], [ALL], ["a+b", "a"], [ALL, "other"], [STOCK, BASELINE, "batching", "torchscript"]]
)
def test_a_plan_without_a_family_has_none(plan: list[str]) -> None:
    forms = short_forms(plan)
    assert [forms.short(name) for name in plan] == plan
    with pytest.raises(InputError, match=r"no combination contains the others; write the names .* joined by \+"):
        forms.full("all six")


def test_two_that_all_may_mean_are_both_named_and_neither_is_taken() -> None:
    one, other = "a+b+c", "d+e+f"
    forms = short_forms([one, "a", other, "d"])
    assert forms.short(one) == one
    with pytest.raises(InputError, match=r"'all three' is ambiguous: all may mean a\+b\+c or d\+e\+f; write"):
        forms.full("all three")


@pytest.mark.parametrize(
    ("written", "combination"),
    [
        ("All six", ALL),
        ("  all   but  batching ", without("batching")),
        ("all but torchscript and batching", without("batching", "torchscript")),
        ("all but batching and torchscript", without("batching", "torchscript")),
    ],
)
def test_a_short_form_is_read_as_a_person_may_write_it(written: str, combination: str) -> None:
    assert short_forms(FULL).full(written) == combination


@pytest.mark.parametrize("written", ["all seven", "all but nothing", "all but batching and batching", "all"])
def test_one_that_means_nothing_is_refused_with_those_that_do(written: str) -> None:
    with pytest.raises(InputError, match=r"all but.*All six: lean_startup \+ flash_attention"):
        short_forms(FULL).full(written)


def test_what_all_means_is_told_where_a_short_form_is_used() -> None:
    forms = short_forms(FULL)
    assert forms.legend(["Switch on all but batching: it takes less."]).startswith("All six: lean_startup + ")
    assert forms.legend(["Switch on batching."]) == ""


def test_a_parameter_stays_a_part_of_its_optimization() -> None:
    every = "a(mode='x+y')+bb_long+cc_long+dd_long"
    forms = short_forms([every, "bb_long+cc_long+dd_long"])
    assert forms.short("bb_long+cc_long+dd_long") == "all but a(mode='x+y')"
    assert forms.full("all but a(mode='x+y')") == "bb_long+cc_long+dd_long"


def test_only_a_run_knows_what_all_means() -> None:
    with pytest.raises(SuiteError, match="'all six' is the short form of one run's reports"):
        parse("all six", {})


_NAMES = st.lists(st.from_regex(r"[a-z]{1,12}", fullmatch=True), min_size=1, max_size=6, unique=True).map("+".join)


@given(st.lists(_NAMES, min_size=1, max_size=12))
def test_what_is_written_is_read_as_the_same_combination(plan: list[str]) -> None:
    forms = short_forms(plan)
    shown = dict[str, str]()
    for name in dict.fromkeys(plan):
        written = forms.short(name)
        assert len(written) <= len(name)
        if written != name:
            assert is_short(written)
            assert forms.full(written) == name
        shown.setdefault(written, name)
        assert shown[written] == name, "two combinations have one name"

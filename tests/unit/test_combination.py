from __future__ import annotations

import contextlib
import inspect
from typing import Any

import pytest

from harness.errors import SuiteError
from harness.plan.combination import conflict, parse, write
from harness.plan.registry import find_optimizations
from harness.plugin import Optimization, Stage
from harness.record import Evidence


def made(name: str, stage: Stage, parameters: dict[str, str] | None = None, **more: Any) -> Optimization[Any]:
    """An optimization that changes nothing."""
    kind = inspect.Parameter.KEYWORD_ONLY
    return Optimization(
        name=name,
        stage=stage,
        keeps_answers=lambda _: True,
        apply=lambda subject, **_: subject,
        evidence=lambda _: Evidence(name, True, ""),  # noqa: FBT003
        unavailable=lambda _: None,
        requires=(),
        conflicts=more.get("conflicts", ()),
        source="test",
        parameters={key: inspect.Parameter(key, kind, annotation=of) for key, of in (parameters or {}).items()},
    )


TYPED = made("typed", Stage.GRAPH, {"count": "int", "share": "float", "on": "bool", "mode": "str", "any": "object"})
REGISTRY = {
    one.name: one
    for one in (
        made("early", Stage.LOAD),
        made("late", Stage.INPUT, conflicts=("typed",)),
        made("also_late", Stage.INPUT),
        TYPED,
    )
}


@pytest.mark.parametrize("name", ["baseline", "stock", " baseline "])
def test_baseline_and_stock_hold_no_optimization(name: str) -> None:
    assert parse(name, REGISTRY) == []


@pytest.mark.parametrize("written", ["late+early+also_late", "early+also_late+late", " also_late + late+early() "])
def test_however_it_is_written_a_combination_is_read_in_stage_order(written: str) -> None:
    assert write(parse(written, REGISTRY)) == "early+also_late+late"


@pytest.mark.parametrize(
    ("written", "arguments"),
    [
        ("typed(count=16)", {"count": 16}),
        ("typed( count = -1 , share = 0.5 )", {"count": -1, "share": 0.5}),
        ("typed(share=2)", {"share": 2}),
        ("typed(on=True)", {"on": True}),
        ("typed(mode='fast')", {"mode": "fast"}),
        ("typed(mode=fast)", {"mode": "fast"}),
        ("typed(any=None)", {"any": None}),
        ("typed()", {}),
    ],
)
def test_parameters_are_read_by_their_types(written: str, arguments: dict[str, Any]) -> None:
    assert parse(written, REGISTRY) == [(TYPED, arguments)]


def test_what_is_written_reads_back_the_same() -> None:
    chosen = parse("typed(share=0.5, mode=fast, count=3)+early", REGISTRY)
    assert write(chosen) == "early+typed(count=3, mode='fast', share=0.5)"
    assert parse(write(chosen), REGISTRY) == chosen


def test_nothing_is_written_as_the_baseline() -> None:
    assert write([]) == "baseline"


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("", "'' cannot be read.*write NAME"),
        ("early+", "'early+' cannot be read"),
        ("early late", "'early late' cannot be read"),
        ("typed(count=1", "cannot be read"),
        ("early-late", "'early - late' cannot be read"),
        ("early+late+early", "holds 'early' twice"),
        ("typed(count)", "'count' is not PARAMETER=VALUE"),
        ("typed(cuont=1)", "unknown parameter 'cuont'; did you mean 'count'?"),
        ("early(count=1)", "unknown parameter 'count'.*known: none"),
        ("typed(count=1.5)", "count = 1.5 must be of type int"),
        ("typed(count=many)", "count = many must be of type int"),
        ("typed(count=True)", "count = True must be of type int"),
        ("typed(share=True)", "must be of type float"),
        ("typed(on=1)", "on = 1 must be of type bool"),
        ("typed(mode=1)", "mode = 1 must be of type str"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_fault(written: str, message: str) -> None:
    with pytest.raises(SuiteError, match=message.replace("?", r"\?").replace("(", r"\(").replace("+", r"\+")):
        parse(written, REGISTRY)


def test_an_unknown_optimization_names_the_near_one() -> None:
    with pytest.raises(SuiteError, match="did you mean 'flash_attention'"):
        parse("flash_atention", find_optimizations())


@pytest.mark.parametrize("written", ["late+typed", "typed+late"])
def test_a_conflict_is_seen_from_either_side(written: str) -> None:
    assert conflict(parse(written, REGISTRY)) == "late conflicts with typed"


def test_what_does_not_conflict_can_be_combined() -> None:
    assert conflict(parse("early+late+also_late", REGISTRY)) is None


def test_a_parameter_given_twice_is_refused() -> None:
    with pytest.raises(SuiteError, match="count"):
        parse("typed(count=1, count=2)", REGISTRY)


@pytest.mark.parametrize("arguments", [{"mode": "a,b"}, {"mode": "a+b"}, {"mode": "a)b"}, {"share": 1e20}])
def test_whatever_a_value_holds_it_reads_back_the_same(arguments: dict[str, Any]) -> None:
    assert parse(write([(TYPED, arguments)]), REGISTRY) == [(TYPED, arguments)]


BEYOND = ("9" * 5000, "0x" + "f" * 5000, "[0x" + "f" * 5000 + "]", "1e999", "-1e999")


@pytest.mark.parametrize("value", ["{[]: 1}", "{{}: 1}", "{1, []}", "[" * 300, "(" * 300, *BEYOND])
@pytest.mark.parametrize("name", ["count", "any", "share"])
def test_a_value_that_no_parameter_can_have_is_refused(name: str, value: str) -> None:
    with pytest.raises(SuiteError) as refused:
        parse(f"typed({name}={value})", REGISTRY)
    assert len(str(refused.value)) < 1000


@pytest.mark.parametrize("written", ["+".join(["early"] * 6000), "(" * 3000, "-" * 5000 + "early", "early\0", "\ud800"])
def test_what_is_no_combination_at_all_is_refused(written: str) -> None:
    with pytest.raises(SuiteError, match=r"cannot be read|twice"):
        parse(written, REGISTRY)


@pytest.mark.parametrize("written", ["typed(count=1if 1 else 2)", "typed(mode='\\d')"])
def test_odd_python_warns_of_nothing(written: str) -> None:
    with contextlib.suppress(SuiteError):  # warnings are errors here
        parse(written, REGISTRY)

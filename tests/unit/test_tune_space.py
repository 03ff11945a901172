from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tuned import PLUGIN, SOUND

from harness.errors import InputError, SuiteError
from harness.plan.combination import conflict, parse, write
from harness.plan.registry import Registry, find_optimizations
from harness.plan.suite import Combinations, Suite, Texts
from harness.plugin import Evidence, Stage, optimization
from harness.tune.space import Space, find_space


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    file = tmp_path_factory.mktemp("plugin") / "plugin.py"
    file.write_text(PLUGIN, encoding="utf-8")
    return find_optimizations([file])


def space(registry: Registry, *names: str, **more: Any) -> Space:
    combinations = Combinations(optimizations=list(names or SOUND))
    more.setdefault("inexact", False)
    return find_space(registry, Suite(Texts(["article"]), combinations), "cpu", **more)


class Given:
    """Draws what is given, and notes what it is asked for."""

    def __init__(self, **given: Any) -> None:
        self.given, self.asked = given, dict[str, Any]()

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        self.asked[name] = tuple(choices)
        return self.given.get(name, choices[0])

    def suggest_int(self, name: str, low: int, high: int) -> int:
        self.asked[name] = (low, high)
        return int(self.given.get(name, low))


def test_what_is_off_has_no_parameters_and_what_conflicts_is_not_asked_for(registry: Registry) -> None:
    trial = Given(engine_a=True, quick=True, **{"quick.tokens": 3, "engine_a.fused": True})
    assert write(space(registry).drawn(trial)) == "quick(tokens=128)+engine_a(fused=True)"
    assert set(trial.asked) == {"quick", "quick.tokens", "small", "engine_a", "engine_a.fused"}
    assert trial.asked["quick.tokens"] == (0, 4)
    assert "engine_a" not in write(space(registry).drawn(trial, ["engine_a"]))


def test_a_default_is_not_written_so_that_a_combination_has_one_name(registry: Registry) -> None:
    trial = Given(quick=True, **{"quick.tokens": 2})
    assert write(space(registry).drawn(trial)) == "quick"


def test_values_are_those_around_the_default_or_those_declared(registry: Registry) -> None:
    found = {one.name: {knob.name: knob.choices for knob in one.knobs} for one in space(registry).switches}
    assert found == {
        "quick": {"tokens": (16, 32, 64, 128, 256)},
        "small": {},
        "engine_a": {"fused": (False, True)},
        "engine_b": {"workers": (1, 2, 4, 8)},
    }
    inexact = space(registry, inexact=True).switches[-1]
    assert {knob.name: knob.choices for knob in inexact.knobs}["precision"] == ("float32", "int8")
    seeded = space(registry, seeds=["quick(tokens=100)", "small(share=0.25)+engine_a"])
    found = {one.name: {knob.name: knob.choices for knob in one.knobs} for one in seeded.switches}
    assert found["quick"] == {"tokens": (16, 32, 64, 100, 128, 256)}
    assert found["small"] == {"share": (0.25,)}


def test_each_opening_can_be_drawn_and_says_the_same(registry: Registry) -> None:
    found = space(registry)
    assert found.together() == ["quick+small+engine_a", "quick+small+engine_b"]
    assert found.alone() == list(SOUND)
    for name in (*found.together(), *found.alone()):
        chosen = parse(name, registry)
        assert conflict(chosen) is None
        assert write(found.drawn(Given(**found.placed(chosen)))) == name
    assert found.together(["engine_a"]) == ["quick+small+engine_b"]
    assert found.alone(["engine_a"]) == ["quick", "small", "engine_b"]


def test_what_cannot_be_drawn_is_said(registry: Registry) -> None:
    found = space(registry)
    for written, why in (
        ("quick(tokens=7)", "quick: tokens = 7 is not searched"),
        ("engine_a+engine_b", "conflicts with"),
        ("batching", "batching is left out"),
        ("small(share=0.1)", "small: share is not searched"),
    ):
        with pytest.raises(InputError, match=why):
            found.placed(parse(written, registry))


def test_what_is_left_out_has_a_reason_and_nothing_at_all_is_refused(registry: Registry) -> None:
    found = space(registry, *SOUND, "rounding", "absent", skip=["engine*"])
    assert {one.name for one in found.switches} == {"quick", "small"}
    assert set(found.left_out) == {"engine_a", "engine_b", "rounding", "absent"}
    assert "rounding" in {one.name for one in space(registry, "quick", "rounding", inexact=True).switches}
    with pytest.raises(InputError, match=r"no optimization to search .*rounding: it may change answers"):
        space(registry, "rounding")
    with pytest.raises(InputError, match="did you mean 'quick'"):
        space(registry, skip=["quik"])


def test_without_names_all_are_searched_but_the_guides_listings() -> None:
    every = find_optimizations()
    found = find_space(every, Suite(Texts(["article"])), "cpu", inexact=True)
    names = {one.name for one in found.switches} | set(found.left_out)
    assert names == {name for name, one in every.items() if Path(one.source).parent.name != "as_published"}


def test_a_declaration_of_another_parameter_is_a_mistake() -> None:
    with pytest.raises(SuiteError, match="tunable: unknown parameter 'token'; did you mean 'tokens'"):

        @optimization(Stage.INPUT, exact=True, evidence=_nothing, tunable={"token": [1]})
        def mine(extractor: Any, *, tokens: int = 1) -> Any:
            return extractor


def test_a_value_that_cannot_be_written_leaves_the_optimization_out() -> None:
    @optimization(Stage.INPUT, exact=True, evidence=_nothing, tunable={"tokens": [{}]})
    def mine(extractor: Any, *, tokens: int = 1) -> Any:
        return extractor

    with pytest.raises(InputError, match=r"its parameter tokens cannot be searched at \{\}"):
        space(Registry([mine]), "mine")


def _nothing(probe: Any) -> Evidence:
    return Evidence("mine", active=True, summary="")

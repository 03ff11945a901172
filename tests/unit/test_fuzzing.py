"""The fuzzing tests' own verdicts: what they let pass would never be found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import fuzzing
import pytest
from fuzzing import Fuzz
from in_process import ends_well

from harness.embedded.cache import Entry
from harness.errors import InputError


def fuzzed(call: Callable[[float], object], record: dict[str, object]) -> None:
    Fuzz("test", record.__setitem__, limit_s=0.05)(3, Random.random, call)


def raising(error: BaseException) -> Callable[[float], object]:
    def call(_: float) -> None:
        raise error

    return call


def hang(_: float) -> None:
    while True:
        try:
            while True:
                pass
        except Exception:  # code that takes whatever comes for an error of its own
            pass


def test_an_answer_and_an_error_for_the_user_are_no_findings() -> None:
    record: dict[str, object] = {}
    fuzzed(lambda given: given, record)
    fuzzed(raising(InputError("mend it")), record)
    assert record == {"fuzzed": 3 * fuzzing.FACTOR, "findings": 0}


@pytest.mark.parametrize("call", [raising(TypeError("x")), raising(RecursionError("x")), hang])
def test_a_traceback_and_a_hang_are_findings(call: Callable[[float], object]) -> None:
    record: dict[str, object] = {}
    with pytest.raises(AssertionError, match=r"of .* inputs"):
        fuzzed(call, record)
    assert record["findings"] == 3 * fuzzing.FACTOR


def test_a_greater_factor_has_the_same_inputs_first(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[float]] = []
    for factor in (1, 2):
        monkeypatch.setattr(fuzzing, "FACTOR", factor)
        seen.append([])
        fuzzed(seen[-1].append, {})
    few, many = seen
    assert many[: len(few)] == few
    assert len(set(many)) == 6


@pytest.mark.parametrize("ends", ["raise SystemExit(4)", "print('Traceback (most recent call last):')", "1 / 0"])
def test_a_command_that_ends_otherwise_than_commands_do_is_a_finding(
    ends: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def entries() -> list[Entry]:
        exec(ends)
        return []

    monkeypatch.setattr("harness.embedded.cache.entries", entries)
    with pytest.raises((AssertionError, ZeroDivisionError)):
        ends_well(["cache", "list"], tmp_path)

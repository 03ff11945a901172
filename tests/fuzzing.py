"""What the fuzzing tests share: how many inputs, the verdict on each, and the count at the end of a session.

Input number N of a test is the same on every machine and in every session, so a finding is seen again by running the
test again. The environment variable `UIEBENCH_FUZZ`, a factor, asks for more inputs after the first ones.
"""

from __future__ import annotations

import os
import signal
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any, TypeVar

import pytest

from harness.errors import UiebenchError

_Input = TypeVar("_Input")

FACTOR = int(os.environ.get("UIEBENCH_FUZZ", "1"))
LIMIT_S = 60  # for one input, on a busy machine; what takes longer hangs
ROOM = "fuzz"
_SHOWN = 10  # findings of a test; the rest is counted


class HangError(BaseException):
    """A call did not return; no handler of the code under test may take it for an error of its own."""


class Fuzz:
    """Puts many inputs to one call, and records how many, and how many of them were findings."""

    def __init__(self, name: str, record: Callable[[str, object], None], *, limit_s: float = LIMIT_S) -> None:
        self._name, self._record, self._limit_s = name, record, limit_s

    def __call__(
        self,
        count: int,
        make: Callable[[Random], _Input],
        call: Callable[[_Input], object],
        *,
        refusal: type[UiebenchError] | tuple[()] = UiebenchError,
    ) -> None:
        """Fail where a call neither returns nor raises an error that is made for the user, in words that can be shown.

        Args:
            count: how many inputs a plain session has.
            make: an input from a generator of random numbers; the same numbers give the same input.
            call: what must bear the input.
            refusal: the error that the call may raise; `()` where it may raise none.
        """
        findings = []
        for number in range(count * FACTOR):
            given = make(Random(f"{self._name} {number}"))
            try:
                with limited(self._limit_s):
                    _judge(call, given, refusal)
            except (Exception, HangError, pytest.fail.Exception) as error:
                findings.append(f"{number}: {_short(given)}\n    {_short(error)}\n    at {_place(error)}")
        self._record("fuzzed", count * FACTOR)
        self._record("findings", len(findings))
        rest = f"\nand {len(findings) - _SHOWN} more" if len(findings) > _SHOWN else ""
        assert not findings, "\n".join([f"{len(findings)} of {count * FACTOR} inputs:", *findings[:_SHOWN]]) + rest


def _judge(call: Callable[[_Input], object], given: _Input, refusal: type[UiebenchError] | tuple[()]) -> None:
    said = "nothing"
    try:
        call(given)
    except refusal as error:
        said = str(error)
    assert said.strip().encode(), "an error without a word"


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise where the body takes longer."""

    def stop(_: int, __: FrameType | None) -> None:
        raise HangError(f"still not done after {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _short(what: object) -> str:
    written = ascii(what)
    return written if len(written) <= 400 else f"{written[:300]} … {written[-100:]}"


def _place(error: BaseException) -> str:
    """The last lines of the project that an error came through."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f"{Path(one.filename).name}:{one.lineno}" for one in frames if "site-packages" not in one.filename]
    return " < ".join(reversed(ours[-3:]))


@pytest.fixture
def fuzz(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Fuzz:
    """Puts many inputs to one call; a test's name decides which."""
    return Fuzz(request.node.name, record_property)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many inputs each surface had, and how many of them were findings."""
    inputs: Counter[str] = Counter()
    findings: Counter[str] = Counter()
    uncounted = 0
    for report in (*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")):
        path, _, _ = report.nodeid.partition("::")
        if report.when == "call" and Path(path).parent.name == ROOM:
            told = dict(report.user_properties)
            surface = Path(path).stem.removeprefix("test_")
            inputs[surface] += told.get("fuzzed", 0)
            findings[surface] += told.get("findings", int(report.failed))
            uncounted += "fuzzed" not in told
    if inputs:
        terminalreporter.write_sep("-", "fuzzed")
        for surface, count in sorted(inputs.items()):
            terminalreporter.write_line(f"{surface}: {count} inputs, {findings[surface]} findings")
        beside = f", and {uncounted} tests that count no inputs" if uncounted else ""
        terminalreporter.write_line(f"in all: {inputs.total()} inputs, {findings.total()} findings{beside}")

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.cli.progress import with_progress


def test_without_a_terminal_each_round_is_a_plain_line(capsys: pytest.CaptureFixture[str]) -> None:
    def work(step: Callable[[str, int], None]) -> str:
        step("stock", 2)
        step("batching", 1)
        return "result"

    assert with_progress(2, work) == "result"
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "stock (2 of 2 rounds left)\nbatching (1 of 2 rounds left)\n"

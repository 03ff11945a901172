from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.cli.app import app
from harness.training import mini
from harness.training.loop import Recipe


def test_no_loss_is_said_before_there_is_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def make(directory: Path, recipe: Recipe, on_block: Callable[[int, float], None]) -> None:
        on_block(0, math.nan)
        on_block(1, 2.0)
        on_block(10, 0.51234)

    monkeypatch.setattr(mini, "make", make)
    done = CliRunner().invoke(app, ["train", str(tmp_path), "--blocks", "20"])
    assert done.exit_code == 0, done.output
    assert done.stderr.splitlines() == ["0 of 20 blocks", "10 of 20 blocks, loss 0.512"]


@pytest.mark.parametrize("asked", [("--seed", "-1"), ("--seed", "99999999999999999999"), ("--threads", "9999999999")])
def test_what_torch_cannot_take_is_refused_before_anything_is_made(asked: tuple[str, str], tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["train", str(tmp_path / "made"), "--blocks", "1", *asked])
    assert done.exit_code == 2
    assert asked[0] in done.stderr
    assert not (tmp_path / "made").exists()

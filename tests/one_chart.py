"""Reports with one chart of our own: to draw all 15 takes seconds."""

from __future__ import annotations

import pytest

from harness.extensions import modules
from harness.report import charts


def draw_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave of our own kinds `ratio` alone; other distributions' stay."""
    monkeypatch.setattr(charts, "modules", lambda package: {"ratio": modules(package)["ratio"]})

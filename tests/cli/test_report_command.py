from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli.report import show
from harness.record import RECORD_VERSION, STOCK, Cell, Header, Measured, Memory, Parity, SingleStream
from harness.run.store import Store


def written(directory: Path, name: str) -> Path:
    """A run of one round of one text: baseline, stock and another combination."""
    directory.mkdir()
    store, names = Store(directory), ("baseline", STOCK, name)
    store.append(Header(RECORD_VERSION, "s", "0", "c", 0, "cpu", "mini", ["t"], dict.fromkeys(names, True), {}))
    for one in names:
        stream = SingleStream([[100]], [[100]], [100], Parity(1), Memory(1, 1, 1))
        store.append(Measured(Cell(one, "single_stream", "texts", "cpu"), 0, stream))
    return directory


def test_a_run_of_the_guides_listings_has_a_page_of_claims(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = written(tmp_path / "run", "batching_as_published")
    show(run)
    said = (run / "claims.md").read_text(encoding="utf-8")
    assert "| **4 Batching: time**" in said
    assert said.partition("| claim ")[2] in (run / "report.md").read_text(encoding="utf-8")
    assert f"one by one: {run / 'claims.md'}" in capsys.readouterr().out


def test_any_other_run_has_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = written(tmp_path / "run", "batching")
    show(run)
    assert not (run / "claims.md").exists()
    assert "claims" not in capsys.readouterr().out + (run / "report.md").read_text(encoding="utf-8")

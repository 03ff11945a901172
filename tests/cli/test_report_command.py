from __future__ import annotations

from json import loads
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.cli.app import app
from harness.cli.report import show
from harness.data.dataset import read_dataset
from harness.record import RECORD_VERSION, STOCK, Cell, Difference, Header, Measured, Memory, Parity, SingleStream
from harness.run.store import Store


def written(directory: Path, name: str, *differences: Difference) -> Path:
    """A run of one round of one text: baseline, stock and another combination."""
    directory.mkdir()
    store, names = Store(directory), ("baseline", STOCK, name)
    store.append(Header(RECORD_VERSION, "s", "0", "c", 0, "cpu", "mini", ["t"], dict.fromkeys(names, True), {}))
    for one in names:
        parity = Parity(1, list(differences) if one == name else [])
        stream = SingleStream([[100]], [[100]], [100], parity, Memory(1, 1, 1))
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


def test_figures_are_printed_and_nothing_is_written(tmp_path: Path) -> None:
    run = written(tmp_path / "run", "batching")
    csv = CliRunner().invoke(app, ["report", str(run), "--format", "csv"])
    assert csv.stdout.splitlines()[3].startswith("batching,True,")
    json = CliRunner().invoke(app, ["report", str(run), "--format", "json"])
    assert [one["combination"] for one in loads(json.stdout)["combinations"]] == ["baseline", STOCK, "batching"]
    assert [file.name for file in run.iterdir()] == ["records.jsonl"]


def test_what_does_not_count_is_said_beside_the_figures(tmp_path: Path) -> None:
    run = written(tmp_path / "run", "batching", Difference("t", tie=False, expected=[], got=[[]]))
    csv = CliRunner().invoke(app, ["report", str(run), "--format", "csv"])
    (line,) = [line for line in csv.stdout.splitlines() if line.startswith("batching")]
    assert line.startswith("batching,True,,False,")
    assert csv.stderr.startswith("uiebench: speed_counts is false for batching: gives other answers")
    bencher = CliRunner().invoke(app, ["report", str(run), "--format", "bencher"])
    assert set(loads(bencher.stdout)) == {"baseline", STOCK}
    assert bencher.stderr.startswith("uiebench: left out batching: gives other answers")


def test_texts_of_datasets_that_are_gone_are_left_out_with_a_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = written(tmp_path / "run", "batching", Difference("business/test:x", tie=False, expected=[], got=[[]]))
    show(run)
    assert "the report shows no texts" in capsys.readouterr().err  # the run has no suite.toml
    assert "the text is not available" in (run / "report.html").read_text(encoding="utf-8")
    show(run, no_texts=True)
    assert "the report shows no texts" not in capsys.readouterr().err
    assert "texts and spans are left out" in (run / "report.html").read_text(encoding="utf-8")


def test_texts_in_which_answers_differ_are_taken_from_the_datasets(tmp_path: Path) -> None:
    (example,) = read_dataset("article")
    span = [[{"type": "价格", "span": example.text[:4], "offset": [0, 4]}]]
    run = written(tmp_path / "run", "batching", Difference(f"article:{example.id}", tie=False, expected=span, got=[]))
    (run / "suite.toml").write_text('[texts]\ndatasets = ["article"]\n')
    show(run)
    assert f'<mark class="missed">{example.text[:4]}</mark>' in (run / "report.html").read_text(encoding="utf-8")

"""Published reports are what their records say, and the figures quoted from them are theirs."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from harness.cli.report import show
from harness.record import RECORD_VERSION
from harness.report import charts
from harness.run.store import read_run

ROOT = Path(__file__).parents[2]
PUBLISHED = sorted(path.parent for path in (ROOT / "reports").glob("*/*/records.jsonl.gz"))
_INTERVAL = re.compile(r"\d+\.\d+ \[\d+\.\d+, \d+\.\d+\]")


def test_something_is_published() -> None:
    assert PUBLISHED


@pytest.mark.parametrize("published", PUBLISHED, ids=lambda path: path.name)
def test_a_published_report_follows_from_its_records(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Writing the drawings takes longer than all else, and they are not compared.
    monkeypatch.setattr(charts, "save", lambda _figure, path, _form, _name: path.write_text("<svg></svg>"))
    for name in ("records.jsonl.gz", "suite.toml"):
        shutil.copy(published / name, tmp_path)
    show(tmp_path)
    for page in published.glob("*.md"):
        assert (tmp_path / page.name).read_text() == page.read_text(), (
            f"write it anew: uiebench report {published.relative_to(ROOT)}"
        )


@pytest.mark.parametrize("page", ["reports/README.md", "docs/results.md"])
def test_the_pages_say_that_figures_are_superseded_as_long_as_any_are(page: str) -> None:
    headers = [read_run(published, pytest.fail)[0] for published in PUBLISHED]
    superseded = any(header.version < RECORD_VERSION for header in headers)
    assert ("superseded" in (ROOT / page).read_text()) == superseded


@pytest.mark.parametrize("page", ["README.md", "README.zh.md", "docs/results.md"])
def test_a_quoted_ratio_stands_in_a_published_report(page: str) -> None:
    reports = "".join((published / "report.md").read_text() for published in PUBLISHED)
    quoted = _INTERVAL.findall(re.sub(r"\s+", " ", (ROOT / page).read_text(encoding="utf-8")))
    assert quoted
    assert [ratio for ratio in quoted if ratio not in reports] == []

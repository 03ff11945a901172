"""The Markdown report of made-up records, to the letter (`UPDATE_GOLDEN=1` writes it anew)."""

from __future__ import annotations

import os
from pathlib import Path

from made_up import HEADER, RECORDS

from harness.analyse.view import view
from harness.report import markdown

EXPECTED = Path(__file__).parent / "report.md"


def test_the_report_is_as_it_was() -> None:
    report = markdown.render(view(HEADER, RECORDS, []))
    if os.environ.get("UPDATE_GOLDEN"):
        EXPECTED.write_text(report, encoding="utf-8")
    assert report == EXPECTED.read_text(encoding="utf-8")

from __future__ import annotations

from pathlib import Path

from in_process import uiebench
from test_extract_command import refused


def test_a_dry_run_tells_the_rounds_of_each_kind_and_starts_nothing(tmp_path: Path) -> None:
    done = uiebench("selfcheck", "--dry-run", "--rounds", "8", "--runs", "kept", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    first, *each, about, where = done.stdout.splitlines()
    assert first.startswith("34 rounds of 4 passes each over 24 texts")
    assert each == [
        "  8 of stock against stock",
        "  4 of dynamic_truncation+slower(share=0.1) against dynamic_truncation",
        "  4 of dynamic_truncation+slow_text against dynamic_truncation",
        "  4 of dynamic_truncation+leaks(kibibytes=10) against dynamic_truncation",
        "  8 of dynamic_truncation+tires against dynamic_truncation",
        "  2 of dynamic_truncation+grows(mebibytes=64) against dynamic_truncation",
        "  2 of dynamic_truncation+batching+alone against dynamic_truncation+batching, 3 clients at once",
        "  2 of dynamic_truncation+misanswers against dynamic_truncation, 1 pass over 101 texts",
    ]
    assert about == "takes about 9 min 35 s, assuming 2.5 s to start a process and 45 µs for each token of a row"
    assert where.startswith("records and selfcheck.md in a directory of kept/")
    assert not list(tmp_path.iterdir())


def test_fewer_rounds_than_any_verdict_needs_are_refused() -> None:
    refused(uiebench("selfcheck", "--dry-run", "--rounds", "7"), "--rounds")

"""Ids that come twice are found wherever they are kept; memory stays flat, and no file is left."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from collections import deque
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from harness.cli.lines import Input
from harness.data.dataset import read_examples
from harness.data.ids import Ids
from harness.errors import InputError, UiebenchError

MANY, LONG = 50_000, 200  # ids, and characters of each: five times what stays in memory
LINES = 12_000
# What a process takes after so many ids, beyond what it took after the first tenth of them, in bytes.
GROWTH = """
import resource
from pathlib import Path
from harness.data.ids import Ids

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

with Ids() as ids:
    for number in range({many}):
        ids.add(f"{{number * 7919 % {many}:0{long}}}")
        if number == {many} // 10:
            before = resident()
    print(resident() - before)
"""


def name(number: int) -> str:
    """Ids in no order."""
    return f"{number * 7919 % MANY:0{LONG}}"


def files() -> list[str]:
    """The temporary files of SQLite's that this process has open."""
    found = []
    for one in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # it is that of the directory itself, closed by now
            found.append(str(one.readlink()))
    return [one for one in found if "etilqs" in one]


def line(number: int, **more: Any) -> str:
    return json.dumps({"id": name(number), "text": "文本", **(more or {"schema": {"类型": None}})})


def test_one_that_comes_twice_is_found_in_memory_and_on_disk() -> None:
    with Ids() as ids:
        assert ids.add("")
        assert all(ids.add(name(number)) for number in range(100))
        assert not files()
        assert not any(ids.add(name(number)) for number in range(100))
        assert all(ids.add(name(number)) for number in range(100, MANY))
        assert len(files()) == 1
        assert not any(ids.add(name(number)) for number in range(0, MANY, 7))
        assert not ids.add("")
        assert ids.add(f"{name(0)}\0")
        assert ids.add("1")
        assert ids.add("1 ")
        assert ids.add("１")


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """More ids than stay in memory; the last is the first one's again."""
    file = tmp_path / "many.jsonl"
    file.write_text("\n".join(map(line, (*range(LINES), 0))), encoding="utf-8")
    return file


def test_the_file_has_no_name_and_is_gone_after_an_error(many: Path) -> None:
    examples = read_examples(many)
    deque(islice(examples, LINES), maxlen=0)
    (open_,) = files()
    assert open_.endswith(" (deleted)")
    with pytest.raises(InputError, match=f"line {LINES + 1}: the id '{name(0)}' is already on an earlier line"):
        next(examples)
    assert not files()


def test_whoever_stops_in_between_leaves_none(many: Path) -> None:
    examples = read_examples(many)
    deque(islice(examples, LINES), maxlen=0)
    assert files()
    del examples
    assert not files()


def test_a_process_takes_no_more_memory_for_many() -> None:
    program = GROWTH.format(many=MANY, long=LONG)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 1 << 20  # the ids alone are 9 MB


@pytest.mark.parametrize(
    ("format_name", "more"), [("native", {"schema": {"类型": None}}), ("doccano", {"label": [[0, 2, "类型"]]})]
)
def test_what_reads_a_file_keeps_none_of_its_ids(tmp_path: Path, format_name: str, more: dict[str, Any]) -> None:
    file, count = tmp_path / "many.jsonl", LINES // 4
    file.write_text("\n".join(line(number, **more) for number in range(count)), encoding="utf-8")
    items = Input(file, format_name).items(pytest.fail)
    next(items)
    tracemalloc.start()
    try:
        assert sum(1 for _ in items) == count - 1
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 300 << 10  # the ids alone are 600 KB


def test_no_room_for_the_file_is_told() -> None:
    with Ids() as ids:
        ids._database.execute("PRAGMA max_page_count = 3")
        with pytest.raises(UiebenchError, match=r"in a temporary file: database or disk is full; .* SQLITE_TMPDIR"):
            all(ids.add(name(number)) for number in range(1000))

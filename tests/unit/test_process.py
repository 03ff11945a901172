"""What a worker's process is given by its parent."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from harness.run.process import WorkerProcess


@pytest.mark.parametrize("keep_heap", [False, True])
def test_only_a_suite_that_asks_for_it_changes_the_allocator(keep_heap: bool, tmp_path: Path) -> None:
    worker = WorkerProcess(tmp_path / "log", time.monotonic() + 10, keep_heap=keep_heap)
    try:
        given = Path(f"/proc/{worker.pid}/environ").read_bytes().split(b"\0")
    finally:
        worker.close()
    names = {entry.partition(b"=")[0] for entry in given}
    assert b"PYTHONPATH" in names
    assert ({b"MALLOC_TRIM_THRESHOLD_", b"MALLOC_MMAP_THRESHOLD_"} <= names) is keep_heap

"""What a worker's process is given by its parent."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from harness.run.process import Heap, WorkerProcess


@pytest.mark.parametrize(("heap", "bytes_"), [("default", None), ("kept", 1 << 30), ("returned", 128 << 10)])
def test_only_who_asks_for_it_changes_the_allocator(heap: Heap, bytes_: int | None, tmp_path: Path) -> None:
    deadline = time.monotonic() + 10
    worker = WorkerProcess(tmp_path / "log", deadline, heap=heap)
    try:
        given = b""
        while not given:  # as long as the kernel is still putting the new program into place
            given = Path(f"/proc/{worker.pid}/environ").read_bytes()
            assert time.monotonic() < deadline
    finally:
        worker.close()
    names = dict(entry.decode().split("=", 1) for entry in given.split(b"\0") if entry)
    assert "PYTHONPATH" in names
    for name in ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"):
        assert names.get(name) == (str(bytes_) if bytes_ else None)

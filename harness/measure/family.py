"""The processes that one started."""

from __future__ import annotations

import os
from collections.abc import Iterator


def family(process: int | None = None) -> tuple[int, ...]:
    """The numbers of a process (this one, where none is named) and of those that it started.

    Raises:
        psutil.NoSuchProcess: it has ended.
    """
    return os.getpid() if process is None else process, *children(process)


def children(process: int | None = None) -> Iterator[int]:
    """The numbers of the processes that one (this one, where none is named) started, and those that they started.

    Raises:
        psutil.NoSuchProcess: it has ended.
    """
    import psutil  # not needed, and perhaps not there, in a peer's process

    return (child.pid for child in psutil.Process(process).children(recursive=True))

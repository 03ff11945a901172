"""Ends worker processes, and all that they started, when their runner ends, however it ends."""

from __future__ import annotations

import atexit
import subprocess
from contextlib import suppress
from functools import cache

# Reads a line for each process group that begins or ends. Its input ends when the runner does, even by SIGKILL; it then
# ends the remaining groups. It is told of a group before the group's first command is sent.
_KEEP = """
trap '' HUP INT TERM
groups=' '
while read -r what group; do
  case $what in
    keep) groups="$groups$group " ;;
    drop) groups="${groups%%" $group "*} ${groups#*" $group "}" ;;
  esac
done
for group in $groups; do kill -KILL "-$group"; done
"""


class _Keeper:
    """The process that waits for the end of this one."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _KEEP],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,  # so that signals to the runner's group do not reach it
        )
        atexit.register(self._end)

    def tell(self, what: str, group: int) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # the keeper was ended
            self._process.stdin.write(f"{what} {group}\n".encode())

    def _end(self) -> None:
        self._process.communicate()


_keeper = cache(_Keeper)


def keep(group: int) -> None:
    """End a process group when this process ends."""
    _keeper().tell("keep", group)


def drop(group: int) -> None:
    """Forget a group that has ended; its number may be reused."""
    _keeper().tell("drop", group)

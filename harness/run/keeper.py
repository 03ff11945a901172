"""Worker processes do not outlive their runner, however it ends, with all that they started."""

from __future__ import annotations

import atexit
import subprocess
from contextlib import suppress
from functools import cache

# Told of each process group that begins and ends; its input ends when the runner does, a SIGKILL included, and then it
# ends those that are left. A group is known to it before its first command is sent.
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
            start_new_session=True,  # what is sent to the runner's group is not for it
        )
        atexit.register(self._end)

    def tell(self, what: str, group: int) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # somebody ended it
            self._process.stdin.write(f"{what} {group}\n".encode())

    def _end(self) -> None:
        self._process.communicate()


_keeper = cache(_Keeper)


def keep(group: int) -> None:
    """End a process group when this process ends."""
    _keeper().tell("keep", group)


def drop(group: int) -> None:
    """Forget a group that has ended; its number may be given to others."""
    _keeper().tell("drop", group)

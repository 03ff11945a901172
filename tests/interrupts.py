"""Signals for processes that tests and `make gpu` start."""

from __future__ import annotations

import signal


def hear_interrupts() -> None:
    """For ``preexec_fn``: what a shell starts in its background ignores Ctrl-C, what `nohup` starts ignores SIGHUP.

    So does all that is started by those.
    """
    for one in (signal.SIGINT, signal.SIGHUP):
        signal.signal(one, signal.SIG_DFL)

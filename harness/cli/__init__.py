"""The command line: arguments in, text out, exit status; decides nothing."""

from __future__ import annotations

import sys
import warnings
from typing import Any

OK, FAILED, USAGE, INCONCLUSIVE, INTERRUPTED = 0, 1, 2, 3, 130


def warn(message: str) -> None:
    """Say what did not stop the command; further lines are indented, so that none passes for a message of ours."""
    print("uiebench: " + message.strip().replace("\n", "\n    "), file=sys.stderr)


def _show_extension_warnings() -> None:
    """Say what was left out as the rest is said, without a line of this program's code."""
    from harness.extensions import ExtensionWarning

    others = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if issubclass(category, ExtensionWarning):
            warn(str(message))
        else:
            others(message, category, *where, **more)

    warnings.showwarning = show


def main() -> None:
    """Run the command line; a user's mistake is one message on stderr and exit status 2."""
    from harness.cli.out import neutral_streams

    with neutral_streams():
        _run()


def _run() -> None:
    from harness.cli.app import app
    from harness.errors import UiebenchError

    _show_extension_warnings()
    try:
        app()
    except UiebenchError as error:
        warn(str(error))
        sys.exit(FAILED if error.failed else USAGE)
    except BrokenPipeError:  # the reader of a pipe has gone
        sys.stderr.close()
        sys.exit(FAILED)
    except OSError as error:
        warn(f"{error}; check the path and the space that is left")
        sys.exit(USAGE)
    except KeyboardInterrupt:
        warn("interrupted; what was finished is on disk")
        sys.exit(INTERRUPTED)

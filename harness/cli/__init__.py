"""The command line: arguments in, text and exit status out. It contains no logic of its own."""

from __future__ import annotations

import sys
import warnings
from typing import Any

OK, FAILED, USAGE, INCONCLUSIVE, INTERRUPTED = 0, 1, 2, 3, 130


def warn(message: str) -> None:
    """Print a warning to stderr; further lines are indented, so that none looks like a message of uiebench."""
    print("uiebench: " + message.strip().replace("\n", "\n    "), file=sys.stderr)


def _show_extension_warnings() -> None:
    """Print warnings about extensions like other messages, without a line of source code."""
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
        warn(f"{error}; check the path and the free space")
        sys.exit(USAGE)
    except KeyboardInterrupt:
        warn("interrupted; everything that was finished is on disk")
        sys.exit(INTERRUPTED)

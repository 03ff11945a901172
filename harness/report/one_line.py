"""Text from elsewhere (for example, a process's last output) on one line."""

from __future__ import annotations

import re

from harness.neutral import UNSAFE

# A terminal's colours and moves; then what separates words, and what is not to be shown.
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_GAPS = re.compile(f"[\t\n {UNSAFE}]+")


def one_line(text: str) -> str:
    """The text with single spaces for line breaks and control characters, and without a terminal's escapes."""
    return _GAPS.sub(" ", _ESCAPES.sub("", text)).strip()

"""Text from elsewhere, a process's last words say, on one line."""

from __future__ import annotations

import re

# A terminal's colours and moves; then what separates words, steers a printer or a terminal, or may not stand in XML.
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_GAPS = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]+")


def one_line(text: str) -> str:
    """The text with single spaces for line breaks and control characters, and without a terminal's escapes."""
    return _GAPS.sub(" ", _ESCAPES.sub("", text)).strip()

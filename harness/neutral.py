r"""Text from elsewhere as it may be shown: no character of it steers a terminal, a printer or the order of letters.

Users' texts, plugins' messages, checkpoints and records may hold anything. What cannot be seen is written as Python
writes it, ``\x1b`` or ``\u202e``; only a terminal's colours, which programs put into their last words, are left out.
"""

from __future__ import annotations

import re

_COLOURS = re.compile(r"\x1b\[[0-9;:]*m")
# Controls but tab and line feed; marks that turn the order of letters; line ends that only some programs know; halves
# of characters, and what no XML may hold; hidden copies of ASCII.
UNSAFE = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb"
    r"\ud800-\udfff\ufffe\uffff\U000e0000-\U000e007f"
)
_UNSAFE = re.compile(f"[{UNSAFE}]")
_UNSAFE_IN_JSON = re.compile(rf"[{UNSAFE}]|#(?=#[\w-]*\[)")
# Lines that are commands to the CI service which reads them: GitHub's `::error::`, also after blanks, and the `##[…]`,
# `##vso[…]` and `##teamcity[…]` of others, anywhere in a line.
_COMMANDS = re.compile(r"^([^\S\n]*):(?=:)|#(?=#[\w-]*\[)", re.MULTILINE)


def neutral(text: str) -> str:
    """The text with what cannot be seen made visible; tabs and line feeds stay."""
    return _UNSAFE.sub(_visible, _COLOURS.sub("", text.replace("\r\n", "\n")))


def for_terminal(text: str) -> str:
    """As :func:`neutral`, and no line of it is a command to a CI service: a blank is put into those that were."""
    return _COMMANDS.sub(lambda found: f"{found[0]} ", neutral(text))


def for_json(text: str) -> str:
    """JSON text of the same value that holds no such character, and no command: its lines begin with signs of JSON."""
    return _UNSAFE_IN_JSON.sub(lambda found: _utf16(ord(found[0])), text)


def _visible(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _utf16(code: int) -> str:
    if code < 0x10000:
        return f"\\u{code:04x}"
    return f"\\u{0xD800 + ((code - 0x10000) >> 10):04x}\\u{0xDC00 + ((code - 0x10000) & 0x3FF):04x}"

"""Text that is readable with any fonts of the machine."""

from __future__ import annotations

from functools import cache

from harness.members import members
from harness.report.one_line import one_line

OWN = "DejaVu Sans"  # comes with matplotlib
_LONGEST = 60  # characters of an optimization with its parameters; a longer one leaves no room for the chart
_SAMPLE = "价"  # a font with this character is used for Chinese


@cache
def families() -> tuple[str, ...]:
    """Matplotlib's own font, and one for Chinese if the machine has any."""
    from matplotlib.font_manager import fontManager

    chinese = sorted(one.name for one in fontManager.ttflist if _SAMPLE in _characters(one.fname))
    return (OWN, *chinese[:1])


@cache
def _drawn() -> frozenset[str]:
    """The characters that these families have."""
    from matplotlib.font_manager import FontProperties, findfont

    files = (findfont(FontProperties(family=[family])) for family in families())
    return frozenset().union(*(_characters(file) for file in files))


@cache
def _characters(file: str) -> frozenset[str]:
    from matplotlib.font_manager import get_font

    return frozenset(map(chr, get_font(file).get_charmap()))


def _cut(part: str) -> str:
    return part if len(part) <= _LONGEST else f"{part[: _LONGEST - 1]}…"


def legible(text: str) -> str:
    """The text on one line. A character that no font has is written as its number: ``U+4EF7``."""
    text = "+".join(_cut(part) for part in members(one_line(text)))
    if text.isascii():
        return text
    return "".join(letter if letter in _drawn() or letter in "\n\t" else f"U+{ord(letter):04X}" for letter in text)

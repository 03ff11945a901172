"""Text from elsewhere within Markdown: it stays text, and on its line."""

from __future__ import annotations

import re

from harness.report.one_line import one_line

# What begins HTML, ends the text of a link (only then is it one), marks code, strikes out or emphasizes, and what would
# escape a sign that follows, ours too. An underline ends an emphasis only after a word.
_HTML_AND_LINKS = r"<(?=[A-Za-z/!?])|\](?=[(\[:])"
_MARKUP = re.compile(_HTML_AND_LINKS + r"|[`~*]|_+(?!\w)|\\(?=[!-/:-@\[-`{-~]|$)")
_MARKUP_OF_CELLS = re.compile(_HTML_AND_LINKS)
_BLOCK = re.compile(r"^(?:[#>+=|-]|\d+[.)](?= |$))")  # what begins a heading, a quote, a list or a table


def foreign(text: str) -> str:
    """The text as Markdown that shows it."""
    return _BLOCK.sub(_quoted, inline(text))


def inline(text: str) -> str:
    """The same within a line that something of ours begins."""
    return _MARKUP.sub(_escaped, one_line(text))


def cell(markdown: str) -> str:
    """Markdown of ours, which may hold foreign text, as a cell of a table: on one line, without HTML, links or bars."""
    said = _MARKUP_OF_CELLS.sub(_escaped, one_line(markdown))
    return re.sub(r"(\\*)\|", r"\1\1\|", said)


def code(text: str) -> str:
    """The text as a span of code, whatever ticks it holds."""
    said = one_line(text)
    fence = "`" * (1 + max(map(len, re.findall("`+", said)), default=0))
    return f"{fence}{said}{fence}" if fence == "`" else f"{fence} {said} {fence}"


def _escaped(found: re.Match[str]) -> str:
    sign = found[0]
    return {"<": "&lt;", "]": "]\\"}.get(sign, "".join(f"\\{one}" for one in sign))


def _quoted(found: re.Match[str]) -> str:
    return f"{found[0][:-1]}\\{found[0][-1]}"

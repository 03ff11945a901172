"""Text from elsewhere within Markdown. It stays text, and stays on its line."""

from __future__ import annotations

import re

from harness.report.one_line import one_line

# The signs that begin HTML, end the text of a link (without it there is no link), mark code, strike out or emphasize,
# and a backslash that would escape a following sign, also one of ours. An underline ends an emphasis only after a word.
_HTML_AND_LINKS = r"<(?=[A-Za-z/!?])|\](?=[(\[:])"
_MARKUP = re.compile(_HTML_AND_LINKS + r"|[`~*]|_+(?!\w)|\\(?=[!-/:-@\[-`{-~]|$)")
_MARKUP_OF_CELLS = re.compile(_HTML_AND_LINKS)
_BLOCK = re.compile(r"^(?:[#>+=|-]|\d+[.)](?= |$))")  # what begins a heading, a quote, a list or a table


def foreign(text: str) -> str:
    """The text as Markdown that shows it."""
    return _BLOCK.sub(_quoted, inline(text))


def inline(text: str) -> str:
    """The same for text within a line, after something of ours."""
    return _MARKUP.sub(_escaped, one_line(text))


def cell(markdown: str) -> str:
    """Our own Markdown, which may contain foreign text, as a table cell: on one line, without HTML, links or bars."""
    said = _MARKUP_OF_CELLS.sub(_escaped, one_line(markdown))
    return re.sub(r"(\\*)\|", r"\1\1\|", said)


def code(text: str) -> str:
    """The text as a span of code, also if it contains backticks."""
    said = one_line(text)
    fence = "`" * (1 + max(map(len, re.findall("`+", said)), default=0))
    return f"{fence}{said}{fence}" if fence == "`" else f"{fence} {said} {fence}"


def _escaped(found: re.Match[str]) -> str:
    sign = found[0]
    return {"<": "&lt;", "]": "]\\"}.get(sign, "".join(f"\\{one}" for one in sign))


def _quoted(found: re.Match[str]) -> str:
    return f"{found[0][:-1]}\\{found[0][-1]}"

"""README.zh.md says what README.md says: neither can be changed without the other."""

from __future__ import annotations

import re

import pytest
from test_docs import ROOT

ENGLISH, CHINESE = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh.md"))
_INTERVAL = r"\d+\.\d+ \[\d+\.\d+, \d+\.\d+\]"
_FIGURE = r"(?<![\w.])\d+(?:\.\d+)?(?![\w.]*\w)"  # not a part of a name, like P50 or python3.11
_SAME = {
    "code blocks": r"^```.*?^```$",
    "pictures": r"!\[[^\]]*\]\(([^)]+)\)",
    "figures with an interval": _INTERVAL,
    "links": r"(?<!!)\[[^\]]*\]\(((?!README)[^)]+)\)",
    "headings": r"^(#+) ",
    "code": r"`[^`\n]+`",
}


@pytest.mark.parametrize("what", _SAME)
def test_both_have_the_same(what: str) -> None:
    ours, theirs = found(what, CHINESE), found(what, ENGLISH)
    assert theirs
    assert ours == theirs


def test_both_have_the_same_figures() -> None:
    ours, theirs = (sorted(re.findall(_FIGURE, _words(text))) for text in (CHINESE, ENGLISH))
    assert theirs
    assert ours == theirs


def test_the_tables_have_the_same_shape() -> None:
    """The columns of a report keep their English names, which are explained."""
    ours, theirs = (re.findall(r"^\|.*\|$", text, re.MULTILINE) for text in (CHINESE, ENGLISH))
    assert theirs
    assert [line.count("|") for line in ours] == [line.count("|") for line in theirs]
    explained = [[line.split(" | ")[0] for line in lines[lines.index("| --- | --- |") :]] for lines in (ours, theirs)]
    assert explained[0] == explained[1]


def test_each_leads_to_the_other() -> None:
    assert "](README.zh.md)" in "".join(ENGLISH.splitlines(keepends=True)[:3])
    assert "](README.md)" in "".join(CHINESE.splitlines(keepends=True)[:3])


def found(what: str, text: str) -> list[str]:
    """All of a kind, in order; a line break within one is a space."""
    flags = re.MULTILINE | re.DOTALL if what == "code blocks" else re.MULTILINE
    whole = text if what in ("code blocks", "headings") else re.sub(r"(?<!\n)\n(?!\n)", " ", _without_blocks(text))
    return re.findall(_SAME[what], whole, flags)


def _without_blocks(text: str) -> str:
    return re.sub(_SAME["code blocks"], "", text, flags=re.MULTILINE | re.DOTALL)


def _words(text: str) -> str:
    """The text without links' targets and without code."""
    return re.sub(r"\]\([^)]*\)|`[^`\n]*`", "", _without_blocks(text))

"""Generated text through everything that shows text."""

from __future__ import annotations

import csv
import io
import json
import os
from collections import Counter
from xml.etree import ElementTree as Xml

import pytest
from hostile import HOSTILE, RENDERERS, commands, steering
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from harness.cli import out
from harness.neutral import for_json, for_terminal, neutral
from harness.report.drawing.fonts import legible
from harness.report.foreign import cell, code, foreign, inline

FACTOR = int(os.environ.get("UIEBENCH_FUZZ", "1"))  # so many times the inputs
MANY = settings(max_examples=200 * FACTOR, derandomize=True, deadline=None)
FEW = settings(max_examples=4 * FACTOR, derandomize=True, deadline=None)
PIECES = st.sampled_from([piece for text in HOSTILE.values() for piece in (text, *text.split(" "))])
SIGNS = st.text("\x1b\x9b[]()<>!`~*_#|\\\r\n\t:=+-@&;.1a ", max_size=12)
TEXTS = st.lists(st.one_of(st.text(max_size=8), PIECES, SIGNS), min_size=1, max_size=6).map("".join)
WRITABLE = TEXTS.map(lambda text: text.encode("utf-8", "replace").decode())  # as records and files hold it
PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def make(markdown: str) -> Counter[str]:
    """Of what a parser takes Markdown to be made, without how often text is cut or escaped."""
    found = Counter[str]()
    for token in PARSER.parse(markdown):
        found[token.type] += 1
        found.update(inner.type for inner in token.children or ())
    return found - Counter({"text": found["text"], "text_special": found["text_special"], "entity": found["entity"]})


@MANY
@given(TEXTS)
def test_a_terminal_is_not_steered(text: str) -> None:
    shown = for_terminal(text)
    assert steering(shown) == commands(shown) == []
    assert for_terminal(shown) == shown
    assert steering(neutral(text)) == []
    assert steering(legible(text)) == []


@MANY
@given(TEXTS)
def test_json_keeps_its_value(text: str) -> None:
    written = for_json(json.dumps({text: [text]}, ensure_ascii=False))
    assert json.loads(written) == {text: [text]}
    assert steering(written) == commands(written) == []


@MANY
@given(WRITABLE)
def test_markdown_shows_text_as_text(text: str) -> None:
    assert make(f"- {foreign(f'a{text}')}") == make("- a")
    assert make(f"# a {inline(text)} b") == make("# a b")
    assert make(f"**a {inline(text)} b.**") == make("**a b.**")
    assert make(f"a {code(f'a{text}a')} b") == make("a `a` b")
    table = "| a | b |\n| --- | --- |\n"
    assert make(f"{table}| {cell(f'a {inline(text)} a')} | b |") == make(f"{table}| a | b |")


@MANY
@given(WRITABLE)
def test_a_line_of_a_list_is_no_block_of_its_own(text: str) -> None:
    shown = make(f"- {foreign(text)}")
    assert shown - Counter({"paragraph_open": 1, "paragraph_close": 1, "inline": 1}) == make("-")


@pytest.mark.parametrize("name", RENDERERS)
@FEW
@given(WRITABLE)
def test_every_format_holds_whatever_the_text_is(name: str, text: str) -> None:
    shown = RENDERERS[name](text)
    assert steering(shown) == []
    if name == "csv":
        assert len(list(csv.DictReader(io.StringIO(shown)))) == 9
    elif name == "junit":
        Xml.fromstring(shown.encode())
    elif name not in ("markdown", "summary") and not name.startswith("html"):
        json.loads(shown)


@MANY
@given(st.lists(TEXTS, min_size=1, max_size=3))
def test_what_is_printed_piece_by_piece_is_neutral_too(texts: list[str]) -> None:
    beneath = io.StringIO()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("sys.stdout", beneath)
        with out.neutral_streams():
            for text in texts:
                print(text)  # noqa: T201 (what is tried)
    assert steering(beneath.getvalue()) == commands(beneath.getvalue()) == []

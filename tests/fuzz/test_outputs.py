"""Generated text through everything that shows text."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from random import Random
from xml.etree import ElementTree as Xml

import pytest
from fuzzing import Fuzz
from hostile import HOSTILE, RENDERERS, commands, steering
from markdown_it import MarkdownIt
from mutations import TEXTS

from harness.cli import out
from harness.neutral import for_json, for_terminal, neutral
from harness.report.drawing.fonts import legible
from harness.report.foreign import cell, code, foreign, inline

MANY, FEW = 200, 4
PIECES = [*TEXTS, *(piece for text in HOSTILE.values() for piece in (text, *text.split(" ")))]
SIGNS = "\x1b\x9b[]()<>!`~*_#|\\\r\n\t:=+-@&;.1a "
PLANES = (0x80, 0x100, 0x3000, 0x110000)  # ends of ranges from which letters are drawn
PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def a_text(random: Random) -> str:
    """Letters of any kind, hostile pieces, and signs that mean something to what shows them."""
    makers = (
        lambda: "".join(chr(random.randrange(random.choice(PLANES))) for _ in range(random.randrange(9))),
        lambda: random.choice(PIECES)[:1000],
        lambda: "".join(random.choices(SIGNS, k=random.randrange(13))),
    )
    return "".join(random.choice(makers)() for _ in range(random.randint(1, 6)))


def writable(random: Random) -> str:
    """A text as records and files hold it."""
    return a_text(random).encode("utf-8", "replace").decode()


def made(markdown: str) -> Counter[str]:
    """Of what a parser takes Markdown to be made, without how often text is cut or escaped."""
    found = Counter[str]()
    for token in PARSER.parse(markdown):
        found[token.type] += 1
        found.update(inner.type for inner in token.children or ())
    return found - Counter({"text": found["text"], "text_special": found["text_special"], "entity": found["entity"]})


def test_a_terminal_is_not_steered(fuzz: Fuzz) -> None:
    def call(text: str) -> None:
        shown = for_terminal(text)
        assert steering(shown) == commands(shown) == []
        assert for_terminal(shown) == shown
        assert steering(neutral(text)) == []
        assert steering(legible(text)) == []

    fuzz(MANY, a_text, call)


def test_json_keeps_its_value(fuzz: Fuzz) -> None:
    def call(text: str) -> None:
        written = for_json(json.dumps({text: [text]}, ensure_ascii=False))
        assert json.loads(written) == {text: [text]}
        assert steering(written) == commands(written) == []

    fuzz(MANY, a_text, call)


def test_markdown_shows_text_as_text(fuzz: Fuzz) -> None:
    def call(text: str) -> None:
        assert made(f"- {foreign(f'a{text}')}") == made("- a")
        assert made(f"# a {inline(text)} b") == made("# a b")
        assert made(f"**a {inline(text)} b.**") == made("**a b.**")
        assert made(f"a {code(f'a{text}a')} b") == made("a `a` b")
        table = "| a | b |\n| --- | --- |\n"
        assert made(f"{table}| {cell(f'a {inline(text)} a')} | b |") == made(f"{table}| a | b |")

    fuzz(MANY, writable, call)


def test_a_line_of_a_list_is_no_block_of_its_own(fuzz: Fuzz) -> None:
    def call(text: str) -> None:
        shown = made(f"- {foreign(text)}")
        assert shown - Counter({"paragraph_open": 1, "paragraph_close": 1, "inline": 1}) == made("-")

    fuzz(MANY, writable, call)


@pytest.mark.parametrize("name", RENDERERS)
def test_every_format_holds_whatever_the_text_is(name: str, fuzz: Fuzz) -> None:
    def call(text: str) -> None:
        shown = RENDERERS[name](text)
        assert steering(shown) == []
        if name == "csv":
            assert len(list(csv.DictReader(io.StringIO(shown)))) == 9
        elif name == "junit":
            Xml.fromstring(shown.encode())
        elif name not in ("markdown", "summary") and not name.startswith("html"):
            json.loads(shown)

    fuzz(FEW, writable, call)


def test_what_is_printed_piece_by_piece_is_neutral_too(fuzz: Fuzz, monkeypatch: pytest.MonkeyPatch) -> None:
    def call(texts: list[str]) -> None:
        beneath = io.StringIO()
        monkeypatch.setattr("sys.stdout", beneath)
        with out.neutral_streams():
            for text in texts:
                print(text)  # noqa: T201 (what is tried)
        assert steering(beneath.getvalue()) == commands(beneath.getvalue()) == []

    fuzz(MANY, lambda random: [a_text(random) for _ in range(random.randint(1, 3))], call)

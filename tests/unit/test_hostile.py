"""Text from elsewhere steers nothing that shows it, and is nothing but text there."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from html.parser import HTMLParser
from xml.etree import ElementTree as Xml

import pytest
from hostile import HOSTILE, RENDERERS, commands, findings_of, steering
from markdown_it import MarkdownIt

from harness.neutral import for_json, for_terminal, neutral
from harness.report.ci import annotations as github
from harness.report.ci import words
from harness.report.drawing.fonts import legible

ALL = "".join(f" {text} " for text in HOSTILE.values())
EACH = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
PLAIN = "价格"


@EACH
def test_what_cannot_be_seen_is_written_out_and_the_rest_is_kept(text: str) -> None:
    assert steering(neutral(text)) == []
    shown = for_terminal(text)
    assert steering(shown) == commands(shown) == []
    assert neutral("价格\t“九元”\n👩‍👩‍👧 §") == "价格\t“九元”\n👩‍👩‍👧 §"
    quoted = json.dumps(text, ensure_ascii=False)
    assert json.loads(for_json(quoted)) == text
    assert steering(for_json(quoted)) == commands(for_json(quoted)) == []


@pytest.mark.parametrize("name", RENDERERS)
def test_no_file_holds_what_steers_its_reader(name: str) -> None:
    shown = RENDERERS[name](ALL)
    assert steering(shown) == []
    assert "九元" in shown or name not in ("markdown", "html")


def tokens(markdown: str) -> Counter[str]:
    """What a parser of GitHub's Markdown sees, without the text."""
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    found = Counter[str]()
    for token in parser.parse(markdown):
        found[token.type] += 1
        found.update(inner.type for inner in token.children or () if inner.type != "text_special")
    return found - Counter({"text": found["text"]})


@pytest.mark.parametrize("name", ["markdown", "summary"])
@EACH
def test_markdown_is_of_the_same_make_whatever_the_text_is(name: str, text: str) -> None:
    assert tokens(RENDERERS[name](text)) == tokens(RENDERERS[name](PLAIN))


class Tags(HTMLParser):
    """The elements of a page with the names of their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("br", "strong", "s", "code"):  # of a sentence's own
            self.found.append((tag, tuple(name for name, _ in attrs)))


def test_a_page_is_of_the_same_make_whatever_the_text_is() -> None:
    hostile = ALL.replace("+", "-")  # a plus makes another combination of it, with another column
    for name in ("html", "html without texts"):
        assert Tags(RENDERERS[name](hostile)).found == Tags(RENDERERS[name](PLAIN * len(hostile))).found


@EACH
def test_a_spreadsheet_calculates_nothing(text: str) -> None:
    rows = list(csv.DictReader(io.StringIO(RENDERERS["csv"](text))))
    assert len(rows) == 9
    assert all(row[None] is None for row in rows if None in row)
    texts = [value for row in rows for name, value in row.items() if name in ("combination", "problem")]
    assert [one for one in texts if one.startswith(("=", "+", "-", "@", "\t", "\r", "::"))] == []


def test_junit_and_annotations_stay_what_they_are() -> None:
    Xml.fromstring(RENDERERS["junit"](ALL).encode())
    lines = list(github.render(findings_of(ALL)))
    assert [line.split(" ")[0] for line in lines] == ["::error", "::error", "::warning"]
    assert all("\n" not in line and line.count("::") - ALL.count("::") * 2 <= 2 for line in lines)
    *said, _, last = "\n".join(words.console(findings_of(ALL), ALL)).split("\n")
    assert len(said) == 3
    assert last.startswith("Gate against ")


def test_a_chart_takes_names_for_names() -> None:
    assert steering(legible(ALL)) == []
    assert legible("a\x1b\nb") == "a b"
    assert len(legible("long" * 100)) == 60


def test_further_lines_of_a_message_do_not_pass_for_others(capsys: pytest.CaptureFixture[str]) -> None:
    from harness.cli import warn

    warn("one\nuiebench: two")
    assert capsys.readouterr().err == "uiebench: one\n    uiebench: two\n"

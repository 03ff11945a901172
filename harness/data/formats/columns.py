"""Lines of columns: finds the tokens and the tags."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.data.formats.tags import is_tag

_DOCUMENT = "-DOCSTART-"  # the start of a document in CoNLL-2003 and Label Studio
_HEADS = {"tag", "tags", "label", "labels", "ner", "ner_tag", "ner_tags", "bio", "标签", "标注", "标记"}
_PLACED = re.compile(r"(.)(\d{1,3})", re.DOTALL)  # Weibo's tokens: a character and its position in its word
LEAST = 2  # columns: a token and a tag


def cells(row: str, width: int = LEAST) -> list[str]:
    """The columns of a line, separated by tabs or else by blanks; the first is the token, maybe a blank or a tab.

    Args:
        row: the line.
        width: the file's number of columns; if one is missing after a leading blank, that blank is the token.
    """
    row = row.rstrip(" \t")  # the last column is a tag, so these are not a token
    if "\t" not in row:
        found = [column for column in row.split(" ") if column]
        return [" ", *found] if row.startswith(" ") and len(found) == width - 1 else found
    token, *others = row.split("\t")
    if token == "" and others[0] == "" and len(others) >= width:
        token, others = "\t", others[1:]
    return [token.strip(" ") or token, *(column.strip(" ") for column in others)]


def begins_document(row: str) -> bool:
    """Whether a line marks the beginning of a document."""
    return row.startswith(_DOCUMENT)


def is_comment(row: str) -> bool:
    """Whether a line before a text is a comment as in CoNLL-U; unlike it, a token # has a tag."""
    return row.startswith("#") and not is_tag(cells(row)[-1])


def is_header(row: str) -> bool:
    """Whether a file's first line names its columns."""
    found = cells(row)
    return len(found) >= LEAST and found[-1].casefold() in _HEADS


def without_places(tokens: Sequence[str]) -> Sequence[str]:
    """Weibo's tokens without positions; unchanged unless all have one, counted from 0 in each word."""
    bare, before = [], -1
    for token in tokens:
        found = _PLACED.fullmatch(token)
        if found is None or int(found[2]) not in (0, before + 1):
            return tokens
        bare.append(found[1])
        before = int(found[2])
    return bare


def apart(before: str, token: str) -> bool:
    """Whether a blank was between two tokens: words in ASCII both, and not two single characters of one word."""
    return _is_word(before) and _is_word(token) and (len(before) > 1 or len(token) > 1)


def _is_word(token: str) -> bool:
    return token.isascii() and any(character.isalnum() for character in token)

"""Hostile values, texts and bytes, and sound ones with something broken in them."""

from __future__ import annotations

import copy
import gzip
import json
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random
from typing import Any

TEXTS = (
    "",
    " ",
    "\n",
    "\0",
    "a\0b",
    "\ufeff",
    "\u2028",
    "\x85",
    "\u202eabc",
    "\ud800",
    "a\udfffb",
    "\U0001f600\U0001f468\u200d\U0001f469",
    "e" + "\u0301" * 200,
    "\x1b[31mred\x1b[0m\x1b]0;title\x07",
    "\r\x1b[2Kgone",
    "[red]markup[/red][/]",
    "::error::annotated",
    "%s %n %(name)s {0} {} {{ 7 * 7 }} {% raw %}",
    "${HOME} $(id) `id` ; id | id",
    "__import__('os').system('id')",
    "<script>alert(1)</script>&lt;",
    "=1+1",
    "@SUM(1)",
    "| a | b |",
    '"',
    "'",
    "\\",
    "../../../../etc/passwd",
    "/dev/null",
    "-",
    "--help",
    "null",
    "NaN",
    "1e999",
    "9" * 5000,
    "１２",
    "华" * 5000,
    "a" * 100_000,
    "[" * 3000,
    '{"a":' * 3000,
)
NUMBERS = (0, -1, 1, 2**31, 2**63, 2**64, -(2**63) - 1, 10**400, 0.0, -0.0, 0.5, 8, 1e308, -1e308, 1e-300)
_NESTS: tuple[Any, ...] = (
    [[]],
    [[1]],
    [[], []],
    [None],
    {"": None},
    {"text": {}},
    {"type": "measured"},
    {"x": {"y": []}},
)
_NOT_NUMBERS = (float("nan"), float("inf"), float("-inf"))
_HUGE, _REPEATED, _DEEP = "\ue000huge", "\ue000repeated", "\ue000deep"  # written raw, since json.dumps has no way to
_RAW = {_HUGE: "9" * 5000, _REPEATED: '{"type": 1, "type": null}', _DEEP: "[" * 5000 + "]" * 5000}
_PIECES = (
    *(
        b"",
        b"\0",
        b"\xff",
        b"\xef\xbb\xbf",
        b'"',
        b"\t",
        b",",
        b";",
        b":",
        b"\r",
        b"\n\n",
        b" ",
        b"#",
        b"-DOCSTART-",
        b"{",
    ),
    *(b"0", b"1", b"-1", b"9" * 5000, "½".encode(), "٣".encode(), "\u2028".encode(), b"[" * 3000),
)
_LITERALS = (
    "nan",
    "-inf",
    "0",
    "-1",
    "1e400",
    "9" * 5000,
    "9223372036854775808",
    "true",
    "[]",
    "{}",
    '""',
    '"\\u0000"',
    '"\\u001B[31m"',
    "[[[[1]]]]",
    '["a", 1]',
    "{ a = 1 }",
    "1979-05-27T07:32:00Z",
    "07:32:00",
    "[" * 2000 + "]" * 2000,
    "'''\n",
    "'5%'",
    "'inf%'",
    "'1e999%'",
    f"'{'9' * 400}%'",
    f"'{'9' * 400}GiB'",
    "'*'",
    "'['",
)


def text(random: Random) -> str:
    """A hostile text, or several."""
    return "".join(random.choice(TEXTS) for _ in range(random.choice((1, 1, 1, 2, 3))))


def value(random: Random, *, deep: bool = True) -> Any:
    """A value of any type that JSON has, and some that it has not."""
    makers: list[Callable[[], Any]] = [
        lambda: None,
        lambda: random.choice((True, False)),
        lambda: random.choice(NUMBERS),
        lambda: random.choice(_NOT_NUMBERS),
        lambda: random.choice(tuple(_RAW)),
        lambda: text(random),
    ]
    if deep:
        makers += [
            lambda: [value(random, deep=False) for _ in range(random.randrange(4))],
            lambda: {text(random): value(random, deep=False) for _ in range(random.randrange(3))},
            lambda: copy.deepcopy(random.choice(_NESTS)),
        ]
    return random.choice(makers)()


def broken(random: Random, sound: Any) -> Any:
    """A copy of a JSON value in which one place, now and then two, is not what it was."""
    changed = copy.deepcopy(sound)
    for _ in range(random.choice((1, 1, 2))):
        changed = _break(random, changed)
    return changed


def as_json(random: Random, data: Any) -> str:
    """A value as JSON, with what only hostile JSON holds: numbers of 5,000 digits, keys twice, a deep nest."""
    written = json.dumps(data, ensure_ascii=random.random() < 0.3)
    for placeholder, raw in _RAW.items():
        for quoted in (json.dumps(placeholder), json.dumps(placeholder, ensure_ascii=False)):
            written = written.replace(quoted, raw)
    return written


def broken_lines(random: Random, sound: Sequence[str]) -> str:
    """JSON Lines in which a line is broken: as a value, or in its place."""
    lines = list(sound)
    at = random.randrange(len(lines))
    kind = random.randrange(8)
    if kind == 0:
        lines.insert(at, random.choice(lines))
    elif kind == 1:
        del lines[at]
    elif kind == 2:
        lines[at] = text(random)
    elif kind == 3:
        random.shuffle(lines)
    else:
        lines[at] = as_json(random, broken(random, json.loads(lines[at])))
    return "\n".join(lines) + "\n"


def broken_values(random: Random, sound: str) -> str:
    """JSON or JSON Lines in which a value or a line is broken."""
    try:
        data = json.loads(sound)
    except ValueError:
        return broken_lines(random, sound.removesuffix("\n").split("\n"))
    return as_json(random, broken(random, data))


def broken_toml(random: Random, sound: str) -> str:
    """TOML in which a line is broken."""
    lines = sound.splitlines()
    at = random.choice([number for number, line in enumerate(lines) if line.strip()])
    key, equals, _ = lines[at].partition("=")
    kind = random.randrange(6)
    if kind <= 2 and equals:
        lines[at] = f"{key}= {random.choice((*_LITERALS, json.dumps(text(random))))}"
    elif kind == 3 and equals:
        lines[at] = f"{json.dumps(text(random))} = {random.choice(_LITERALS)}"
    elif kind == 4:
        del lines[at]
    else:
        lines.insert(at, random.choice((lines[at], text(random), "[[texts]]", "[measure.only]", "[a.b]")))
    return "\n".join(lines) + "\n"


def broken_bytes(random: Random, sound: bytes) -> bytes:
    """A file's bytes, damaged the way disks, editors, exports and enemies do."""
    at, end = sorted((random.randrange(len(sound) + 1), random.randrange(len(sound) + 1)))
    makers: list[Callable[[], bytes]] = [
        lambda: sound[:at],
        lambda: sound[at:],
        lambda: sound[:at] + sound[end:],
        lambda: sound[:at] + sound[at : at + 1].swapcase() + bytes([random.randrange(256)]) + sound[at + 1 :],
        lambda: sound[:at] + random.randbytes(8) + sound[at:],
        lambda: sound[:at] + encoded(text(random)) + sound[at:],
        *[lambda: sound[:at] + random.choice(_PIECES) + sound[at + random.randrange(9) :]] * 4,
        lambda: sound + sound,
        lambda: b"\xef\xbb\xbf" + sound,
        lambda: sound.replace(b"\n", random.choice((b"\r\n", b"\r", b"\n\n", "\u2028".encode(), b"\0\n"))),
        lambda: sound.decode("utf-8", "replace").encode(
            random.choice(("gbk", "utf-16", "utf-32", "shift_jis", "latin-1")), "replace"
        ),
        lambda: gzip.compress(sound),
        lambda: _with_other_number(random, sound),
        lambda: b"",
        lambda: b"\0" * 64,
    ]
    return random.choice(makers)()


def broken_file(random: Random, sound: bytes, change: Callable[[Random, str], str] = broken_values) -> bytes:
    """A file with something broken in what it says, or in its bytes."""
    if random.random() < 0.8:
        with suppress(ValueError, RecursionError):  # it was broken beyond a change of what it says
            return encoded(change(random, sound.decode()))
    return broken_bytes(random, sound)


def encoded(written: str) -> bytes:
    """A text as a file's bytes, lone surrogates too."""
    return written.encode("utf-8", "surrogatepass")


def _with_other_number(random: Random, sound: bytes) -> bytes:
    found = list(re.finditer(rb"-?\d+(\.\d+)?", sound))
    if not found:
        return sound
    one = random.choice(found)
    other = random.choice((b"-1", b"0", b"1e999", b"NaN", b"9" * 5000, b"18446744073709551616", b"[]", b'"1"', b"1.5"))
    return sound[: one.start()] + other + sound[one.end() :]


def _break(random: Random, data: Any) -> Any:
    """Walk down to a random place and change what is there."""
    below = list(data) if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()
    if not below or random.random() < 0.1:
        return value(random)
    at = random.choice(list(below))
    kind = random.randrange(8)
    if kind == 0 and isinstance(data, dict):
        del data[at]
    elif kind == 1 and isinstance(data, dict):
        data[text(random)] = data.pop(at)
    elif kind == 1 and isinstance(data, list):
        data.insert(at, copy.deepcopy(data[at]))
    else:
        data[at] = _break(random, data[at])
    return data

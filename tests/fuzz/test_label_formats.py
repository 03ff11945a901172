"""Files of annotation tools, broken in every way: what is wrong is named, and never ends in a traceback."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.data.check import check
from harness.data.files import read_file
from harness.data.formats.document import Document
from harness.data.formats.find import WritableFormat, find_formats
from harness.data.formats.told import Remark
from harness.data.texts import read_texts
from harness.errors import InputError

SAMPLES = Path(__file__).parents[1] / "data"
TIMES = int(os.environ.get("UIEBENCH_FUZZ", "1"))
INPUTS = 40 * TIMES  # of each file

FILES = {
    "label_studio.json": "label_studio",
    "label_studio_relations.json": "label_studio",
    "label_studio_min.json": "label_studio",
    "doccano.jsonl": "doccano",
    "doccano_relations.jsonl": "doccano",
    "cluener.json": "cluener",
    "brat": "brat",
    "brat_relations": "brat",
}
ODD: list[Any] = [
    None, True, 0, -1, 1.5, 10**400, float("nan"), float("inf"), "", "\0", "📱", "\x1b[31m", "x" * 5000, [], {}, [[]],
    [None], {"": None}, {"text": {}}, [0, 1, "地"], [1, 0], [0, 0, 0],
]  # fmt: skip
WORDS = [
    "\ud800", "[" * 3000, "{", "\0", "\r\n", "\u2028", "\ufeff", "NaN", "1e999", '"', "9" * 5000, "\t", ";", ":", "E1",
    "R1\t", "T1\t", "-", "📱",
]  # fmt: skip
FIELDS = ["", "0", "-1", "99", "9" * 5000, "0 1 2", "0;1", "½", "٣", "T1", "E1", " ", "\t", "\n"]
ENCODINGS = ["gb18030", "utf-16", "utf-16-le", "big5", "utf-8-sig"]


def change_value(chance: random.Random, value: Any) -> Any:
    """A JSON value with one place in it changed."""
    if isinstance(value, dict) and value and chance.random() < 0.8:
        key = chance.choice(list(value))
        if chance.random() < 0.15:
            return {other: one for other, one in value.items() if other != key}
        return {**value, key: change_value(chance, value[key])}
    if isinstance(value, list) and value and chance.random() < 0.8:
        place = chance.randrange(len(value))
        return [*value[:place], change_value(chance, value[place]), *value[place + chance.randint(0, 1) :]]
    if isinstance(value, int) and chance.random() < 0.5:
        return value + chance.randint(-3, 3)
    return chance.choice(ODD)


def change_text(chance: random.Random, text: str) -> bytes:
    """The bytes of a text with something cut, put in, or encoded otherwise."""
    place = chance.randrange(len(text) + 1)
    match chance.randrange(6):
        case 0:
            return text[:place].encode()
        case 1:
            return (text[:place] + chance.choice(WORDS) + text[place:]).encode(errors="surrogatepass")
        case 2:
            return text.encode(chance.choice(ENCODINGS), errors="replace")
        case 3:
            return (text[:place] + text[place + chance.randint(1, 9) :]).encode()
        case 4:
            parts = re.split(r"(\s)", text)
            parts[chance.randrange(len(parts))] = chance.choice(FIELDS)
            return "".join(parts).encode()
    data = bytearray(text.encode())
    data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data)


def break_json(chance: random.Random, path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if chance.random() < 0.5:
        path.write_bytes(change_text(chance, text))
    elif text.startswith("["):
        path.write_text(json.dumps(change_value(chance, json.loads(text)), ensure_ascii=False), encoding="utf-8")
    else:
        lines = [json.dumps(change_value(chance, json.loads(line)), ensure_ascii=False) for line in text.splitlines()]
        path.write_text("\n".join(lines), encoding="utf-8")


def break_folder(chance: random.Random, path: Path) -> None:
    file = chance.choice(sorted(path.iterdir()))
    if chance.random() < 0.8:
        file.write_bytes(change_text(chance, file.read_text(encoding="utf-8")))
    else:
        file.unlink()
        if chance.random() < 0.5:
            file.mkdir()


def outcome(read: Callable[[], int]) -> int | str:
    """How many texts there are and have gold, or the error that says why there are none."""
    try:
        return read()
    except InputError as error:
        return str(error)


@pytest.mark.parametrize("name", FILES)
def test_a_broken_file_is_named_and_all_commands_see_the_same_in_it(name: str, tmp_path: Path) -> None:
    said = 0
    for seed in range(INPUTS):
        chance = random.Random(f"{name} {seed}")
        path = tmp_path / f"{seed}{Path(name).suffix}"
        (shutil.copytree if (SAMPLES / name).is_dir() else shutil.copy)(SAMPLES / name, path)
        for _ in range(chance.randint(1, 3)):
            try:
                (break_folder if path.is_dir() else break_json)(chance, path)
            except (ValueError, OSError, IndexError, RecursionError):
                break  # it was broken beyond further change
        schema = chance.choice([None, {"产品": None, "公司": {"总部": None}}])
        said += hold(path, FILES[name], schema, tmp_path / "out")
    assert said > INPUTS // 4


def hold(path: Path, format_: str, schema: Any, out: Path) -> bool:
    """Read, check and write a file; whether anything was said of it."""
    told: list[str] = []
    looked = outcome(lambda: counted(path, format_, schema, lambda _, said: told.append(said)))
    warned: list[str] = []
    texts = read_texts(str(path), warned.append, format_name=format_, schema=schema)
    read = outcome(lambda: golds([one.gold for one in texts]))
    assert looked == read, path
    assert bool(told) == bool(warned), path
    if isinstance(looked, str):
        return True
    examples = list(read_file(path, lambda _, __: None, format_, schema))
    for name, one in find_formats().items():
        if isinstance(one, WritableFormat):
            documents = [
                Document(example.id, example.text, example.gold, line, dict(example.schema))
                for line, example in enumerate(examples, 1)
            ]
            target = out / f"{path.name} {name}"
            target.parent.mkdir(exist_ok=True)
            try:
                one.write(documents, target, lambda _, __: None)
            except InputError:
                continue
            if name == "native" and examples:
                assert check(target, fails).problems == 0
    return bool(told)


def counted(path: Path, format_: str, schema: Any, tell: Callable[[int, str], None]) -> int:
    found = check(path, tell, format_, schema)
    return len(found.lengths) * 1000 + found.annotated


def golds(found: list[Any]) -> int:
    return len(found) * 1000 + sum(one is not None for one in found)


def fails(line: int, said: str) -> None:
    if not isinstance(said, Remark):
        pytest.fail(f"line {line}: {said}")

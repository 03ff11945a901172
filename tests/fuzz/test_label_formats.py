"""Files of annotation tools, broken in every way: what is wrong is named, and never ends in a traceback."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from fuzzing import FACTOR, Fuzz
from mutations import broken_file

from harness.data.check import check
from harness.data.files import read_file
from harness.data.formats.document import Document
from harness.data.formats.find import WritableFormat, find_formats
from harness.data.formats.told import Remark
from harness.data.texts import read_texts
from harness.errors import InputError

SAMPLES = Path(__file__).parents[1] / "data"
INPUTS = 50  # of each file

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
FIELDS = (
    b"",
    b"0",
    b"-1",
    b"99",
    b"9" * 5000,
    b"0 1 2",
    b"0;1",
    "½".encode(),
    "٣".encode(),
    b"T1",
    b"E1",
    b" ",
    b"\t",
    b";",
)
SCHEMAS: tuple[Schema, ...] = (None, {"产品": None, "公司": {"总部": None}})
NAME = ""  # of a file that is not in a folder

Files = dict[str, bytes | None]  # None where there is a folder instead
Schema = dict[str, Any] | None


def odd_field(random: Random, sound: bytes) -> bytes:
    """One of the words or of the spaces between them is another."""
    parts = re.split(rb"(\s)", sound)
    parts[random.randrange(len(parts))] = random.choice(FIELDS)
    return b"".join(parts)


def odd_numbers(random: Random, sound: bytes) -> bytes:
    """Some of the numbers, most of which are offsets, are near what they were."""

    def near(found: re.Match[bytes]) -> bytes:
        return b"%d" % (int(found[0]) + random.randint(-4, 4)) if random.random() < 0.2 else found[0]

    return re.sub(rb"\b\d{1,4}\b", near, sound)


def odd_files(random: Random, files: Files) -> Files:
    """One of the files is broken, now and then gone."""
    if not files:
        return files
    name = random.choice(sorted(files))
    content = files[name] or b""
    if name != NAME and random.random() < 0.2:
        return {other: one for other, one in files.items() if other != name} | random.choice(({}, {name: None}))
    return {**files, name: random.choice((odd_field, odd_numbers, broken_file, broken_file))(random, content)}


def sound_files(path: Path) -> Files:
    return {one.name: one.read_bytes() for one in path.iterdir()} if path.is_dir() else {NAME: path.read_bytes()}


def write(files: Files, path: Path) -> None:
    if NAME not in files:
        path.mkdir()
    for name, content in files.items():
        if content is None:
            (path / name).mkdir()
        else:
            (path / name).write_bytes(content)


def outcome(read: Callable[[], int]) -> int | str:
    """How many texts there are and have gold, or the error that says why there are none."""
    try:
        return read()
    except InputError as error:
        return str(error)


@pytest.mark.parametrize("name", FILES)
def test_a_broken_file_is_named_and_all_commands_see_the_same_in_it(name: str, fuzz: Fuzz, tmp_path: Path) -> None:
    sound = sound_files(SAMPLES / name)
    place = tmp_path / "place"
    said = []

    def make(random: Random) -> tuple[Files, Schema]:
        files = sound
        for _ in range(random.randint(1, 3)):
            files = odd_files(random, files)
        return files, random.choice(SCHEMAS)

    def call(given: tuple[Files, Schema]) -> None:
        files, schema = given
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        path = place / f"broken{Path(name).suffix}"
        write(files, path)
        said.append(hold(path, FILES[name], schema, place / "out"))

    fuzz(INPUTS, make, call, refusal=())
    assert sum(said) > INPUTS * FACTOR // 4


def hold(path: Path, format_: str, schema: Schema, out: Path) -> bool:
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
    documents = [
        Document(example.id, example.text, example.gold, line, dict(example.schema))
        for line, example in enumerate(examples, 1)
    ]
    for name, one in find_formats().items():
        if isinstance(one, WritableFormat):
            target = out / f"{path.name} {name}"
            target.parent.mkdir(exist_ok=True)
            try:
                one.write(documents, target, lambda _, __: None)
            except InputError:
                continue
            if name == "native" and examples:
                assert check(target, fails, name).problems == 0
    return bool(told)


def counted(path: Path, format_: str, schema: Schema, tell: Callable[[int, str], None]) -> int:
    found = check(path, tell, format_, schema)
    return len(found.lengths) * 1000 + found.annotated


def golds(found: list[Any]) -> int:
    return len(found) * 1000 + sum(one is not None for one in found)


def fails(line: int, said: str) -> None:
    assert isinstance(said, Remark), f"line {line}: {said}"

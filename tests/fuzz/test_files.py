"""Whole commands on files of every kind in which something is broken."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from fuzzing import Fuzz
from in_process import ROOT, ends_well
from mutations import broken_bytes, broken_file, broken_toml
from sound_files import write_sound

from harness.embedded.cache import VARIABLE

DATA = ROOT / "tests" / "data"
RUN = (
    "report run --format csv",
    "report run --format json --no-texts",
    "report run --format bencher",
    "report run --format action-benchmark",
    "report run --format pytest-benchmark",
    "compare run sound",
    "compare sound run --format json --absolute",
    "recommend run --max-p95 1s --min-f1-delta -0.1",
    "baseline update new.jsonl --run run",
)
CHARTS = ("chart run --kind ratio", "chart run --kind pareto", "chart run --kind load -o a.svg", "report run")
SUITE = ("run suite.toml --dry-run", "gate --rules of_suite.toml --against baseline.jsonl --dry-run")
RULES = ("gate --rules rules.toml --against baseline.jsonl --dry-run", "baseline update a.jsonl --rules rules.toml")
BASELINE = (
    "baseline show baseline.jsonl",
    "baseline diff baseline.jsonl sound.jsonl",
    "gate --rules rules.toml --against baseline.jsonl --dry-run",
)
TEXTS = (
    "data check FILE",
    "data check FILE --fix fixed.jsonl",
    "data check FILE --convert doccano out.jsonl",
    "data check FILE --convert conll out.conll --schema schema.json",
    "data check FILE --convert label_studio out.json",
    "evaluate --data FILE --checkpoint golden --errors",
    "doctor --data FILE --checkpoint no",
    "run of_texts.toml --dry-run",
)
LINES = ("extract --input FILE --output out.jsonl --checkpoint golden", "extract --input FILE --checkpoint golden")
SCHEMA = (
    "extract 支持卫星通话 --schema FILE --checkpoint golden",
    "data check sound.json --schema FILE",
    "extract --input texts.jsonl --schema FILE --checkpoint golden",
)
COMBINATION = (
    "extract 支持卫星通话 --schema schema.json --with combination.toml",
    "run suite.toml --with combination.toml --dry-run",
)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory, golden: Path) -> Path:
    """A directory with one sound file of each kind, and others that name them."""
    directory = tmp_path_factory.mktemp("files")
    write_sound(directory, golden)
    shutil.copytree(directory / "run", directory / "sound")
    shutil.copy(directory / "baseline.jsonl", directory / "sound.jsonl")
    shutil.copy(DATA / "cluener.json", directory / "sound.json")
    (directory / "of_suite.toml").write_text('suite = "suite.toml"\n[[rule]]\nmetric = "parity"\n')
    return directory


@pytest.fixture
def place(sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, of which a test breaks one file after the other."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    shutil.copytree(sound, tmp_path / "place", symlinks=True)
    return tmp_path / "place"


def whole(command: str, cwd: Path, file: str = "") -> None:
    ends_well([part.replace("FILE", file) for part in command.split()], cwd)


def of(commands: tuple[str, ...], damaged: Callable[[Random], bytes]) -> Callable[[Random], tuple[str, bytes]]:
    """One of the commands, and the bytes of the file that it meets."""
    return lambda random: (random.choice(commands), damaged(random))


def as_json(file: Path) -> Callable[[Random], bytes]:
    """A file of JSON or JSON Lines, broken."""
    sound = file.read_bytes()
    return lambda random: broken_file(random, sound)


def as_toml(file: Path) -> Callable[[Random], bytes]:
    sound = file.read_bytes()
    return lambda random: broken_file(random, sound, broken_toml)


@pytest.mark.parametrize(("commands", "count"), [(RUN, 25), (CHARTS, 2)], ids=["figures", "charts"])
def test_the_records_of_a_run(commands: tuple[str, ...], count: int, fuzz: Fuzz, place: Path) -> None:
    def call(given: tuple[str, bytes]) -> None:
        command, content = given
        (place / "run" / "records.jsonl").write_bytes(content)
        whole(command, place)

    fuzz(count, of(commands, as_json(place / "run" / "records.jsonl")), call)


@pytest.mark.parametrize(
    ("file", "commands", "count"),
    [
        ("suite.toml", SUITE, 15),
        ("rules.toml", RULES, 15),
        ("combination.toml", COMBINATION, 10),
        ("run/suite.toml", ("report run --format json", "recommend run"), 5),
    ],
)
def test_a_toml_file(file: str, commands: tuple[str, ...], count: int, fuzz: Fuzz, place: Path) -> None:
    def call(given: tuple[str, bytes]) -> None:
        command, content = given
        (place / file).write_bytes(content)
        whole(f"{command} --dry-run" if command.startswith("baseline") else command, place)

    fuzz(count, of(commands, as_toml(place / file)), call)


@pytest.mark.parametrize(
    ("file", "commands", "count"),
    [("baseline.jsonl", BASELINE, 15), ("run/reference.jsonl", ("baseline update new.jsonl --run run",), 10)],
)
def test_a_baseline_or_what_it_is_made_from(
    file: str, commands: tuple[str, ...], count: int, fuzz: Fuzz, place: Path
) -> None:
    def call(given: tuple[str, bytes]) -> None:
        command, content = given
        (place / file).write_bytes(content)
        whole(command, place)

    fuzz(count, of(commands, as_json(place / file)), call)


@pytest.mark.parametrize(
    ("name", "damaged"),
    [
        ("native.jsonl", as_json(DATA / "native.jsonl")),
        ("doccano.jsonl", as_json(DATA / "doccano.jsonl")),
        ("cluener.json", as_json(DATA / "cluener.json")),
        ("duee.json", as_json(DATA / "duee.json")),
        ("duie.json", as_json(DATA / "duie.json")),
        ("label_studio.json", as_json(DATA / "label_studio.json")),
        ("conll.bmes", lambda random: broken_bytes(random, (DATA / "conll.bmes").read_bytes())),
        ("table.csv", lambda random: broken_bytes(random, 'id,text\n1,"屏幕清楚,续航"\n2,一般\n'.encode())),
        ("plain.txt", lambda random: broken_bytes(random, "屏幕清楚\n续航一般\n".encode())),
    ],
)
def test_texts_of_any_format(name: str, damaged: Callable[[Random], bytes], fuzz: Fuzz, place: Path) -> None:
    (place / "of_texts.toml").write_text(f'[texts]\ndatasets = ["{name}"]\n')
    commands = (*TEXTS, *LINES) if name == "native.jsonl" else TEXTS

    def call(given: tuple[str, bytes]) -> None:
        command, content = given
        (place / name).write_bytes(content)
        whole(command, place, name)

    fuzz(10, of(commands, damaged), call)


def test_a_folder_of_brat(fuzz: Fuzz, place: Path) -> None:
    shutil.copytree(DATA / "brat", place / "brat")
    (place / "of_texts.toml").write_text('[texts]\ndatasets = ["brat"]\n')

    def damaged(random: Random) -> tuple[str, str, bytes]:
        suffix = random.choice((".ann", ".ann", ".txt"))
        return (
            random.choice(TEXTS),
            f"clause{suffix}",
            broken_bytes(random, (DATA / "brat" / f"clause{suffix}").read_bytes()),
        )

    def call(given: tuple[str, str, bytes]) -> None:
        command, file, content = given
        shutil.copytree(DATA / "brat", place / "brat", dirs_exist_ok=True)
        (place / "brat" / file).write_bytes(content)
        whole(command, place, "brat")

    fuzz(10, damaged, call)


def test_a_schema_file(fuzz: Fuzz, place: Path) -> None:
    def call(given: tuple[str, bytes]) -> None:
        command, content = given
        (place / "asked.json").write_bytes(content)
        whole(command, place, "asked.json")

    fuzz(12, of(SCHEMA, as_json(place / "schema.json")), call)


@pytest.mark.parametrize("file", ["config.json", "configuration.json", "vocab.txt", "pytorch_model.bin"])
def test_a_checkpoint_directory(file: str, fuzz: Fuzz, place: Path, golden: Path) -> None:
    (place / "golden").unlink()
    shutil.copytree(golden, place / "golden")
    commands = ("extract 支持卫星通话 --schema schema.json --checkpoint golden", "evaluate --checkpoint golden")
    sound = (golden / file).read_bytes()
    damaged = as_json(golden / file) if file.endswith(".json") else lambda random: broken_bytes(random, sound)

    def call(given: tuple[str, bytes]) -> None:
        command, content = given
        (place / "golden" / file).write_bytes(content)
        whole(command.replace("evaluate", "evaluate --data texts.jsonl"), place)

    fuzz(4, of(commands, damaged), call)

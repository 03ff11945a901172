"""What a file, an argument or a directory holds is data: nothing in it is run."""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from fuzzing import Fuzz
from in_process import ends_well
from mutations import encoded
from sound_files import write_sound

from harness.embedded.cache import VARIABLE

CANARY = "canary"
TRAPS = ("queue", "random", "json", "torch", "numpy", "optimizations", "sitecustomize", "usercustomize")
FILES = (
    ("run/records.jsonl", "report run --format csv"),
    ("run/suite.toml", "report run --format json"),
    ("suite.toml", "run suite.toml --dry-run"),
    ("rules.toml", "gate --rules rules.toml --against baseline.jsonl --dry-run"),
    ("baseline.jsonl", "baseline show baseline.jsonl"),
    ("combination.toml", "extract 文 --schema schema.json --with combination.toml"),
    ("schema.json", "extract 文 --schema schema.json --checkpoint golden"),
    ("texts.jsonl", "data check texts.jsonl --fix fixed.jsonl"),
    ("texts.jsonl", "data check texts.jsonl --convert label_studio out.json"),
    ("texts.jsonl", "evaluate --data texts.jsonl --checkpoint golden --errors"),
    ("texts.jsonl", "extract --input texts.jsonl --output out.jsonl --checkpoint golden"),
    ("golden/config.json", "extract 文 --schema schema.json --checkpoint golden"),
    ("golden/configuration.json", "extract 文 --schema schema.json --checkpoint golden"),
    ("golden/vocab.txt", "extract 文 --schema schema.json --checkpoint golden"),
)
ARGUMENTS = (
    ("extract", "X", "--schema", '{"功能": null}', "--checkpoint", "golden"),
    ("extract", "文", "--schema", "X"),
    ("extract", "文", "--schema", '{"功能": null}', "--with", "X"),
    ("extract", "文", "--schema", '{"功能": null}', "--device", "X"),
    ("extract", "文", "--schema", '{"功能": null}', "--checkpoint", "X"),
    ("run", "X", "--dry-run"),
    ("run", "gate", "--with", "X", "--dry-run"),
    ("run", "gate", "--only", "X", "--dry-run"),
    ("gate", "--against-ref", "X", "--dry-run"),
    ("gate", "--against", "X", "--dry-run"),
    ("data", "check", "X"),
    ("data", "check", "texts.jsonl", "--format", "X"),
    ("chart", "run", "--kind", "X"),
    ("recommend", "run", "--max-p95", "X"),
)


class Bomb:
    """Unpickling it runs something."""

    def __init__(self, canary: Path, how: int) -> None:
        self.canary, self.how = canary, how

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        touch = f"touch {self.canary}"
        ways: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
            (os.system, (touch,)),
            (eval, (f"open({str(self.canary)!r}, 'w')",)),
            (Path.touch, (self.canary,)),
            (subprocess.getoutput, (touch,)),
        ]
        return ways[self.how]


@pytest.fixture
def place(tmp_path: Path, golden: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with one sound file of each kind; whoever asks on the terminal is told yes."""
    directory = tmp_path / "place"
    directory.mkdir()
    write_sound(directory, golden)
    (directory / "golden").unlink()
    shutil.copytree(golden, directory / "golden")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n" * 100))
    return directory


def payloads(canary: Path) -> tuple[str, ...]:
    """What shells, templates, spreadsheets, YAML, Python and git would run."""
    touch, call = f"touch {canary}", f"__import__('os').system('touch {canary}')"
    return (
        f"$({touch})",
        f"`{touch}`",
        f"; {touch} ;",
        f"| {touch}",
        f"\n{touch}\n",
        call,
        f"{{{{ {call} }}}}",
        f"{{{{ cycler.__init__.__globals__.os.popen('{touch}').read() }}}}",
        f"{{% for x in [{call}] %}}{{% endfor %}}",
        f"{{0.__class__.__init__.__globals__[{call}]}}",
        f"%({call})s",
        f"=cmd|' /C {touch}'!A0",
        f"!!python/object/apply:os.system ['{touch}']",
        f"--upload-pack={touch}",
        f"--output={canary}",
        f"ext::sh -c {touch}",
        f"@{canary}",
        f"<script>{touch}</script>",
        f"batching:{call}",
        f"batching(tokens={call})",
    )


def test_no_pickle_of_weights(fuzz: Fuzz, place: Path) -> None:
    canary = place / CANARY
    sound = torch.load(place / "golden" / "pytorch_model.bin", weights_only=True)

    def make(random: Random) -> tuple[bytes, str]:
        bomb = Bomb(canary, random.randrange(4))
        data = random.choice((bomb, {**sound, "bomb": bomb}, {bomb: 1}, [bomb], {"state_dict": bomb}))
        written = io.BytesIO()
        kind = random.randrange(3)
        if kind == 0:
            written.write(pickle.dumps(data, protocol=random.randrange(6)))
        else:
            torch.save(data, written, _use_new_zipfile_serialization=kind == 1)
        return written.getvalue(), random.choice(("", " --with lean_startup", " --with torchscript"))

    def call(given: tuple[bytes, str]) -> None:
        content, more = given
        (place / "golden" / "pytorch_model.bin").write_bytes(content)
        ends_well(f"extract 文 --schema schema.json --checkpoint golden{more}".split(), place)
        assert not canary.exists()

    fuzz(6, make, call)


def test_no_class_that_a_checkpoint_brings(fuzz: Fuzz, place: Path) -> None:
    canary = place / CANARY
    (place / "golden" / "mine.py").write_text(f"open({str(canary)!r}, 'w')\nclass Mine: pass\n")
    config = json.loads((place / "golden" / "config.json").read_text(encoding="utf-8"))

    def make(random: Random) -> tuple[str, dict[str, Any]]:
        names = ("AutoConfig", "AutoTokenizer", "AutoModel", "AutoModelForTokenClassification")
        added: dict[str, Any] = {"auto_map": {name: random.choice(("mine.Mine", ["mine.Mine"] * 2)) for name in names}}
        if random.random() < 0.5:
            added |= {"model_type": random.choice(("mine", "", "bert")), "tokenizer_class": "Mine"}
        return random.choice(("config.json", "tokenizer_config.json", "configuration.json")), {**config, **added}

    def call(given: tuple[str, dict[str, Any]]) -> None:
        file, content = given
        before = (place / "golden" / file).read_bytes() if (place / "golden" / file).exists() else b"{}"
        (place / "golden" / file).write_text(json.dumps(content), encoding="utf-8")
        ends_well(["extract", "文", "--schema", "schema.json", "--checkpoint", "golden"], place)
        (place / "golden" / file).write_bytes(before)
        assert not canary.exists()

    fuzz(6, make, call)


def test_nothing_that_a_file_holds(fuzz: Fuzz, place: Path) -> None:
    canary = place / CANARY

    def make(random: Random) -> tuple[str, str, bytes]:
        file, command = random.choice(FILES)
        sound = (place / file).read_bytes()
        if random.random() < 0.1:
            return file, command, pickle.dumps(Bomb(canary, random.randrange(4)))
        payload = json.dumps(random.choice(payloads(canary)), ensure_ascii=False)[1:-1].encode()
        strings = [at for at in range(len(sound)) if sound[at : at + 1] == b'"']
        at = 1 + random.choice(strings) if strings else random.randrange(len(sound) + 1)
        return file, command, sound[:at] + payload + sound[at:]

    def call(given: tuple[str, str, bytes]) -> None:
        file, command, content = given
        before = (place / file).read_bytes()
        (place / file).write_bytes(content)
        try:
            ends_well(command.split(), place)
        finally:
            (place / file).write_bytes(before)
        assert not canary.exists()

    fuzz(20, make, call)


def test_nothing_that_an_argument_says(fuzz: Fuzz, place: Path) -> None:
    canary = place / CANARY

    def make(random: Random) -> list[str]:
        payload = random.choice(payloads(canary))
        return [payload if part == "X" else part for part in random.choice(ARGUMENTS)]

    def call(given: list[str]) -> None:
        ends_well(given, place)
        assert not canary.exists()

    fuzz(20, make, call)


@pytest.mark.parametrize("start", [[str(Path(sys.executable).parent / "uiebench")], [sys.executable, "-m", "harness"]])
def test_no_module_in_the_working_directory(start: list[str], place: Path) -> None:
    for name in TRAPS:
        (place / f"{name}.py").write_bytes(encoded(f"open({str(place / CANARY)!r}, 'w')\n"))
    done = subprocess.run([*start, "data", "check", "texts.jsonl"], cwd=place, capture_output=True, text=True)
    assert not (place / CANARY).exists()
    assert done.returncode == 0, done

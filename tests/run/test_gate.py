"""Gates on a repository of this very code: what changed in the working tree is found, named, and left alone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SUITE = """
[combinations]
design = "explicit"
include = ["batching", "flash_attention"]
[texts]
datasets = ["texts.jsonl"]
[measure]
scenarios = ["single_stream"]
passes = 2
"""
TEXTS = """{"id": "phone", "text": "这款手机售价2999元，屏幕清晰。", "schema": {"价格": null}}
{"id": "ears", "text": "售价三百元的耳机今天上市。", "schema": {"价格": null}}
"""
RULES = """
suite = "own.toml"
[[rule]]
metric = "parity"
[[rule]]
metric = "peak_rss_bytes"
max_increase = "40MiB"
"""
TOKENIZE = "harness/baseline/tokenize.py"
PLUGIN = "optimizations/flash_attention.py"
WORDPIECE = """    def text(self, text: str) -> TokenizedText:
        \"\"\"Tokenize a whole text, however long.\"\"\"
        encoding = self.backend.encode(text)
"""
OFFSETS = "np.asarray(encoding.offsets, dtype=np.int64).reshape(-1, 2)"


def git(directory: Path, *arguments: str) -> str:
    names = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    command = ["git", "-C", str(directory), *names, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory, light_start: Path) -> Path:
    """This code with a small suite, as a commit."""
    found = tmp_path_factory.mktemp("gate") / "repository"
    for room in ("harness", "optimizations"):
        shutil.copytree(ROOT / room, found / room, ignore=shutil.ignore_patterns("__pycache__", "grammars"))
    for name, text in (
        ("own.toml", SUITE),
        ("texts.jsonl", TEXTS),
        ("uiebench-gate.toml", RULES),
        (".gitignore", "runs/\n__pycache__/\n"),
    ):
        (found / name).write_text(text, encoding="utf-8")
    git(found, "init", "--quiet", "--initial-branch=main")
    git(found, "add", ".")
    git(found, "commit", "--quiet", "--message=all")
    return found


@pytest.fixture
def repository(committed: Path) -> Iterator[Path]:
    """As it was committed, and again afterwards; no checkout of a gate may be left."""
    yield committed
    git(committed, "checkout", "--quiet", "--force", "HEAD")
    git(committed, "clean", "--quiet", "--force", "-d", "-x")
    assert worktrees(committed) == 1


def worktrees(repository: Path) -> int:
    return git(repository, "worktree", "list").count("\n")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "harness", "gate", "--against-ref", "HEAD", *arguments]


def environment(repository: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": f"{repository}{os.pathsep}{os.environ['PYTHONPATH']}"}


def gate(repository: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(), capture_output=True, text=True, check=False, cwd=repository, env=environment(repository)
    )


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def broken(plugin: str) -> str:
    """The code of an optimization with an error behind its docstring."""
    start = plugin.index('"""', plugin.index('"""', plugin.index("def flash_attention(")) + 3) + 4
    return plugin[:start] + '    raise ValueError("planted")\n' + plugin[start:]


def test_what_is_unchanged_or_mended_passes_and_the_tree_stays_as_it_is(repository: Path) -> None:
    plugin = repository / PLUGIN
    text = plugin.read_text(encoding="utf-8")
    plugin.write_text(broken(text), encoding="utf-8")
    edit(repository / "own.toml", '"batching", ', "")
    git(repository, "commit", "--quiet", "--all", "--message=broken")
    plugin.write_text(text, encoding="utf-8")
    edit(repository / ".gitignore", "runs/", "runs/\nother/")
    (repository / "mine.txt").write_text("not in git")
    before = git(repository, "status", "--porcelain"), git(repository, "diff")
    done = gate(repository)
    after = git(repository, "status", "--porcelain"), git(repository, "diff")
    git(repository, "reset", "--quiet", "--hard", "HEAD~1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pass (1 skipped, 4 pass)" in done.stdout
    (skipped,) = [line for line in done.stdout.splitlines() if line.startswith("skip  cells")]
    assert "flash_attention" in skipped
    assert "failed there" in skipped
    assert "planted" in skipped
    assert after == before


def test_a_wrong_span_memory_a_renamed_combination_and_a_broken_one_are_found_and_named(repository: Path) -> None:
    edit(repository / TOKENIZE, OFFSETS, f"{OFFSETS} + (1 if text.startswith('这款') else 0)")
    edit(repository / TOKENIZE, WORDPIECE, WORDPIECE + "        _KEPT.append(bytearray(b'1' * (16 << 20)))\n")
    edit(repository / TOKENIZE, "class TextTokenizer", "_KEPT: list[bytearray] = []\n\n\nclass TextTokenizer")
    edit(repository / "own.toml", '"batching"', '"dynamic_truncation"')
    plugin = repository / PLUGIN
    plugin.write_text(broken(plugin.read_text(encoding="utf-8")), encoding="utf-8")
    done = gate(repository)
    assert done.returncode == 1, done.stdout + done.stderr
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAIL")]
    assert any("parity" in line and "other answers on 1 text: texts:phone" in line for line in failed), failed
    assert any("peak_rss_bytes" in line and "  stock" in line for line in failed), failed
    gone, breaks = sorted((line for line in failed if "cells" in line), key=lambda line: "planted" in line)
    assert "batching" in gone
    assert "New here: dynamic_truncation. Was it renamed?" in gone
    assert "flash_attention" in breaks
    assert "planted" in breaks
    (new,) = [line for line in done.stdout.splitlines() if line.split(" has ")[0].count(" dynamic_truncation ")]
    assert new.startswith("skip  cells")
    assert "not measured" in new


def test_a_killed_gate_leaves_no_checkout(repository: Path) -> None:
    running = subprocess.Popen(
        command(), cwd=repository, env=environment(repository), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wait_until(lambda: worktrees(repository) == 2)
    (checkout,) = [
        Path(line.split()[1])
        for line in git(repository, "worktree", "list", "--porcelain").splitlines()
        if line.startswith("worktree ") and "uiebench-gate-" in line
    ]
    running.send_signal(signal.SIGKILL)
    running.wait()
    wait_until(lambda: worktrees(repository) == 1 and not checkout.parent.exists())


def wait_until(condition: object, seconds: float = 60.0) -> None:
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)

"""The plugin for pytest, in somebody's own repository."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_no_torch import heavy_after

SUITE = """
[combinations]
design = "explicit"
[texts]
datasets = ["business/test"]
ids = ["business/test:products-012"]
[measure]
scenarios = ["single_stream"]
passes = 2
"""
PLUGIN = """
import os, time
from dataclasses import dataclass, replace
from harness.plugin import Evidence, Stage, optimization

@dataclass(frozen=True)
class Waiting:
    inner: object
    def text(self, text):
        time.sleep(float(os.environ.get("WAIT_S", 0)))
        return self.inner.text(text)
    def prompt(self, prompt):
        return self.inner.prompt(prompt)

def waits(probe):
    return Evidence("waiting", active=isinstance(probe.extractor.tokenizer, Waiting), summary="it may wait")

@optimization(Stage.GRAPH, exact=True, evidence=waits)
def waiting(extractor):
    "Waits before each text."
    return replace(extractor, tokenizer=Waiting(extractor.tokenizer))

@optimization(Stage.GRAPH, exact=True, evidence=waits, requires=["no-such-distribution"])
def nowhere(extractor):
    "Cannot run."
    return extractor
"""
TESTS = """
import pytest

pytestmark = pytest.mark.uiebench(suite="own.toml", plugins=("mine.py",))
TEXT, SCHEMA = "华为Mate60 Pro支持卫星通话", {"产品名称": None}

@pytest.mark.uiebench(combination="waiting+dynamic_truncation")
def test_cell(uiebench_cell):
    assert uiebench_cell.combination == "dynamic_truncation+waiting"
    assert uiebench_cell.texts == 1
    assert not uiebench_cell.broken
    assert 0 < uiebench_cell.latency.to_stock.low < uiebench_cell.latency.to_stock.high
    assert uiebench_cell.memory.rss_serving_peak_bytes > 100 << 20

@pytest.mark.uiebench("waiting+dynamic_truncation")
def test_speed(benchmark, extractor):
    assert benchmark(extractor.extract, TEXT, SCHEMA)

@pytest.mark.uiebench("baseline", rouds=3)
def test_wrong_argument(uiebench_cell):
    pass

@pytest.mark.uiebench("batchin")
def test_wrong_name(extractor):
    pass

def test_no_combination(extractor):
    pass

@pytest.mark.uiebench("nowhere", plugins=("mine.py",))
def test_cannot_run(uiebench_cell):
    pass

@pytest.mark.uiebench("nowhere", plugins=("mine.py",), allow_skipped=True)
def test_may_be_skipped(uiebench_cell):
    pass

@pytest.mark.uiebench("stock", suite="starts.toml")
def test_nothing_is_compared(uiebench_cell):
    assert not uiebench_cell.broken
"""
STARTS = SUITE.replace("single_stream", "cold_start")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory, light_start: Path) -> Path:
    found = tmp_path_factory.mktemp("repository")
    for name, text in (("own.toml", SUITE), ("starts.toml", STARTS), ("mine.py", PLUGIN), ("test_theirs.py", TESTS)):
        (found / name).write_text(text, encoding="utf-8")
    return found


def run(repository: Path, *arguments: str, wait_s: str = "0") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--strict-markers", "-W", "error", *arguments]
    outer = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=repository, env={**outer, "WAIT_S": wait_s}
    )


def test_the_fixtures_measure_load_and_name_what_is_wrong(repository: Path) -> None:
    done = run(repository, "--benchmark-disable")
    assert "2 passed, 1 skipped, 5 errors" in done.stdout, done.stdout
    assert "allow_skipped=True in the mark skips the test" in done.stdout
    assert "compares no answers" in done.stdout
    assert "unknown argument 'rouds'; did you mean 'rounds'" in done.stdout
    assert "unknown optimization 'batchin'; did you mean 'batching'" in done.stdout
    assert "the fixture 'extractor' needs a combination" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_slower_extractor_fails_pytest_benchmarks_comparison(repository: Path) -> None:
    saved = ("test_theirs.py::test_speed", "--benchmark-storage=saved", "--benchmark-max-time=0.3")
    done = run(repository, *saved, "--benchmark-save=before")
    assert done.returncode == 0, done.stdout
    done = run(repository, *saved, "--benchmark-compare=0001", "--benchmark-compare-fail=min:50%", wait_s="0.1")
    assert done.returncode == 1, done.stdout
    assert "Performance has regressed" in done.stdout + done.stderr


def test_who_does_not_use_it_pays_nearly_nothing() -> None:
    code = """
import pytest, time
begun = time.perf_counter()
import harness.pytest_plugin
took = time.perf_counter() - begun
assert took < 0.05, took
import sys
assert "msgspec" not in sys.modules
"""
    assert heavy_after(code) == ""

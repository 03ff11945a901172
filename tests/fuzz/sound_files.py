"""A directory with one sound file of each kind that a command takes."""

from __future__ import annotations

import shutil
from pathlib import Path

from in_process import ROOT
from made_up import HEADER, RECORDS
from msgspec.structs import replace

from harness.analyse.baselines import of_run, write_baseline
from harness.data.dataset import Example
from harness.gate.starter import template
from harness.record import Finished
from harness.run.executors.recorded import Reference
from harness.run.reference import write_reference
from harness.run.store import Store


def write_sound(directory: Path, golden: Path) -> None:
    """A run, a suite, rules, a baseline, a combination, a schema and texts; the checkpoint is only linked."""
    (directory / "run").mkdir()
    store = Store(directory / "run")
    for line in (replace(HEADER, checkpoint="golden"), *RECORDS, Finished([], 1.0)):
        store.append(line)
    write_reference(directory / "run", [Example("t0", "九元", {"价格": None})], Reference([[]], [[]]))
    (directory / "golden").symlink_to(golden)
    shutil.copy(ROOT / "tests" / "data" / "native.jsonl", directory / "texts.jsonl")
    suite = (ROOT / "harness" / "plan" / "suites" / "gate.toml").read_text(encoding="utf-8")
    for file in ("suite.toml", "run/suite.toml"):
        (directory / file).write_text(suite, encoding="utf-8")
    (directory / "rules.toml").write_text(template("rules.toml"), encoding="utf-8")
    (directory / "combination.toml").write_text('combination = "batching"\ncheckpoint = "golden"\ndevice = "cpu"\n')
    (directory / "schema.json").write_text('{"功能": {"属性": null}}', encoding="utf-8")
    of_gate = of_run(replace(HEADER, suite="gate"), RECORDS, {}, set(), "0" * 16, 0.02)
    write_baseline(directory / "baseline.jsonl", of_gate)

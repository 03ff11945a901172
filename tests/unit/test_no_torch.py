from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "transformers", "tokenizers", "safetensors", "matplotlib", "scipy", "numpy")


def heavy_after(code: str) -> str:
    """Which heavy modules a fresh process holds after it ran some code."""
    show = f"import sys; print(*[name for name in {HEAVY} if name in sys.modules])"
    command = [sys.executable, "-W", "error", "-c", f"{code}\n{show}"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout.strip()


def test_importing_harness_imports_nothing_heavy() -> None:
    assert heavy_after("import harness") == ""


@pytest.mark.parametrize(
    "module", ["plugin", "record", "errors", "units", "resources", "cli", "plan.registry", "baseline.checkpoint"]
)
def test_importing_a_light_room_imports_nothing_heavy(module: str) -> None:
    assert heavy_after(f"import harness.{module}") == ""


def test_planning_the_demo_imports_nothing_heavy() -> None:
    code = """
from harness.plan.cells import plan_cells
from harness.plan.registry import find_optimizations
from harness.plan.suite import find_suite, read_suite
assert plan_cells(read_suite(find_suite("demo")), find_optimizations(), "cpu")
"""
    assert heavy_after(code) == ""


def test_the_extractor_is_there_for_who_asks_for_it() -> None:
    assert "torch" in heavy_after("from harness import Extractor").split()


def test_a_lean_start_imports_neither_transformers_nor_the_compiler() -> None:
    code = """
import sys
from harness.baseline.loading import stock_plan
from harness.plan.registry import find_optimizations
plan = stock_plan("tests/golden/checkpoint", device="cpu", start="baseline")
find_optimizations()["lean_startup"].apply(plan).load().extract("售价三元", {"价格": None})
assert not {"torch._dynamo", "sympy", "matplotlib", "scipy"} & set(sys.modules)
"""
    assert "transformers" not in heavy_after(code).split()


WITHOUT_DATASETS = (
    "import harness\ntry:\n    import datasets\n    raise SystemExit('imported')\nexcept ImportError: pass"
)


def run_in(directory: Path, code: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code], cwd=directory, env=environment, check=True, timeout=60)


def test_our_data_folder_is_not_taken_for_the_library_of_its_name() -> None:
    assert heavy_after(WITHOUT_DATASETS) == ""


def test_nor_is_that_of_another_revision_beside_ours(tmp_path: Path) -> None:
    for folder in ("datasets", "harness"):
        (tmp_path / folder).mkdir()
    shutil.copy(ROOT / "harness" / "__init__.py", tmp_path / "harness")
    run_in(tmp_path, f"{WITHOUT_DATASETS}\nassert harness.__file__.startswith({str(tmp_path)!r})")


def test_somebody_elses_folder_of_that_name_can_be_imported(tmp_path: Path) -> None:
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "mine.py").touch()
    run_in(tmp_path, "import harness\nimport datasets.mine")

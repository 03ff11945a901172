"""The wheel: what is in it, and that an installed one works beside Hugging Face's library of the same name."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SUITE = """
[texts]
datasets = ["business/test"]
ids = ["business/test:products-012"]
[measure]
scenarios = ["single_stream"]
passes = 1
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    here = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(here), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return next(here.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel's files, and a package `datasets` as Hugging Face's library is one."""
    here = tmp_path_factory.mktemp("installed")
    (here / "datasets").mkdir()
    (here / "datasets" / "__init__.py").write_text("theirs = True\n")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(here)
    return here


def test_the_wheel_holds_our_packages_alone(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names} == {"harness", "optimizations", "uiebench-0.1.0.dist-info"}
    for needed in (
        "_datasets/business/test.jsonl",
        "_datasets/article/test.jsonl",
        "analyse/claims.toml",
        "plan/texts/dozen.txt",
        "embedded/mini/vocab.txt",
        "report/page/report.html.jinja",
        "report/page/report.css",
        "report/page/report.js",
        "py.typed",
    ):
        assert f"harness/{needed}" in names


def test_an_installed_command_runs_the_demo_beside_another_datasets(installed: Path, tmp_path: Path) -> None:
    program = "import sys, datasets, harness.cli as c; assert datasets.theirs; sys.argv[0] = 'uiebench'; c.main()"
    suite = tmp_path / "short.toml"
    suite.write_text(SUITE)
    for arguments in (["run", "demo", "--dry-run"], ["run", str(suite)]):
        done = subprocess.run(
            [sys.executable, "-P", "-c", program, *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(installed)},
        )
        assert done.returncode == 0, done.stderr
    assert "Report: runs/" in done.stdout
    assert "1 of 1 same" in done.stdout

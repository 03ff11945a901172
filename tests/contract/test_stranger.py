"""The optimization of the documentation as somebody's own distribution: installed, listed, run and reported."""

from __future__ import annotations

import re
import site
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "write-an-optimization.md").read_text(encoding="utf-8")
SUITE = """
[combinations]
optimizations = ["pad_to_64", "pad_to_64(multiple=128)"]
[texts]
datasets = ["business/test"]
ids = ["business/test:products-012"]
[measure]
scenarios = ["single_stream"]
passes = 1
"""


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found
    return found[1]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, light_start: None) -> Path:
    """A new environment that sees this one's packages, and in it the stranger's distribution."""
    here = tmp_path_factory.mktemp("stranger")
    project, new = here / "project", here / "new"
    project.mkdir()
    (project / "pyproject.toml").write_text(block("toml"), encoding="utf-8")
    (project / "pad_to_64.py").write_text(block("python"), encoding="utf-8")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(new)], check=True)
    (packages,) = new.glob("lib/python*/site-packages")
    added = "; ".join(f"site.addsitedir({folder!r})" for folder in site.getsitepackages())
    (packages / "outer.pth").write_text(f"import site; {added}\n")
    python = str(new / "bin" / "python")
    install = ["install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation", str(project)]
    subprocess.run([sys.executable, "-m", "pip", "--python", python, *install], check=True)
    return new


def uiebench(environment: Path, here: Path, *arguments: str) -> str:
    done = subprocess.run(
        [str(environment / "bin" / "python"), "-m", "harness", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=here,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_plugin_takes_at_most_forty_lines() -> None:
    assert len(block("python").splitlines()) <= 40


def test_an_installed_plugin_is_listed_run_and_reported(environment: Path, tmp_path: Path) -> None:
    assert "pad_to_64" in uiebench(environment, tmp_path, "list")
    (tmp_path / "own.toml").write_text(SUITE, encoding="utf-8")
    out = uiebench(environment, tmp_path, "run", "own.toml")
    assert out.count("pad_to_64") >= 2
    (report,) = tmp_path.glob("runs/*/report.md")
    written = report.read_text(encoding="utf-8")
    for name in ("pad_to_64", "pad_to_64(multiple=128)"):
        assert re.search(rf"^- {re.escape(name)}: .*answers: 1 of 1 same", written, re.MULTILINE)
    assert "- pad_to_64: longest row" in written  # its evidence

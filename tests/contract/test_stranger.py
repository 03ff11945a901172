"""Everything that somebody's own distribution can add, beside the optimization of the documentation: one of each kind.

It is installed, listed, run and reported, and no file of ours knows of it.
"""

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
design = "his_design"
optimizations = ["pad_to_64", "pad_to_64(multiple=128)"]
[texts]
datasets = ["own.his"]
[measure]
scenarios = ["single_stream"]
passes = 1
rounds = 2
stopping = ["his_rule"]
"""
# By group of entry points: a module that is called as its entry point.
EXTENSIONS = {
    "uiebench.charts": (
        "his_chart",
        """
from matplotlib.figure import Figure

DESCRIPTION, NEEDS = "nothing at all", "nothing"


def chart(view):
    return Figure()
""",
    ),
    "uiebench.report_formats": (
        "his_report",
        """
DESCRIPTION = "the names of the combinations"


def of_run(run):
    return ",".join(row.combination for row in run.rows)
""",
    ),
    "uiebench.stopping": (
        "his_rule",
        """
SAID = "were enough for him"


def ends(seen):
    return seen.rounds >= 1
""",
    ),
    "uiebench.designs": (
        "his_design",
        """
DESCRIPTION = "each alone, the last one first"


def subsets(wanted):
    return [(place,) for place in reversed(range(len(wanted.optimizations)))]
""",
    ),
    "uiebench.formats": (
        "his_texts",
        """
from harness.data.formats.document import Document

NAME, DESCRIPTION = "his", "a text a line, after its id"


def recognise(path, sample):
    return path.suffix == ".his"


def read(path, problem):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        name, text = line.split(" ")
        yield Document(name, text, None, number, {"属性词": {"情感词": None}})
""",
    ),
}


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found
    return found[1]


def with_extensions(project: str) -> str:
    """The project of the page, with all the others."""
    points = "".join(
        f'[project.entry-points."{group}"]\n{name} = "{name}"\n' for group, (name, _) in EXTENSIONS.items()
    )
    files = ", ".join(f'"{name}.py"' for name, _ in EXTENSIONS.values())
    more = project.replace('"pad_to_64.py"', f'"pad_to_64.py", {files}')
    return more.replace("[tool.hatch", f"{points}\n[tool.hatch")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, light_start: None) -> Path:
    """A new environment that sees this one's packages, and in it the stranger's distribution."""
    here = tmp_path_factory.mktemp("stranger")
    project, new = here / "project", here / "new"
    project.mkdir()
    (project / "pyproject.toml").write_text(with_extensions(block("toml")), encoding="utf-8")
    (project / "pad_to_64.py").write_text(block("python"), encoding="utf-8")
    for name, source in EXTENSIONS.values():
        (project / f"{name}.py").write_text(source, encoding="utf-8")
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
    assert "left out" not in done.stderr
    return done.stdout


def test_a_plugin_takes_at_most_forty_lines() -> None:
    assert len(block("python").splitlines()) <= 40


def test_all_that_is_installed_is_listed_run_and_reported(environment: Path, tmp_path: Path) -> None:
    listed = uiebench(environment, tmp_path, "list")
    for name in ("pad_to_64", "his", *(name for name, _ in EXTENSIONS.values() if name != "his_texts")):
        assert re.search(rf"^  {name}\b", listed, re.MULTILINE), name
    (tmp_path / "own.toml").write_text(SUITE, encoding="utf-8")
    (tmp_path / "own.his").write_text("one 手感一流，售价劝退。\n", encoding="utf-8")
    out = uiebench(environment, tmp_path, "run", "own.toml")
    assert out.count("pad_to_64") >= 2
    (report,) = tmp_path.glob("runs/*/report.md")
    written = report.read_text(encoding="utf-8")
    for name in ("pad_to_64", "pad_to_64(multiple=128)"):
        assert re.search(rf"^- {re.escape(name)}: .*answers: 1 of 1 same", written, re.MULTILINE)
    assert "- pad_to_64: longest row" in written  # its evidence
    assert "4 were enough for him (after 1 rounds)" in written
    assert (report.parent / "charts" / "his_chart.svg").is_file()
    names = uiebench(environment, tmp_path, "report", str(report.parent), "--format", "his_report")
    assert names == "baseline,stock,pad_to_64(multiple=128),pad_to_64"

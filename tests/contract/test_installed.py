"""The wheel, installed beside Hugging Face's library `datasets` and somebody's own distribution.

That has everything that a distribution can add: the optimization of the documentation, and one of each other kind. It
is listed, run and reported, and no file of ours knows of it.
"""

from __future__ import annotations

import os
import re
import site
import subprocess
import sys
import zipfile
from collections.abc import Callable
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
SAID = "enough for him"


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
# The command as it was installed: not from this checkout, and with a `datasets` that is not ours.
COMMAND = """
import sys, datasets, harness.cli
assert datasets.theirs
assert harness.__file__.startswith(sys.prefix), harness.__file__
sys.argv[0] = "uiebench"
harness.cli.main()
"""
# The reference's start imports transformers, which looks for that library.
AS_THE_REFERENCE = """
import sys, datasets, transformers
from harness.baseline.loading import stock_plan
from harness.embedded.checkpoints import find_checkpoint
assert datasets.theirs
assert transformers.__version__
extractor = stock_plan(find_checkpoint("mini"), device="cpu", start="stock").load()
assert extractor.extract("手感一流", {"属性词": None})
"""


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
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    here = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(here), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return next(here.glob("*.whl"))


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment that sees this one's packages; in it the wheel, a `datasets`, and a stranger's distribution."""
    here = tmp_path_factory.mktemp("environment")
    new, project = here / "new", here / "project"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(new)], check=True)
    (packages,) = new.glob("lib/python*/site-packages")
    added = "; ".join(f"site.addsitedir({folder!r})" for folder in site.getsitepackages())
    (packages / "outer.pth").write_text(f"import site; {added}\n")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    (packages / "datasets").mkdir()
    (packages / "datasets" / "__init__.py").write_text("theirs = True\n")
    project.mkdir()
    (project / "pyproject.toml").write_text(with_extensions(block("toml")), encoding="utf-8")
    (project / "pad_to_64.py").write_text(block("python"), encoding="utf-8")
    for name, source in EXTENSIONS.values():
        (project / f"{name}.py").write_text(source, encoding="utf-8")
    install = ["install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation", str(project)]
    subprocess.run([sys.executable, "-m", "pip", "--python", str(new / "bin" / "python"), *install], check=True)
    return new


@pytest.fixture
def installed(environment: Path, tmp_path: Path) -> Callable[..., str]:
    """Runs a program of the environment's Python, and gives what it prints."""

    def run(program: str, *arguments: str, modules: Path | None = None) -> str:
        done = subprocess.run(
            [str(environment / "bin" / "python"), "-P", "-c", program, *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": "" if modules is None else str(modules)},
        )
        assert done.returncode == 0, done.stderr
        assert "left out" not in done.stderr
        return done.stdout

    return run


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


def test_a_plugin_takes_at_most_forty_lines() -> None:
    assert len(block("python").splitlines()) <= 40


def test_the_demo_is_planned_and_all_that_is_installed_is_listed_run_and_reported(
    installed: Callable[..., str], tmp_path: Path, light_start: Path
) -> None:
    installed(COMMAND, "run", "demo", "--dry-run")
    listed = installed(COMMAND, "list")
    for name in ("pad_to_64", "his", *(name for name, _ in EXTENSIONS.values() if name != "his_texts")):
        assert re.search(rf"^  {name}\b", listed, re.MULTILINE), name
    (tmp_path / "own.toml").write_text(SUITE, encoding="utf-8")
    (tmp_path / "own.his").write_text("one 手感一流，售价劝退。\n", encoding="utf-8")
    out = installed(COMMAND, "run", "own.toml", modules=light_start)
    assert "Report: runs/" in out
    assert "1 of 1 same" in out
    assert out.count("pad_to_64") >= 2
    (report,) = tmp_path.glob("runs/*/report.md")
    written = report.read_text(encoding="utf-8")
    for name in ("pad_to_64", "pad_to_64(multiple=128)"):
        assert re.search(rf"^- {re.escape(name)}: .*answers: 1 of 1 same", written, re.MULTILINE)
    assert "- pad_to_64: longest row" in written  # its evidence
    assert "4 enough for him (1 round)" in written
    assert (report.parent / "charts" / "his_chart.svg").is_file()
    names = installed(COMMAND, "report", str(report.parent), "--format", "his_report")
    assert names == "baseline,stock,pad_to_64(multiple=128),pad_to_64"


def test_the_references_start_comes_up_beside_another_datasets(installed: Callable[..., str]) -> None:
    installed(AS_THE_REFERENCE)

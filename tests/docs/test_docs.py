"""What the documentation says is true."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import msgspec
import pytest
from typer.main import get_command

from harness.analyse.rules import METRICS, read_rules
from harness.cli.app import app
from harness.gate.starter import JOBS, template
from harness.plan.designs import designs
from harness.plan.registry import find_optimizations
from harness.plan.suite import Suite

ROOT = Path(__file__).parents[2]
FRONT = ("README.md", "README.zh.md", "CONTRIBUTING.md", "CHANGELOG.md")
PAGES = [*(ROOT / name for name in FRONT), *sorted((ROOT / "docs").glob("*.md"))]
WRITTEN = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.DOTALL)


def test_every_command_is_documented_and_every_documented_command_exists() -> None:
    names = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
    names |= {group.name or "" for group in app.registered_groups}
    assert names == set(re.findall(r"^\$ uiebench (\w+)", WRITTEN, re.MULTILINE))


def test_the_suite_of_the_page_is_one() -> None:
    (written,) = blocks("run.md", "toml")
    suite = msgspec.convert(tomllib.loads(written), Suite)
    assert (suite.measure.rounds, suite.measure.precision) == (16, 0.03)


def test_the_rules_of_the_page_are_some(tmp_path: Path) -> None:
    (written,) = blocks("ci.md", "toml")
    file = tmp_path / "rules.toml"
    file.write_text(written, encoding="utf-8")
    assert [rule.metric for rule in read_rules(file).rule] == ["latency_ratio", "parity"]


def test_the_jobs_of_the_page_are_those_that_init_writes() -> None:
    assert blocks("ci.md", "yaml") == [template("github.yml"), template("gitlab.yml")]


def test_every_command_of_a_job_is_one() -> None:
    for name in JOBS:
        commands = re.findall(r"uiebench (gate .*)", template(f"{name}.yml"))
        assert commands
        for command in commands:
            arguments = shlex.split(command.replace("${{ github.base_ref }}", "main"))
            known = {option for parameter in _gate_options() for option in parameter}
            assert {one for one in arguments if one.startswith("--")} <= known


def _gate_options() -> list[list[str]]:
    return [parameter.opts for parameter in get_command(app).commands["gate"].params]  # type: ignore[attr-defined]


def test_every_metric_of_a_rule_is_on_the_page() -> None:
    page = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    assert [metric for metric in METRICS if f"`{metric}`" not in page] == []


def test_the_optimization_of_the_page_is_one(tmp_path: Path) -> None:
    written = blocks("write-an-optimization.md", "python")[0]
    file = tmp_path / "mine.py"
    file.write_text(written, encoding="utf-8")
    assert find_optimizations([file])["pad_to_64"].exact


def test_everything_that_other_distributions_can_add_is_on_the_page() -> None:
    sources = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "harness").rglob("*.py"))
    groups = set(re.findall(r'^GROUP = "(uiebench\.\w+)"', sources, re.MULTILINE))
    assert {"uiebench.optimizations", "uiebench.charts", "uiebench.stopping"} <= groups
    page = (ROOT / "docs" / "charts.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`(uiebench\.\w+)`", page)) == groups


def test_every_design_is_on_the_page() -> None:
    page = (ROOT / "docs" / "run.md").read_text(encoding="utf-8")
    assert [name for name in designs() if not re.search(rf"\b{name}\b", page)] == []


def test_every_make_target_of_the_readme_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^\$ make (\w+)", WRITTEN, re.MULTILINE)
    assert {"demo", "test"} <= set(targets)
    for target in targets:
        assert f"\n{target}:" in makefile


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists()


@pytest.mark.parametrize("page", [*PAGES, ROOT / "reports" / "README.md"], ids=lambda page: str(page.relative_to(ROOT)))
def test_links_to_headings_lead_to_one(page: Path) -> None:
    for target, heading in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text(encoding="utf-8")):
        assert heading in headings(page.parent / target if target else page)


def headings(page: Path) -> set[str]:
    """The headings of a page, as a link writes them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    found = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in found}


def test_the_glossary_is_in_alphabetical_order() -> None:
    page = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    _, _, *words = re.findall(r"^\| ([^|]+) \|", page, re.MULTILINE)
    assert words == sorted(words, key=str.lower)

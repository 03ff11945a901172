"""What another distribution brings may be broken: it is named and left out, and everything else goes on."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Callable
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest
from made_up import HEADER, RECORDS
from one_chart import draw_one
from typer.testing import CliRunner

from harness import extensions
from harness.analyse import stopping
from harness.analyse.gate import Finding
from harness.analyse.stats import Spread
from harness.analyse.view import view
from harness.cli import main
from harness.cli.app import app
from harness.cli.report import show
from harness.data.files import read_file
from harness.data.formats import find
from harness.errors import InputError, SuiteError
from harness.extensions import ExtensionWarning
from harness.gate import gate as gates
from harness.plan import designs
from harness.plan.cells import plan_cells
from harness.plan.registry import find_optimizations
from harness.plan.suite import Combinations, Measure, Suite, Texts, read_suite
from harness.report import charts, formats
from harness.run.store import Store

CHART = 'DESCRIPTION, NEEDS = "of a stranger", "nothing"\ndef chart(run):\n    {}\n'
FORMAT = """
NAME, DESCRIPTION = "{}", "of a stranger"
def recognise(path, sample):
    {}
def read(path, problem):
    yield
"""
REPORT = 'DESCRIPTION = "of a stranger"\ndef of_run(run):\n    {}\n'
Installed = Callable[..., None]


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Installed:
    """Make modules that are entry points, as if distributions had brought them."""
    monkeypatch.syspath_prepend(tmp_path)
    points: list[EntryPoint] = []
    monkeypatch.setattr(extensions, "entry_points", lambda group: EntryPoints(points).select(group=group))
    find.find_formats.cache_clear()

    def install(group: str, text: str, name: str = "strange", attribute: str = "") -> None:
        module = f"stranger_{tmp_path.name.replace('-', '_')}_{len(points)}"
        (tmp_path / f"{module}.py").write_text(text, encoding="utf-8")
        monkeypatch.delitem(sys.modules, module, raising=False)
        points.append(EntryPoint(name, module + attribute, group))

    return install


@pytest.fixture(autouse=True)
def afresh() -> None:
    find.find_formats.cache_clear()


def run_in(directory: Path) -> Path:
    directory.mkdir()
    store = Store(directory)
    for line in (HEADER, *RECORDS):
        store.append(line)
    return directory


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import nowhere_to_be_found", "ModuleNotFoundError"),
        ("raise SystemExit('bye')", "SystemExit"),
        ("DESCRIPTION = 'x'", "NEEDS"),
        ("DESCRIPTION = NEEDS = chart = 1", "must be text, and chart must be a function"),
    ],
)
def test_a_chart_that_cannot_be_loaded_is_named_and_left_out(text: str, said: str, installed: Installed) -> None:
    installed(charts.GROUP, text)
    with pytest.warns(ExtensionWarning, match=rf"uiebench\.charts: strange = stranger.* was left out: .*{said}"):
        assert "ratio" in charts.kinds()


@pytest.mark.parametrize("name", ["ratio", "../strange", "a b"])
def test_a_chart_of_a_name_that_is_taken_or_is_none_is_left_out(name: str, installed: Installed) -> None:
    installed(charts.GROUP, CHART.format("return None"), name)
    with pytest.warns(ExtensionWarning, match="was left out"):
        assert charts.kinds()["ratio"].description != "of a stranger"


@pytest.fixture
def one_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    draw_one(monkeypatch)


@pytest.mark.usefixtures("one_of_ours")
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise KeyError('time')", r"cannot be drawn: KeyError\('time'\)"),
        ("raise SystemExit(3)", "cannot be drawn: SystemExit"),
        ("return 'a figure'", "returned str, not a matplotlib figure"),
        (
            "from matplotlib.figure import Figure; return type('F', (Figure,), {'draw': lambda *_: 1 / 0})()",
            "division by zero",
        ),
    ],
)
def test_a_chart_that_breaks_leaves_a_run_its_report(
    body: str, said: str, installed: Installed, tmp_path: Path
) -> None:
    installed(charts.GROUP, CHART.format(body))
    run = run_in(tmp_path / "run")
    with pytest.warns(ExtensionWarning, match=f"strange was left out: .*({said})"):
        assert show(run) == 0
    assert (run / "report.html").is_file()
    assert (run / "charts" / "ratio.svg").is_file()
    assert not list((run / "charts").glob("strange*"))


def test_a_chart_that_breaks_is_an_error_where_it_alone_is_asked_for(installed: Installed, tmp_path: Path) -> None:
    installed(charts.GROUP, CHART.format("raise KeyError('time')"))
    done = CliRunner().invoke(app, ["chart", str(run_in(tmp_path / "run")), "--kind", "strange"])
    assert isinstance(done.exception, charts.ChartError)


@pytest.mark.usefixtures("one_of_ours")
def test_a_sound_chart_of_another_distribution_is_drawn(installed: Installed, tmp_path: Path) -> None:
    installed(charts.GROUP, CHART.format("from matplotlib.figure import Figure; return Figure()"))
    saved = charts.save_all(view(HEADER, RECORDS, []), tmp_path / "charts")
    assert {path.stem for path in saved} == {"ratio", "strange"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("NAME = 'strange'", "the functions recognise and read"),
        (FORMAT.format("native", "return True"), "there is another format 'native'"),
        (FORMAT.format("x", "return True").replace('"x"', "7"), "which are text"),
    ],
)
def test_a_format_that_cannot_be_used_is_named_and_left_out(text: str, said: str, installed: Installed) -> None:
    installed(find.GROUP, text)
    with pytest.warns(ExtensionWarning, match=rf"uiebench\.formats: strange = stranger.* was left out: .*{said}"):
        assert "native" in find.find_formats()


def test_a_format_that_breaks_on_a_file_does_not_read_it(installed: Installed, tmp_path: Path) -> None:
    installed(find.GROUP, FORMAT.format("strange", "raise RuntimeError('boom')"))
    file = tmp_path / "lines.txt"
    file.write_text("华为\n", encoding="utf-8")
    with pytest.warns(ExtensionWarning, match="strange, of .*lines.txt, was left out: RuntimeError"):
        assert find.format_of(file).NAME != "strange"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("DESCRIPTION = 'x'", "at least one of the functions of_run, of_sound, of_gate"),
        ("DESCRIPTION = of_gate = 1", "DESCRIPTION must be text, and of_gate must be a function"),
        ("def of_run(run): ...", "DESCRIPTION must be text, and of_run must be a function"),
    ],
)
def test_a_report_format_that_cannot_be_used_is_named_and_left_out(text: str, said: str, installed: Installed) -> None:
    installed(formats.GROUP, text)
    with pytest.warns(ExtensionWarning, match=rf"{formats.GROUP}: strange = stranger.* was left out: .*{said}"):
        assert "csv" in formats.formats()


@pytest.mark.parametrize("name", ["csv", "action-benchmark", "a=b", "a b"])
def test_a_report_format_of_a_name_that_is_taken_or_is_none_is_left_out(name: str, installed: Installed) -> None:
    installed(formats.GROUP, REPORT.format("return ''"), name)
    with pytest.warns(ExtensionWarning, match="was left out"):
        assert "of a stranger" not in {one.description for one in formats.formats().values()}


def test_a_sound_report_format_of_another_distribution_is_written(installed: Installed, tmp_path: Path) -> None:
    installed(formats.GROUP, REPORT.format("return f'{len(run.rows)} rows'"))
    done = CliRunner().invoke(app, ["report", str(run_in(tmp_path / "run")), "--format", "strange"])
    assert done.stdout == f"{len(HEADER.exact)} rows"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise KeyError('time')", r"cannot be written: KeyError\('time'\)"),
        ("raise SystemExit(3)", r"cannot be written: SystemExit\(3\)"),
        ("return b'text'", "gives bytes and not text"),
    ],
)
def test_a_report_format_that_breaks_is_named(body: str, said: str, installed: Installed, tmp_path: Path) -> None:
    installed(formats.GROUP, REPORT.format(body))
    done = CliRunner().invoke(app, ["report", str(run_in(tmp_path / "run")), "--format", "strange"])
    assert isinstance(done.exception, formats.FormatError)
    assert re.search(f"the format 'strange' {said}", str(done.exception))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("SAID = 'were strange'", "SAID must be text, and ends must be a function"),
        ("SAID = 'were strange'\nlooks = 4\ndef ends(seen): ...", "looks has to be a function"),
    ],
)
def test_a_stopping_rule_that_cannot_be_used_is_named_and_left_out(text: str, said: str, installed: Installed) -> None:
    installed(stopping.GROUP, text)
    with (
        pytest.warns(ExtensionWarning, match=rf"{stopping.GROUP}: strange = stranger.* was left out: .*{said}"),
        pytest.raises(SuiteError, match="unknown stopping rule 'strange'"),
    ):
        stopping.rules_of(Measure(stopping=["strange"]))


def test_a_stopping_rule_that_breaks_ends_nothing(installed: Installed) -> None:
    installed(stopping.GROUP, "SAID = 'were strange'\ndef ends(seen):\n    return seen.nothing")
    rules = stopping.rules_of(Measure(rounds=3, stopping=["strange"]))
    with pytest.warns(ExtensionWarning, match="strange was left out: AttributeError"):
        assert rules.ended(stopping.Seen("a", Measure(rounds=3), 2, [], Spread(0.02))) is None
    assert stopping.said_of("strange") == "were strange"


DESIGN = 'DESCRIPTION = "of a stranger"\ndef subsets(wanted):\n    {}\n'


def planned(design: str) -> list[str]:
    suite = Suite(Texts(["article"]), Combinations(design, ["batching", "text_reuse", "prompt_memo"]))
    return [one.combination for one in plan_cells(suite, find_optimizations(), "cpu")]


def test_a_design_of_another_distribution_plans_combinations(installed: Installed, tmp_path: Path) -> None:
    installed(designs.GROUP, DESIGN.format("return [(0,), [0, len(wanted.optimizations) - 1]]"))
    assert planned("strange") == ["baseline", "stock", "batching", "batching+prompt_memo"]
    path = tmp_path / "own.toml"
    path.write_text('[texts]\ndatasets = ["article"]\n[combinations]\ndesign = ["strange", "ladder"]\n')
    assert read_suite(path).combinations.design == ["strange", "ladder"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("DESCRIPTION = 'x'", "DESCRIPTION must be text, and subsets must be a function"),
        (DESIGN.format("return []") + "free = 3", "subsets and free must be a function"),
    ],
)
def test_a_design_that_cannot_be_used_is_named_and_left_out(text: str, said: str, installed: Installed) -> None:
    installed(designs.GROUP, text)
    with (
        pytest.warns(ExtensionWarning, match=rf"{designs.GROUP}: strange = stranger.* was left out: .*{said}"),
        pytest.raises(SuiteError, match="unknown design 'strange'"),
    ):
        planned("strange")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return wanted.nothing", "'strange' gives no combinations: AttributeError"),
        ("return [(0,), (3,)]", r"'strange' gives \(3,\), and there are 3 optimizations"),
        ("return [('batching',)]", r"'strange' gives \('batching',\), and there are 3 optimizations"),
        ("return []\ndef free(wanted):\n    return 13", "'strange' with 13 optimizations .* more than 4096"),
    ],
)
def test_a_design_that_gives_no_combinations_is_named(body: str, said: str, installed: Installed) -> None:
    installed(designs.GROUP, DESIGN.format(body))
    with pytest.raises(SuiteError, match=said):
        planned("strange")


def test_the_verdict_of_a_gate_stands_if_a_format_breaks(
    installed: Installed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    installed(formats.GROUP, "DESCRIPTION = 'of a stranger'\ndef of_gate(gate):\n    return gate.nothing")
    judged = gates.Judged([Finding("r", "batching", "fail", "said")], "a baseline", None)
    monkeypatch.setattr(gates, "against_baseline", lambda *_, **__: judged)
    monkeypatch.chdir(tmp_path)
    Path("uiebench-gate.toml").write_text('[[rule]]\nmetric = "parity"\n')
    files = ("--write", "strange=strange.txt", "--write", "junit=gate.xml")
    done = CliRunner().invoke(app, ["gate", "--against", "a.jsonl", *files])
    assert done.exit_code == 1, done.exception
    assert "strange.txt was not written: the format 'strange' cannot be written: AttributeError" in done.stderr
    assert Path("gate.xml").read_text().count("<failure") == 1
    assert not Path("strange.txt").exists()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("yield from path.nothing", r"the format 'strange' cannot read .*lines.txt: AttributeError"),
        ("raise SystemExit(3)\n    yield", r"the format 'strange' cannot read .*lines.txt: SystemExit\(3\)"),
    ],
)
def test_a_format_that_breaks_while_it_reads_is_named(
    body: str, said: str, installed: Installed, tmp_path: Path
) -> None:
    installed(find.GROUP, FORMAT.format("strange", "return False").replace("    yield", f"    {body}"))
    file = tmp_path / "lines.txt"
    file.write_text("华为\n", encoding="utf-8")
    with pytest.raises(InputError, match=said):
        list(read_file(file, lambda *_: None, "strange", {"产品": None}))


def test_an_optimization_of_a_name_that_is_taken_is_left_out(installed: Installed) -> None:
    installed(
        "uiebench.optimizations",
        "from harness.plugin import Stage, optimization\n"
        "@optimization(Stage.INPUT, exact=True, evidence=lambda probe: None)\n"
        "def batching(extractor):\n    return extractor\n",
        attribute=":batching",
    )
    with pytest.warns(ExtensionWarning, match="there is another optimization 'batching'; rename one"):
        assert find_optimizations()["batching"].documentation


def test_on_the_command_line_what_is_left_out_is_one_plain_line(
    installed: Installed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    installed(charts.GROUP, "1 / 0")
    monkeypatch.setattr(sys, "argv", ["uiebench", "list"])
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        with pytest.raises(SystemExit) as ended:
            main()
    assert ended.value.code == 0
    said = capsys.readouterr().err
    assert said.startswith("uiebench: uiebench.charts: strange = stranger")
    assert said.count("\n") == 1

"""What another distribution brings may be broken: it is named and left out, and everything else goes on."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from types import SimpleNamespace

import pytest
from made_up import HEADER, RECORDS
from typer.testing import CliRunner

from harness import extensions
from harness.analyse.view import view
from harness.cli import main
from harness.cli.app import app
from harness.cli.report import show
from harness.data.formats import find
from harness.extensions import ExtensionWarning
from harness.plan.registry import find_optimizations
from harness.report import charts
from harness.run.store import Store

CHART = 'DESCRIPTION, NEEDS = "of a stranger", "nothing"\ndef chart(run):\n    {}\n'
FORMAT = """
NAME, DESCRIPTION = "{}", "of a stranger"
def recognise(path, sample):
    {}
def read(path, problem):
    yield
"""
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
        ("DESCRIPTION = NEEDS = chart = 1", "have to be text, and chart a function"),
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
    """Of our own charts there is one: to draw all of them takes seconds."""
    ratio = [SimpleNamespace(name="ratio")]
    monkeypatch.setattr(charts, "pkgutil", SimpleNamespace(iter_modules=lambda _: ratio))


@pytest.mark.usefixtures("one_of_ours")
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise KeyError('time')", r"cannot be drawn: KeyError\('time'\)"),
        ("raise SystemExit(3)", "cannot be drawn: SystemExit"),
        ("return 'a figure'", "gives str and not a matplotlib figure"),
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


def test_an_optimization_of_a_name_that_is_taken_is_left_out(installed: Installed) -> None:
    installed(
        "uiebench.optimizations",
        "from harness.plugin import Stage, optimization\n"
        "@optimization(Stage.INPUT, exact=True, evidence=lambda probe: None)\n"
        "def batching(extractor):\n    return extractor\n",
        attribute=":batching",
    )
    with pytest.warns(ExtensionWarning, match="two optimizations are called 'batching'"):
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

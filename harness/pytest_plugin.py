"""uiebench in a repository's own tests, as pytest's plugin: a marker and two fixtures.

    @pytest.mark.uiebench(combination="batching+flash_attention", checkpoint="path/to/model")
    def test_it_pays_and_no_answer_changes(uiebench_cell):
        assert not uiebench_cell.broken
        assert uiebench_cell.latency.to_stock.high < 1

    @pytest.mark.uiebench(combination="batching+flash_attention", checkpoint="path/to/model")
    def test_speed(benchmark, extractor):
        benchmark(extractor.extract, "华为Mate60 Pro支持卫星通话", {"产品名称": None})

Nothing else of uiebench is imported until a test asks for a fixture.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from harness.analyse.rows import Row
    from harness.baseline.extractor import Extractor

_MARKER = (
    "uiebench(combination, checkpoint='mini', device='cpu', plugins=(), suite='cell', rounds=None, "
    "allow_skipped=False): what the fixtures `extractor` and `uiebench_cell` load and measure; a nearer mark's "
    "arguments come before a farther one's"
)


@dataclass(frozen=True)
class Asked:
    """The arguments of the marks on a test."""

    combination: str
    checkpoint: str = "mini"
    device: str = "cpu"
    plugins: tuple[str, ...] = ()
    suite: str = "cell"  # of uiebench_cell: which texts, how many passes
    rounds: int | None = None  # likewise; as the suite says, where it is None
    allow_skipped: bool = False  # whether a test is skipped, and does not fail, where its combination cannot run


_EXTRACTORS: pytest.StashKey[dict[Asked, Extractor]] = pytest.StashKey()
_CELLS: pytest.StashKey[dict[Asked, Row]] = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture
def extractor(request: pytest.FixtureRequest) -> Extractor:
    """The extractor with the mark's combination, loaded once a session: for `benchmark(extractor.extract, …)`."""
    asked = _asked(request)
    loaded = request.config.stash.setdefault(_EXTRACTORS, {})
    if asked not in loaded:
        loaded[asked] = _or_fail(_load, asked)
    return loaded[asked]


@pytest.fixture
def uiebench_cell(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Row:
    """The mark's combination, measured once a session in fresh processes side by side with stock.

    Its `latency`, `memory`, `scores` and `broken` (the texts with other answers than the baseline's) are those of a
    report's row. The test fails where the combination broke down, or cannot run here: a suite of tests that are all
    skipped is green, and shows nothing. With `allow_skipped=True` it is skipped where it cannot run.
    """
    asked = _asked(request)
    measured = request.config.stash.setdefault(_CELLS, {})
    if asked not in measured:
        measured[asked] = _or_fail(_measure, asked, tmp_path_factory.mktemp("uiebench"))
    return measured[asked]


def _asked(request: pytest.FixtureRequest) -> Asked:
    given: dict[str, Any] = {}
    for mark in request.node.iter_markers("uiebench"):
        given = {**dict(zip(("combination",), mark.args, strict=False)), **mark.kwargs, **given}
    allowed = [field.name for field in fields(Asked)]
    if strange := [name for name in given if name not in allowed]:
        from harness.errors import unknown

        pytest.fail(f"pytest.mark.uiebench: {unknown('argument', strange[0], allowed)}", pytrace=False)
    if "combination" not in given:
        pytest.fail(
            f"the fixture {request.fixturename!r} needs a combination; write "
            '@pytest.mark.uiebench(combination="batching") over the test, or "baseline" for none',
            pytrace=False,
        )
    root = request.config.rootpath
    plugins = tuple(str(root / one) for one in given.pop("plugins", ()))
    return Asked(**given, plugins=plugins)


def _or_fail(make: Any, *arguments: Any) -> Any:
    from harness.errors import UiebenchError

    try:
        return make(*arguments)
    except UiebenchError as error:
        pytest.fail(f"uiebench: {error}", pytrace=False)


def _load(asked: Asked) -> Extractor:
    from harness.deploy import Deployment, deploy

    return deploy(Deployment(asked.combination, asked.checkpoint, asked.device, list(asked.plugins)))


def _measure(asked: Asked, directory: Path) -> Row:
    from dataclasses import replace

    from msgspec.structs import replace as replaced

    from harness.analyse.compare import compare
    from harness.plan.combination import parse, write
    from harness.plan.registry import find_optimizations
    from harness.record import STOCK, Skipped
    from harness.run.ablation import Options, execute, prepare
    from harness.run.store import read_run
    from harness.scenarios import KINDS

    written, plugins = asked.combination, tuple(map(Path, asked.plugins))
    options = Options(
        asked.suite, asked.checkpoint, asked.device, plugins=plugins, directory=directory, include=(written,)
    )
    ablation = prepare(options)
    name = written if written == STOCK else write(parse(written, find_optimizations(plugins)))
    measure = ablation.suite.measure
    suite = replaced(ablation.suite, measure=replaced(measure, rounds=asked.rounds or measure.rounds))
    plan = tuple(planned for planned in ablation.plan if planned.combination == name)
    for planned in plan:
        if planned.reason:
            _cannot_run(asked, f"{name}: skipped: {planned.reason}")
        if not any(KINDS[cell.scenario].in_passes for cell in planned.cells):
            pytest.fail(
                f"the suite {asked.suite!r} compares no answers, so no test can tell that none changed; add "
                "single_stream, closed_loop or offline to its scenarios",
                pytrace=False,
            )
    run = execute(replace(ablation, suite=suite, plan=plan), lambda _, __: None)
    header, records = read_run(run, pytest.fail)
    (row,) = compare(header, records)[0]
    if any(isinstance(record, Skipped) for record in records):
        _cannot_run(asked, f"{row.combination}: {row.problem}")
    if row.problem:
        pytest.fail(f"{row.combination}: {row.problem}", pytrace=False)
    return row


def _cannot_run(asked: Asked, why: str) -> None:
    if asked.allow_skipped:
        pytest.skip(why)
    pytest.fail(f"{why}; allow_skipped=True in the mark skips the test", pytrace=False)

from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from harness import extensions
from harness.errors import SuiteError
from harness.plan import registry
from harness.plan.registry import GROUP, find_optimizations

PLUGIN = '''
from harness.plugin import Evidence, Stage, optimization

def shown(probe):
    return Evidence("{name}", True, "")

@optimization(Stage.INPUT, exact=True, evidence=shown)
def {name}(extractor, *, size: int = 1):
    """Change nothing."""
    return extractor
'''


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mine.py"


def plugin(file: Path, written: str) -> Path:
    file.write_text(written, encoding="utf-8")
    return file


def entry_point(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """As if an installed distribution had this entry point."""
    points = EntryPoints([EntryPoint("strange", value, GROUP)])
    monkeypatch.setattr(extensions, "entry_points", lambda group: points.select(group=group))


def sources(found: registry.Registry) -> list[tuple[str, Path]]:
    return [(name, Path(one.source)) for name, one in found.items()]


def test_our_own_optimizations_are_found_by_their_functions_names() -> None:
    found = find_optimizations()
    assert {"dynamic_truncation", "flash_attention"} <= set(found)
    assert all(one.name == name for name, one in found.items())
    assert all(name in (file.stem, f"{file.stem}_{file.parent.name}") for name, file in sources(found))


def test_the_six_steps_as_published_are_found_beside_ours() -> None:
    published = {file.stem for _, file in sources(find_optimizations()) if file.parent.name == "as_published"}
    assert len(published) == 6
    assert {f"{name}_as_published" for name in published} | published <= set(find_optimizations())


def test_an_unknown_name_names_the_near_one() -> None:
    with pytest.raises(SuiteError, match=r"unknown optimization 'flash'; did you mean 'flash_attention'\?"):
        find_optimizations()["flash"]


def test_a_name_near_to_none_lists_all() -> None:
    with pytest.raises(SuiteError, match=r"unknown optimization 'zzz' \(known: .*dynamic_truncation, .*\)"):
        find_optimizations()["zzz"]


def test_a_plugin_file_brings_its_optimization(file: Path) -> None:
    one = find_optimizations([plugin(file, PLUGIN.format(name="mine"))])["mine"]
    assert one.documentation == "Change nothing."
    assert one.source == str(file)


def test_a_plugin_file_may_be_named_twice(file: Path) -> None:
    plugin(file, PLUGIN.format(name="mine"))
    assert "mine" in find_optimizations([file, file])


def test_a_plugin_file_may_use_dataclasses_and_annotations_as_text(file: Path) -> None:
    head = "from __future__ import annotations\nfrom dataclasses import dataclass\n"
    plugin(file, head + PLUGIN.format(name="mine") + "\n@dataclass\nclass Slot:\n    size: int\n")
    assert "mine" in find_optimizations([file])


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("import nowhere_to_be_found", "cannot be imported: ModuleNotFoundError"),
        ("raise RuntimeError('broken on purpose')", "cannot be imported: RuntimeError.*broken on purpose"),
        ("def (", "cannot be imported: SyntaxError"),
        ("raise SystemExit(3)", "cannot be imported: SystemExit"),
        ("", "holds no optimization; decorate one with @optimization"),
        ("def mine(extractor): ...", "holds no optimization"),
    ],
)
def test_a_plugin_file_that_brings_none_is_refused_with_its_fault(file: Path, written: str, message: str) -> None:
    with pytest.raises(SuiteError, match=rf"plugin file '.*mine\.py' {message}"):
        find_optimizations([plugin(file, written)])


def test_a_missing_plugin_file_is_named(file: Path) -> None:
    with pytest.raises(SuiteError, match=r"mine\.py' does not exist"):
        find_optimizations([file])


def test_a_file_that_is_no_python_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=r"mine\.txt' is not a Python file"):
        find_optimizations([plugin(tmp_path / "mine.txt", PLUGIN.format(name="mine"))])


def test_a_name_that_is_taken_is_refused_with_both_sources(file: Path) -> None:
    plugin(file, PLUGIN.format(name="flash_attention"))
    with pytest.raises(
        SuiteError, match=r"two optimizations are called 'flash_attention': .*flash_attention\.py and .*"
    ):
        find_optimizations([file])


def test_two_plugin_files_may_not_share_a_name(tmp_path: Path) -> None:
    files = [plugin(tmp_path / f"{name}.py", PLUGIN.format(name="mine")) for name in ("one", "other")]
    with pytest.raises(SuiteError, match=r"called 'mine': .*one\.py and .*other\.py; rename one of them"):
        find_optimizations(files)


def test_an_entry_point_brings_its_optimization(monkeypatch: pytest.MonkeyPatch) -> None:
    entry_point(monkeypatch, "optimizations.flash_attention:flash_attention")
    assert "flash_attention" in find_optimizations()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("nowhere_to_be_found:mine", "ModuleNotFoundError"),
        ("harness.errors:mine", "AttributeError"),
        ("harness.errors:InputError", "it is not an optimization"),
    ],
)
def test_an_entry_point_that_brings_none_is_named_and_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, value: str, message: str
) -> None:
    entry_point(monkeypatch, value)
    with pytest.warns(extensions.ExtensionWarning, match=f"strange = {value} was left out: {message}"):
        assert "batching" in find_optimizations()

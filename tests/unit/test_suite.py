from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import SuiteError
from harness.plan.suite import Suite, find_suite, read_suite, suite_names

LEAST = '[texts]\ndatasets = ["article"]\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "own.toml"


def read(file: Path, written: str) -> Suite:
    file.write_text(written, encoding="utf-8")
    return read_suite(file)


@pytest.mark.parametrize("name", suite_names())
def test_every_suite_that_comes_with_the_tool_can_be_read(name: str) -> None:
    assert read_suite(find_suite(name)).description


def test_texts_may_be_named_by_a_list(file: Path) -> None:
    found = {name: read(file, f'{LEAST}ids = "{name}"\n').texts.ids for name in ("half-dozen", "dozen", "two-dozen")}
    assert [len(set(ids)) for ids in found.values()] == [6, 12, 24]
    with pytest.raises(SuiteError, match=r"ids: unknown list of texts 'two-dosen'; did you mean 'two-dozen'\?"):
        read(file, f'{LEAST}ids = "two-dosen"\n')


def test_demo_is_a_suite() -> None:
    assert "demo" in suite_names()


def test_a_suite_needs_only_its_texts(file: Path) -> None:
    suite = read(file, LEAST)
    assert suite.texts.datasets == ["article"]
    assert suite.combinations.design == "one_at_a_time"
    assert suite.measure.scenarios == ("single_stream", "cold_start")


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ('desciption = "x"', r"own.toml: unknown key 'desciption'; did you mean 'description'\?"),
        ("[measures]\nrounds = 1", r"own.toml: unknown key 'measures'; did you mean 'measure'\?"),
        ("[measure]\nround = 1", r"own.toml, \[measure\]: unknown key 'round'; did you mean 'rounds'\?"),
        ("[combinations]\ninclud = []", r"own.toml, \[combinations\]: unknown key 'includ'; did you mean 'include'\?"),
        (
            '[combinations]\ndesign = "all"',
            r"own.toml, \[combinations\]: unknown design 'all'.* \(known: explicit, fraction, full, ladder, ",
        ),
        (
            '[combinations]\ndesign = ["ladder", "ful"]',
            r"own.toml, \[combinations\]: unknown design 'ful'; did you mean 'full'\?",
        ),
        (
            "[measure]\nzzz = 1",
            r"key 'zzz' \(known: clients, confirm, f1_margin, keep_heap, only, passes, precision, rounds, scenarios, "
            r"starts, stopping, timeout_s\)",
        ),
    ],
)
def test_an_unknown_key_is_refused_with_the_near_one(file: Path, written: str, message: str) -> None:
    with pytest.raises(SuiteError, match=message):
        read(file, written + "\n" + LEAST)


@pytest.mark.parametrize("written", ["texts", "[texts", "a = 1\na = 2", "a = 01"])
def test_what_is_no_toml_is_refused_with_its_line(file: Path, written: str) -> None:
    with pytest.raises(SuiteError, match=r"own\.toml is not TOML: .*line \d|own\.toml is not TOML: .*end of document"):
        read(file, written)


def test_what_is_no_utf8_is_refused(file: Path) -> None:
    file.write_bytes(LEAST.encode() + b"# \xff")
    with pytest.raises(SuiteError, match=r"own\.toml, line 3: holds bytes that are not UTF-8"):
        read_suite(file)


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("", "texts"),
        ("texts = 1", "texts"),
        ('[texts]\ndatasets = "article"', "texts.datasets"),
        ("[texts]\ncount = 3", "datasets"),
        ("[texts]\ndatasets = [1]", "texts.datasets"),
        (LEAST + "count = 0", "texts.count"),
        (LEAST + "[combinations]\ndesign = 1", "combinations.design"),
        (LEAST + "[combinations]\noptimizations = [1]", "combinations.optimizations"),
        (LEAST + "[measure]\nrounds = 0", "measure.rounds"),
        (LEAST + "[measure]\npasses = 1.5", "measure.passes"),
        (LEAST + "[measure]\ntimeout_s = 0", "measure.timeout_s"),
        (LEAST + "[measure]\ntimeout_s = nan", "measure.timeout_s"),
        (LEAST + "[measure]\nf1_margin = -0.5", "measure.f1_margin"),
        (LEAST + '[measure]\nscenarios = ["server"]', "measure.scenarios"),
    ],
)
def test_a_value_that_no_suite_has_is_refused_with_its_place(file: Path, written: str, place: str) -> None:
    with pytest.raises(SuiteError, match=rf"own\.toml: .*{place}"):
        read(file, written)


@pytest.mark.parametrize("written", ["[texts]\ndatasets = []", LEAST + "[measure]\nscenarios = []"])
def test_a_suite_that_would_measure_nothing_is_refused(file: Path, written: str) -> None:
    with pytest.raises(SuiteError):
        read(file, written)


def test_an_unknown_suite_names_the_near_one() -> None:
    with pytest.raises(SuiteError, match=r"'dmo'; did you mean 'demo'\?.*a file's name ends in \.toml"):
        find_suite("dmo")


def test_a_suite_is_found_by_its_path(file: Path) -> None:
    file.write_text(LEAST, encoding="utf-8")
    assert find_suite(str(file)) == file


def test_a_suite_file_that_is_not_there_is_named() -> None:
    with pytest.raises(SuiteError, match=r"'nowhere\.toml' does not exist"):
        find_suite("nowhere.toml")

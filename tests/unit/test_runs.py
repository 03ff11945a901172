from __future__ import annotations

import gzip
import json
import re
import shutil
from pathlib import Path

import pytest
from made_up import HEADER, RECORDS, measured
from msgspec.structs import replace
from typer.testing import CliRunner

from harness.analyse.runs import Runs, side_by_side
from harness.analyse.view import View, view
from harness.cli.app import app
from harness.errors import InputError
from harness.record import OLDEST_VERSION, RECORD_VERSION, Record
from harness.report.runs import as_json, render

DEMO = Path(__file__).parents[2] / "reports" / "cpu" / "demo"


def run(**changes: object) -> View:
    return view(replace(HEADER, **changes), RECORDS, [])


def slowed() -> View:
    """The same run on another day, in which `good` is twice as slow and `better` is gone."""
    records: list[Record] = [one for one in RECORDS if one.cell.combination not in ("good", "better")]
    header = replace(HEADER, exact={name: exact for name, exact in HEADER.exact.items() if name != "better"})
    return view(header, [*records, *measured("good", 1.0)], [])


def test_a_run_is_like_itself() -> None:
    found = side_by_side({"a": run(), "b": run()})
    assert found.alike
    assert found.differing == {}
    for name, (_, other) in found.sides.items():
        assert (other.to_first is None) == (name in ("broken", "absent"))
        if other.to_first:
            assert other.to_first.value == pytest.approx(1)
            assert other.to_first.verdict not in ("faster", "slower")


def test_what_has_grown_slower_and_what_is_gone() -> None:
    found = side_by_side({"a": run(), "b": slowed()})
    (_, good), (_, better) = found.sides["good"], found.sides["better"]
    assert good.to_first
    assert good.to_first.value == pytest.approx(2)
    assert good.to_first.verdict == "slower"
    assert (better.row, better.to_first) == (None, None)
    written = render(found, absolute=False)
    (line, _) = (line for line in written.splitlines() if line.startswith("| good |"))
    assert "slower" in line
    (line, rest) = (line for line in written.splitlines() if line.startswith("| better |"))
    assert "not in this run" in line
    assert rest.endswith("| – |")


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"texts": [f"other-{place}" for place in range(len(HEADER.texts))]}, "texts"),
        ({"checkpoint": "base"}, "checkpoint"),
    ],
)
def test_over_other_texts_or_another_checkpoint_there_is_no_verdict(changes: dict[str, object], what: str) -> None:
    other = slowed()
    found = side_by_side({"a": run(), "b": View(**{**vars(other), "header": replace(other.header, **changes)})})
    (_, good) = found.sides["good"]
    assert good.to_first
    assert good.verdict is None
    above, _, _ = (written := render(found, absolute=False)).partition("| combination |")
    assert f"**B and A differ in {what}, so B gets no verdicts.**" in above
    assert not any(word in line for line in written.splitlines() for word in ("slower", "faster") if "| good |" in line)
    assert json.loads(as_json(found, absolute=False))["combinations"]["good"][1]["to_first_verdict"] is None


def of_two_devices() -> Runs:
    other = run(device="cuda:1", environment={"cores": 2, "worker": {"gpu": "A"}, "load_average": [1]})
    return side_by_side({"a": run(), "b": other})


def test_times_of_two_devices_are_shown_only_where_asked_for() -> None:
    found = of_two_devices()
    assert not found.alike
    assert found.differing == {"device": ("cpu", "cuda:1"), "worker.gpu": ("–", "A")}
    assert "mean, A" not in render(found, absolute=False)
    assert "--absolute" in render(found, absolute=False)
    assert "mean, A" in render(found, absolute=True)


def test_as_json_too_times_of_two_devices_are_shown_only_where_asked_for() -> None:
    (hidden, _), (shown, _) = (
        json.loads(as_json(of_two_devices(), absolute=absolute))["combinations"]["good"] for absolute in (False, True)
    )
    assert list(hidden) == list(shown)
    times = {name for name in shown if name.endswith(("_ns", "_ns_low", "_ns_high", "_per_s"))}
    assert {"mean_ns", "p50_ns_low", "cold_start_ns", "offline_per_s", "closed_loop_3_clients_per_s"} <= times
    assert {name for name in shown if shown[name] is not None and hidden[name] is None} <= times
    assert {name for name in times if hidden[name] is not None} == set()
    assert shown["mean_ns"] > 0
    assert hidden["time_to_stock"] == pytest.approx(0.5)


def on(model: str, *instruction_sets: str) -> View:
    sets = {"instruction_sets": list(instruction_sets)} if instruction_sets else {}
    return run(environment={"processor": "AMD EPYC", "processor_model": model, **sets})


ROME, TURIN = on("family 23, model 49", "avx2"), on("family 26, model 2", "avx2", "avx512f", "avx512_bf16")


def test_processors_of_one_name_and_other_instruction_sets_are_of_two_kinds_and_named() -> None:
    found = side_by_side({"a": ROME, "b": TURIN})
    assert not found.alike
    said = (
        "The runs have different devices: A on cpu AMD EPYC (family 23, model 49; AVX2); "
        "B on cpu AMD EPYC (family 26, model 2; AVX-512, BF16)."
    )
    for absolute in (False, True):
        written = render(found, absolute=absolute)
        assert said in written
        assert ("mean, A" in written) == absolute
    assert found.differing["instruction_sets"] == ('["avx2"]', '["avx2", "avx512f", "avx512_bf16"]')
    assert json.loads(as_json(found, absolute=False))["devices"] == list(found.kinds)


def test_processors_of_one_kind_are_not_dwelt_on() -> None:
    found = side_by_side({"a": ROME, "b": ROME})
    assert found.alike
    assert "family" not in render(found, absolute=False)


def test_a_run_that_does_not_record_instruction_sets_is_not_taken_for_the_same_kind() -> None:
    old = on("")
    assert not side_by_side({"a": old, "b": TURIN}).alike
    both = render(side_by_side({"a": old, "b": old}), absolute=False)
    assert (
        "recorded of their device is: cpu AMD EPYC (instruction sets not recorded). The processors may differ" in both
    )


def cells(written: str, combination: str) -> dict[str, str]:
    """The line of a combination in the second table, by column."""
    lines = written.partition("## Load, memory and start\n")[2].splitlines()
    (named,) = (line for line in lines if line.startswith("| combination |"))
    (line,) = (line for line in lines if line.startswith(f"| {combination} |"))
    columns, fields = ([field.strip() for field in one.strip("|").split("|")] for one in (named, line))
    return dict(zip(columns, fields, strict=True))


def test_loads_memory_and_starts_stand_beside_each_other() -> None:
    found = cells(render(side_by_side({"a": run(), "b": slowed()}), absolute=False), "good")
    assert found["RSS serving, A"] == found["RSS serving, B"] == "2.00 GiB"
    assert found["cold start, A"] == "1.5 s"
    first, second = (float(found[f"QPS (3 clients), {letter}"]) for letter in "AB")
    assert first == pytest.approx(2 * second, rel=0.01)
    assert not any("VRAM" in column for column in found)
    found = cells(render(of_two_devices(), absolute=False), "good")
    assert found["RSS serving / stock, B"] == found["cold start / stock, A"] == "1.00"
    assert found["QPS (3 clients) / stock, A"].startswith("2.00 [")


def test_the_command_takes_two_directories_or_more(tmp_path: Path) -> None:
    shutil.copytree(DEMO, tmp_path / "other")
    done = CliRunner().invoke(app, ["compare", str(DEMO), str(tmp_path / "other"), str(DEMO)])
    assert done.exit_code == 0, done.output
    assert done.stdout.count("1.00 [") >= 2 * 9
    assert f"- C: {DEMO} (3)" in done.stdout
    assert "What differs" not in done.stdout
    for arguments, said in (([str(DEMO)], "2 to 26 runs, not 1"), ([str(DEMO), str(tmp_path)], "holds no run")):
        with pytest.raises(InputError, match=said):
            raise CliRunner().invoke(app, ["compare", *arguments]).exception or AssertionError


def test_as_json_it_holds_the_figures_of_each_run(tmp_path: Path) -> None:
    shutil.copytree(DEMO, tmp_path / "other")
    done = CliRunner().invoke(app, ["compare", str(DEMO), str(tmp_path / "other"), "--format", "json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["runs"] == [str(DEMO), str(tmp_path / "other")]
    first, second = found["combinations"]["batching"]
    assert first["to_first"] is None
    assert second["to_first"] == pytest.approx(1)
    assert second["p50_ns"] == first["p50_ns"] > 0


def test_a_run_that_is_torn_or_of_a_newer_version(tmp_path: Path) -> None:
    torn, newer = tmp_path / "torn", tmp_path / "newer"
    lines = gzip.decompress((DEMO / "records.jsonl.gz").read_bytes()).splitlines(keepends=True)
    for directory, written in (
        (torn, b"".join(lines)[:-80]),
        (newer, re.sub(rb'"version":\d+', b'"version":99', lines[0])),
    ):
        directory.mkdir()
        (directory / "records.jsonl").write_bytes(written)
    done = CliRunner().invoke(app, ["compare", str(torn), str(torn)])
    assert done.exit_code == 0, done.output
    assert "the last line is incomplete" in done.stderr
    for arguments in (["compare", newer, DEMO], ["report", newer], ["chart", newer, "--kind", "ratio"]):
        with pytest.raises(
            InputError, match=f"version 99, and this uiebench reads {OLDEST_VERSION} to {RECORD_VERSION}; a newer"
        ):
            raise CliRunner().invoke(app, [str(one) for one in arguments]).exception or AssertionError

"""Committed baselines: the same file for the same run, read back whole, refused where they are of another version."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from made_up import HEADER, RECORDS, SPAN
from msgspec.structs import replace

from harness.analyse.baselines import (
    Baseline,
    Origin,
    changed_answers,
    of_run,
    read_baseline,
    why_no_ratios,
    why_no_times,
    write_baseline,
)
from harness.analyse.entries import Entry
from harness.errors import InputError
from harness.record import Chains
from harness.report.ci.baselines import differing, shown

ANSWERS: dict[str, Chains] = {f"t{i}": SPAN if i % 2 else [] for i in range(50)}  # type: ignore[misc]


def baseline(**answers: Chains) -> Baseline:
    return of_run(HEADER, RECORDS, {**ANSWERS, **answers}, {"t9"}, "0" * 16, 0.0156789)


def test_the_same_run_gives_the_same_file_and_it_reads_back(tmp_path: Path) -> None:
    one, two = tmp_path / "deep" / "a.jsonl", tmp_path / "b.jsonl"
    write_baseline(one, baseline())
    write_baseline(two, baseline())
    assert one.read_bytes() == two.read_bytes()
    assert read_baseline(one) == baseline()
    lines = [json.loads(line) for line in one.read_text().splitlines()]
    assert [line["type"] for line in lines] == ["baseline", *["text"] * 50, *["cell"] * 9]


def test_a_change_of_one_answer_is_a_change_of_one_line(tmp_path: Path) -> None:
    one, two = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    write_baseline(one, baseline())
    write_baseline(two, baseline(t1=[]))
    lines = zip(one.read_text().splitlines(), two.read_text().splitlines(), strict=True)
    assert [old for old, new in lines if old != new] == [
        f'{{"answer":"{baseline().answers["t1"]}","id":"t1","near":false,"type":"text"}}'
    ]
    assert changed_answers(baseline(t1=[]), baseline()) == ["t1"]
    assert list(differing(baseline(), baseline(t1=[]))) == ["answers of the baseline extractor: 1 text (t1)"]


def test_an_answer_that_rounding_may_decide_is_not_held_against_anyone() -> None:
    assert changed_answers(baseline(t9=[]), baseline()) == []
    assert changed_answers(baseline(added=[]), baseline()) == ["added"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not a baseline"),
        ("[]", "is not a baseline"),
        ('{"version": 99}', "of version 99, but this uiebench reads only 1 and 2; write it again"),
        ('{"version": 2, "type": "baseline"}', "line 1: cannot be read as a line of a baseline"),
    ],
)
def test_a_file_that_is_none_is_named(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        read_baseline(path)
    with pytest.raises(InputError, match="baseline update"):
        read_baseline(tmp_path / "none.jsonl")


def of(environment: dict[str, Any], **changes: Any) -> Origin:
    header = replace(HEADER, environment=environment, **changes)
    return of_run(header, RECORDS, {}, set(), "0" * 16, 0.02).origin


ROME = {"processor": "AMD EPYC", "processor_model": "family 23, model 49", "instruction_sets": ["avx2"], "cores": 2}
TURIN = {**ROME, "processor_model": "family 26, model 2", "instruction_sets": ["avx2", "avx512f"]}


def test_a_baseline_of_another_processor_of_the_same_name_is_of_another_kind() -> None:
    old, new = of(ROME), of(TURIN)
    assert old.kind == "cpu AMD EPYC (family 23, model 49; AVX2)"
    assert old.environment_hash != new.environment_hash
    assert why_no_ratios(old, old.kind, "b") is None
    assert why_no_ratios(old, new.kind, "b") == (
        "b was measured on another kind of device (cpu AMD EPYC (family 23, model 49; AVX2); "
        "here cpu AMD EPYC (family 26, model 2; AVX-512)), so ratios differ too"
    )


def test_in_another_environment_of_one_kind_what_differs_is_named() -> None:
    old, new = of(ROME), of({**ROME, "cores": 8, "caches": {"L3": "32768K"}})
    assert why_no_ratios(old, new.kind, "b") is None
    assert why_no_times(old, old, "b") is None
    assert why_no_times(old, new, "b") == (
        "b was measured in another environment (cores 2, here 8; caches not recorded, here {'L3': '32768K'})"
    )


@pytest.mark.parametrize("figure", [0, 2**63, 10**400])
def test_bytes_that_nothing_can_take_are_refused(figure: int, tmp_path: Path) -> None:
    path = tmp_path / "huge.jsonl"
    write_baseline(path, baseline())
    taken = next(one.rss_bytes for one in baseline().entries.values() if one.rss_bytes)
    path.write_text(path.read_text().replace(f'"rss_bytes":{taken}', f'"rss_bytes":{figure}'))
    with pytest.raises(InputError, match="cannot be read as a line of a baseline"):
        read_baseline(path)


@pytest.mark.parametrize(
    ("kind", "read"), [("cpu AMD EPYC", "cpu AMD EPYC (instruction sets not recorded)"), ("cuda T4", "cuda T4")]
)
def test_a_file_from_before_instruction_sets_were_kept_is_read_and_says_so(
    kind: str, read: str, tmp_path: Path
) -> None:
    path = tmp_path / "old.jsonl"
    write_baseline(path, replace(baseline(), origin=replace(baseline().origin, version=1, kind=kind)))
    old = read_baseline(path)
    assert old.origin.kind == read
    assert old.entries == baseline().entries
    assert any(read in line for line in shown(old))
    if kind.startswith("cpu"):
        said = why_no_ratios(old.origin, of(TURIN).kind, "old.jsonl")
        assert said
        assert said.startswith("old.jsonl does not say which instruction sets its processor has (cpu AMD EPYC (")
        assert said.endswith("write it again with `uiebench baseline update`")


def test_a_file_from_before_total_times_were_kept_is_read_without_its_p95_over_requests(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write_baseline(path, baseline())
    *lines, last = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    before = [{name: one for name, one in line.items() if name not in ("total", "texts")} for line in (*lines, last)]
    path.write_text("\n".join(map(json.dumps, before)), encoding="utf-8")
    assert baseline().entries["good"].p95
    old = read_baseline(path).entries["good"]
    assert old == replace(baseline().entries["good"], total=[], texts={}, p95=[])


def test_what_a_baseline_holds_and_where_two_differ_in_words() -> None:
    old = baseline()
    lines = list(shown(old))
    assert "50 texts" in lines[0]
    assert any(line.startswith("| good | 0.500 | 1 |") for line in lines)
    assert list(differing(old, old)) == []
    entries = {name: one for name, one in old.entries.items() if name != "good"}
    entries["better"] = replace(entries["better"], f1=10.0)
    changed = replace(old, entries=entries, origin=replace(old.origin, kind="cpu another"))
    said = list(differing(old, changed))
    assert said[0].endswith("-> cpu another")
    assert "good: gone" in said
    assert any(line.startswith("better: ") and line.endswith("10.00") for line in said)


def another(value: Any) -> Any:
    """A value of the same kind; a number that is nearly the same."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, list):
        return value[1:] if value else [1.0, 2.0]
    if isinstance(value, str | dict):
        return type(value)()
    return (value or 0) + 0.00001


@pytest.mark.parametrize("field", [field for field in Entry.__struct_fields__ if field != "combination"])
def test_no_figure_of_a_combination_differs_unsaid(field: str) -> None:
    old = baseline()
    entry = old.entries["wrong"]
    changed = replace(entry, **{field: another(getattr(entry, field))})
    (said,) = differing(old, replace(old, entries={**old.entries, "wrong": changed}))
    assert said.startswith("wrong: ")
    assert said.count("->") + said.count("by less than is shown") == 1


@pytest.mark.parametrize("part", Origin.__struct_fields__)
def test_no_fact_of_the_origin_differs_unsaid(part: str) -> None:
    old = baseline()
    origin = replace(old.origin, **{part: another(getattr(old.origin, part))})
    (said,) = differing(old, replace(old, origin=origin))
    assert said.startswith(f"{part}: ")


def test_answers_that_rounding_may_decide_differ_too() -> None:
    assert list(differing(baseline(), baseline(t9=[]))) == ["differing answers that rounding may decide: 1 text (t9)"]
    (said,) = differing(baseline(), replace(baseline(), near=frozenset({"t9", "t8"})))
    assert said.endswith(": 1 text (t8)")


def test_a_figure_is_shown_as_it_was_and_as_it_is() -> None:
    old = baseline()
    slower = replace(old.entries["good"], time=[math.log(0.75)] * 2, starts_ns=[2_500_000_000])
    (said,) = differing(old, replace(old, entries={**old.entries, "good": slower}))
    assert said == (
        "good: time / stock 0.500 in 1 round -> 0.750 in 2 rounds, cold start 1.5 s in 1 start -> 2.5 s in 1 start"
    )


@pytest.mark.parametrize("of", ["text", "cell", "baseline"])
def test_of_two_lines_about_one_thing_both_are_named(of: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write_baseline(path, baseline())
    lines = path.read_text(encoding="utf-8").splitlines()
    (first, *_) = [place for place, line in enumerate(lines) if json.loads(line)["type"] == of]
    again = json.dumps(json.loads(lines[first]) | ({"f1": 10.0} if of == "cell" else {}))
    path.write_text("\n".join([*lines, again]) + "\n", encoding="utf-8")
    said = {"text": "the text 't0'", "cell": "the combination 'baseline'", "baseline": "the run"}[of]
    with pytest.raises(InputError, match=f"lines {first + 1} and {len(lines) + 1} are both about {said}"):
        read_baseline(path)


def test_a_byte_order_mark_and_line_ends_of_windows_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write_baseline(path, baseline())
    data = path.read_bytes()
    for other in (b"\xef\xbb\xbf" + data, data.replace(b"\n", b"\r\n"), data.removesuffix(b"\n")):
        path.write_bytes(other)
        assert read_baseline(path) == baseline()


def test_a_separator_of_lines_in_a_name_ends_no_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    odd = baseline(**{"a\u2028b\x85c": []})
    write_baseline(path, odd)
    assert read_baseline(path) == odd


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("starts_ns", [0]),
        ("rate_ends", [1.0, 2.0, 3.0]),
        ("time", [1e300]),
        ("f1", 101),
        ("total", ["slow"]),
        ("texts", [0.1]),
        ("texts", {"t0": [1e300]}),
        ("rss_bytes", -1),
        ("p95_ns", 0),
    ],
)
def test_a_figure_that_cannot_be_is_named_with_its_line(field: str, value: object, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write_baseline(path, baseline())
    *lines, last = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([*lines, json.dumps(json.loads(last) | {field: value})]), encoding="utf-8")
    with pytest.raises(InputError, match=rf"a\.jsonl, line 60: .*`\$\.{field}"):
        read_baseline(path)


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16"])
def test_a_baseline_in_another_encoding_is_named(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write_baseline(path, baseline(价格=[]))
    path.write_bytes(path.read_text(encoding="utf-8").encode(encoding))
    with pytest.raises(InputError, match=r"a\.jsonl.*UTF-8"):
        read_baseline(path)

"""Committed baselines: the same file for the same run, read back whole, refused where they are of another version."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from made_up import HEADER, RECORDS, SPAN
from msgspec.structs import replace

from harness.analyse.baselines import Baseline, Origin, changed_answers, of_run, read_baseline, write_baseline
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
    assert list(differing(baseline(), baseline(t1=[]))) == ["answers of the baseline extractor: 1 texts (t1)"]


def test_an_answer_that_rounding_may_decide_is_not_held_against_anyone() -> None:
    assert changed_answers(baseline(t9=[]), baseline()) == []
    assert changed_answers(baseline(added=[]), baseline()) == ["added"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not a baseline"),
        ("[]", "is not a baseline"),
        ('{"version": 99}', "of version 99, and this uiebench reads 1; write it anew"),
        ('{"version": 1, "type": "baseline"}', "line 1: cannot be read as a line of a baseline"),
    ],
)
def test_a_file_that_is_none_is_named(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        read_baseline(path)
    with pytest.raises(InputError, match="baseline update"):
        read_baseline(tmp_path / "none.jsonl")


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
    assert list(differing(baseline(), baseline(t9=[]))) == ["its answers that rounding may decide: 1 texts (t9)"]
    (said,) = differing(baseline(), replace(baseline(), near=frozenset({"t9", "t8"})))
    assert said.endswith(": 1 texts (t8)")


def test_a_figure_is_shown_as_it_was_and_as_it_is() -> None:
    old = baseline()
    slower = replace(old.entries["good"], time=[math.log(0.75)] * 2, starts_ns=[2_500_000_000])
    (said,) = differing(old, replace(old, entries={**old.entries, "good": slower}))
    assert said == (
        "good: time / stock 0.500 in 1 rounds -> 0.750 in 2 rounds, cold start 1.5 s in 1 starts -> 2.5 s in 1 starts"
    )

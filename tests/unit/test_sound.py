"""A run whose lines do not fit together is named by file and line, and never analysed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from made_up import HEADER, RECORDS
from msgspec.structs import replace

from harness.cli.viewing import read_view
from harness.errors import InputError
from harness.record import Measured
from harness.run.reference import read_answers
from harness.run.store import Store, read_run

Change = Callable[[dict[str, Any]], object]


def written(directory: Path, place: int, change: Change) -> Path:
    """A run of which one line is changed."""
    lines = [json.loads(msgspec.json.encode(one)) for one in (HEADER, *RECORDS)]
    change(lines[place])
    (directory / "records.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return directory


@pytest.mark.parametrize(
    ("place", "change", "said"),
    [
        (0, lambda line: line.update(environment={"worker": []}), "environment.worker is not of type dict"),
        (0, lambda line: line.update(environment={"cores": []}), "environment.cores is not of type int"),
        (0, lambda line: line.update(environment={"between_process_sd": [1]}), "is not a positive number"),
        (0, lambda line: line.update(environment={"worker": {"ceilings": {"bytes_per_s": 1}}}), "ceilings: "),
        (
            0,
            lambda line: line.update(
                environment={"worker": {"ceilings": {"flops_per_s": {}, "bytes_per_s": 1, "launch_s": 0}}}
            ),
            "ceilings are not all above 0",
        ),
        (0, lambda line: line.update(text_characters=[1]), "50 texts and 1 lengths"),
        (1, lambda line: line["samples"].update(own_ns=[]), "no passes"),
        (1, lambda line: line["samples"].update(own_ns=[[1], [1, 2]]), "not of the same texts"),
        (1, lambda line: line["samples"]["own_ns"][0].__setitem__(0, 0), "a request takes no time"),
        (1, lambda line: line["samples"].update(repeats=0), "its 2 rows of times are no passes of 0 rows each"),
        (1, lambda line: line["samples"].update(repeats=3), "its 2 rows of times are no passes of 3 rows each"),
        (1, lambda line: line["samples"]["own_ns"].__setitem__(0, "x"), "Expected `array`"),
        (1, lambda line: line["cell"].update(combination="\ud800"), "line 2"),
        (2, lambda line: line["samples"].update(own=[]), "no passes"),
        (3, lambda line: line["samples"]["own"][0].update(wall_ns=-1), "takes no time"),
        (4, lambda line: line["samples"]["own"][0].update(first_call_ns=0), "a start takes no time"),
        (4, lambda line: line["samples"]["own"][0].update(context_ns=-1), "a start takes no time"),
        (9, lambda line: line["samples"]["parity"]["differences"].append(0), "Expected `object`"),
        (1, lambda line: line.update(type="header"), "line 2"),
    ],
)
def test_a_line_that_cannot_be_is_named(place: int, change: Change, said: str, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=rf"records\.jsonl, line {place + 1}: cannot be read as a record: .*"
    ) as refused:
        read_run(written(tmp_path, place, change), pytest.fail)
    assert said in str(refused.value)


def test_a_record_of_another_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a record of 'strange', which its header does not name"):
        read_view(written(tmp_path, 1, lambda line: line["cell"].update(combination="strange")))
    with pytest.raises(InputError, match="round 0 of 'baseline' has 50 times a pass, and the header 1 texts"):
        read_view(written(tmp_path, 0, lambda line: line.update(texts=["a"])))


def test_bytes_of_another_encoding_are_named(tmp_path: Path) -> None:
    path = written(tmp_path, 1, lambda line: line["cell"].update(dataset="@")) / "records.jsonl"
    path.write_bytes(path.read_bytes().replace(b"@", "价格".encode("gb18030")))
    with pytest.raises(InputError, match=r"records\.jsonl, line 2: .*utf-8"):
        read_run(tmp_path, pytest.fail)


def test_a_byte_order_mark_and_line_ends_of_windows_change_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for line in (HEADER, *RECORDS):
        store.append(line)
    store.path.write_bytes(b"\xef\xbb\xbf" + store.path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_run(tmp_path, pytest.fail) == (HEADER, RECORDS)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"id": "a", "output": [[1]], "marks": []}\n', "line 1: is not an answer"),
        (b'{"id": "a", "output": [], "marks": []}\n\xff\n', "line 2: "),
        (b"[" * 100_000, "line 1: is not an answer"),
        (None, "cannot be read: No such file"),
    ],
)
def test_spoilt_answers_of_a_run_are_named(data: bytes | None, said: str, tmp_path: Path) -> None:
    if data is not None:
        (tmp_path / "reference.jsonl").write_bytes(data)
    with pytest.raises(InputError, match=rf"reference\.jsonl.*{said}"):
        read_answers(tmp_path)


def test_a_combination_without_scores_by_text_has_no_f1_difference(tmp_path: Path) -> None:
    def without(line: dict[str, Any]) -> None:
        line["samples"]["scores"]["by_text"] = []

    place = next(
        place
        for place, one in enumerate(RECORDS, 1)
        if isinstance(one, Measured) and one.cell == replace(one.cell, combination="inexact", scenario="single_stream")
    )
    (row,) = [row for row in read_view(written(tmp_path, place, without)).rows if row.combination == "inexact"]
    assert row.f1_difference is None

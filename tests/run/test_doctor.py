from __future__ import annotations

from pathlib import Path

import pytest

from harness import doctor
from harness.doctor import Data, Finding, examine
from harness.plan.registry import Registry, find_optimizations

FAULTS = Path(__file__).parent / "faults.py"
TRIED = ("dynamic_truncation", "cpu_fallback", "does_nothing", "raises")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch, light_start: Path) -> None:
    """Some optimizations of each sort: a process each takes a while."""
    every = find_optimizations([FAULTS])
    monkeypatch.setattr(doctor, "find_optimizations", lambda _: Registry(every[name] for name in TRIED))


def found(data: str | None = None, checkpoint: str = "mini") -> dict[str, Finding]:
    return {one.about: one for one in examine(checkpoint, "cpu", None if data is None else Data(data), (FAULTS,))}


@pytest.mark.usefixtures("few")
def test_each_optimization_is_tried_on_the_checkpoint() -> None:
    seen = found("business/test")
    assert seen["checkpoint mini"].state == "fine"
    assert "MiB of weights, first answer after" in seen["checkpoint mini"].said
    assert seen["dynamic_truncation"].state == "fine"
    assert "padding tokens removed" in seen["dynamic_truncation"].said
    assert seen["cpu_fallback"].state == "note"
    assert seen["cpu_fallback"].said.startswith("not here: the device is")
    assert seen["does_nothing"] == Finding("does_nothing", "wrong", "would not be active: no kernel of it was seen")
    assert seen["raises"].state == "wrong"
    assert "no such kernel" in seen["raises"].said
    assert seen["data business/test"].said.startswith("100 texts of ")
    assert seen["data business/test"].said.endswith("100 with gold")
    assert seen["cache"].state == "fine"


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    texts = tmp_path / "plain.jsonl"
    texts.write_text('{"id": "a", "text": "售价三元", "schema": {"价格": null}}', encoding="utf-8")
    seen = found(str(texts), checkpoint="minni")
    assert "did you mean 'mini'" in seen["checkpoint"].said
    assert seen["checkpoint"].state == "wrong"
    assert seen[f"data {texts}"].state == "note"
    assert "none with gold" in seen[f"data {texts}"].said
    assert found("busines", checkpoint="minni")["data busines"].state == "wrong"


def test_a_file_is_looked_at_in_the_format_that_is_said(tmp_path: Path) -> None:
    file = tmp_path / "odd.dat"
    file.write_text("小 B-人\n王 I-人\n好 X\n", encoding="utf-8")

    def said(data: Data) -> Finding:
        return next(one for one in examine("mini", "cpu", data) if one.about.startswith("data"))

    assert (said(Data(str(file))).state, "fits no format" in said(Data(str(file))).said) == ("wrong", True)
    assert said(Data(str(file), "conll")).said.startswith("1 texts of 3 to 3 characters")
    assert said(Data(str(file), "plain", '{"人": null}')).said.startswith("3 texts of ")

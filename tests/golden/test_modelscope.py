"""Stock beside the real pipeline, where ModelScope is installed: the same calls of the model, the same answers.

It needs an older transformers than the project's own environment has; docs/own-model.md says how to make another one.
"""

from __future__ import annotations

import json
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from seen import Call, calls

from harness import Extractor
from harness.baseline.loading import plain_plan

pytestmark = [
    pytest.mark.skipif(find_spec("modelscope") is None, reason="ModelScope is not installed; see docs/own-model.md"),
    pytest.mark.filterwarnings("ignore"),  # those of ModelScope and of what it imports are not ours to mend
]
CASES: dict[str, dict[str, Any]] = {
    case["name"]: case
    for case in json.loads((Path(__file__).parent / "expected.json").read_text(encoding="utf-8"))
    # The reference asks on about a span that holds nothing, a bug of its own that stock does not share.
    if all(item["offset"][0] < item["offset"][1] for chain in case["output"] for item in chain)
}


@pytest.fixture(scope="module")
def pipeline(golden: Path) -> Any:
    return import_module("modelscope.pipelines").pipeline("siamese-uie", model=str(golden), device="cpu")


@pytest.fixture(scope="module")
def stock(golden: Path) -> Extractor:
    return plain_plan(golden, device="cpu", start="stock").load()


def watched(pipeline: Any, monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """Every forward of the pipeline's model from now on."""
    seen: list[Call] = []
    tower, cross = pipeline.model.get_plm_sequence_output, pipeline.model.get_cross_attention_output

    def noting_tower(ids: torch.Tensor, *inputs: Any, is_hint: bool = False) -> Any:
        seen.append(Call("prompt" if is_hint else "text", *ids.shape))
        return tower(ids, *inputs, is_hint=is_hint)

    def noting_cross(text: torch.Tensor, mask: torch.Tensor, prompt: torch.Tensor, *inputs: Any) -> Any:
        seen.append(Call("cross", text.shape[0], text.shape[1] + prompt.shape[1]))
        return cross(text, mask, prompt, *inputs)

    monkeypatch.setattr(pipeline.model, "get_plm_sequence_output", noting_tower)
    monkeypatch.setattr(pipeline.model, "get_cross_attention_output", noting_cross)
    return seen


@pytest.mark.parametrize("name", CASES)
def test_a_golden_case_takes_the_same_calls_and_gives_the_same_answer(
    pipeline: Any, stock: Extractor, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    case, theirs = CASES[name], watched(pipeline, monkeypatch)
    answer = pipeline(case["text"], schema=case["schema"], output_all_prefix=case["output_all_prefix"])["output"]
    assert answer == case["output"] == stock.extract(case["text"], case["schema"], case["output_all_prefix"])
    assert sorted(calls(stock, case["text"], case["schema"])) == sorted(theirs)


@pytest.mark.parametrize("windows", [1, 2, 3, 5, 8, 9])
@pytest.mark.parametrize("prompts", [1, 3, 7, 8, 9, 16, 17])
def test_any_number_of_prompts_and_windows_takes_the_same_calls(
    pipeline: Any, stock: Extractor, monkeypatch: pytest.MonkeyPatch, prompts: int, windows: int
) -> None:
    theirs = watched(pipeline, monkeypatch)
    text = "好" * (384 + 352 * (windows - 1) - 20)
    schema = {"类" * (1 + place % 5) + str(place): None for place in range(prompts)}
    pipeline(text, schema=schema)
    assert sorted(calls(stock, text, schema)) == sorted(theirs)

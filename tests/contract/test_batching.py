"""Batching: no forward over the budget, no text at another's length, and no answer changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from harness import Extractor
from harness.baseline.forward import Forwards
from harness.baseline.loading import plain_plan
from harness.compose import compose
from harness.data.dataset import read_dataset
from harness.plan.registry import find_optimizations
from harness.plugin import Probe

REGISTRY = find_optimizations()


def composed(golden: Any, *names: str, **parameters: Any) -> Extractor:
    chosen = [(REGISTRY[name], parameters if name == names[0] else {}) for name in names]
    return compose(plain_plan(golden, device="cpu", start="baseline"), chosen)


def padded_tokens(extractor: Extractor, texts: list[str], schemas: list[Any]) -> list[tuple[int, int]]:
    """What every forward of all three kinds is given: rows, and tokens of each row, padding included."""
    given: list[tuple[int, int]] = []

    def noting(forward: Any) -> Any:
        def noted(*inputs: torch.Tensor) -> Any:
            masks = [one for one in inputs if one.dtype == torch.bool]
            given.append((masks[0].shape[0], sum(mask.shape[1] for mask in masks)))
            return forward(*inputs)

        return noted

    own = extractor.forwards
    watched = Forwards(*(noting(forward) for forward in (own.encode_text, own.encode_prompt, own.cross)))
    replace(extractor, forwards=watched).extract_batch(texts, schemas)
    return given


def test_batching_keeps_to_its_budget(golden: Any) -> None:
    extractor = composed(golden, "batching", "dynamic_truncation", tokens=300)
    short = [example for example in read_dataset("business/dev") if len(example.text) < 100]
    asked = Probe(extractor, [example.text for example in short], [dict.fromkeys(example.schema) for example in short])
    shapes = asked.shapes()
    # The budget counts whole tokens; padding rounds each row up to a multiple of 8.
    assert all(shape.rows == 1 or shape.rows * (shape.length - 7) <= 300 for shape in shapes)
    assert any(shape.rows > 1 for shape in shapes)


@pytest.mark.parametrize("company", [(), ("dynamic_truncation",)], ids="+".join)
@pytest.mark.parametrize("budget", [1100, 8192])
def test_no_forward_has_more_padded_tokens_than_the_budget(golden: Any, company: tuple[str, ...], budget: int) -> None:
    extractor = composed(golden, "batching", *company, tokens=budget)
    examples = list(read_dataset("business/dev"))[:30]
    texts = [*(example.text for example in examples), "好" * 300, "屏幕很亮，" * 100]
    schemas = [dict.fromkeys([*example.schema, "很长的一种类型，" * 6]) for example in examples]
    schemas += [{"价格": None}, {"价格": None, "属性词": None}]
    given = padded_tokens(extractor, texts, schemas)
    assert max(rows * tokens for rows, tokens in given) <= budget
    assert any(rows > 1 for rows, _ in given)


def test_a_short_text_is_not_computed_at_the_length_of_a_long_one_beside_it(golden: Any) -> None:
    extractor = composed(golden, "batching", "dynamic_truncation", tokens=600)
    given = padded_tokens(extractor, ["好" * 10, "好" * 200], [dict.fromkeys("价色味"), {"价": None}])
    # Encoded together; then three prompts to the short one, and one to the long one.
    assert given == [(2, 208), (3, 8), (3, 16 + 8), (1, 8), (1, 208 + 8)]


def test_answers_do_not_depend_on_what_is_in_the_batch(golden: Any) -> None:
    alone, together = composed(golden, "dynamic_truncation"), composed(golden, "batching", "dynamic_truncation")
    examples = list(read_dataset("business/dev"))[:12]
    texts = [*(example.text for example in examples), "屏幕很亮，" * 100, ""]
    schemas = [*(dict.fromkeys(example.schema) for example in examples), {"价格": None}, {"价格": None}]
    answers = together.extract_batch(texts, schemas)
    assert answers == [alone.extract(text, schema) for text, schema in zip(texts, schemas, strict=True)]

"""The reference pipeline's own answers, recorded: every extractor gives them, token by token and logit by logit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import Extractor
from harness.baseline.flow import prompt
from harness.baseline.schema import check_schema

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "expected.json").read_text(encoding="utf-8"))
each_case = pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])


def test_all_cases_are_there() -> None:
    assert len(CASES) == 28


def whole(case: dict[str, Any]) -> list[Any]:
    """The reference also returns chains with a span that holds nothing, which is a bug of its own."""
    return [chain for chain in case["output"] if all(start < end for start, end in (item["offset"] for item in chain))]


def close_to_the_reference(logits: Any, case: dict[str, Any]) -> None:
    np.testing.assert_allclose(logits[:, 0], case["head_logits"], rtol=0, atol=1e-4)
    np.testing.assert_allclose(logits[:, 1], case["tail_logits"], rtol=0, atol=1e-4)


@each_case
def test_every_extractor_gives_the_references_chains_and_logits(extractor: Extractor, case: dict[str, Any]) -> None:
    observed = extractor.extract_observed(case["text"], case["schema"])
    if case["output_all_prefix"]:
        assert extractor.extract(case["text"], case["schema"], output_all_prefix=True) == whole(case)
    else:
        assert observed.chains == whole(case)
    close_to_the_reference(np.stack([observed.logits[prompt] for prompt in case["prompts"]]), case)


@each_case
def test_unobserved_chains_and_logits_asked_for_alone_are_the_references(
    stock: Extractor, case: dict[str, Any]
) -> None:
    assert stock.extract(case["text"], case["schema"], case["output_all_prefix"]) == whole(case)
    close_to_the_reference(stock.logits(case["text"], case["prompts"]), case)


@each_case
def test_every_extractor_gives_the_references_tokens(extractor: Extractor, case: dict[str, Any]) -> None:
    tokens = extractor.tokenizer.text(case["text"])
    assert list(tokens.ids) == case["text_ids"]
    assert tokens.offsets.tolist() == case["offsets"]


@each_case
def test_the_references_prompts_are_asked(case: dict[str, Any]) -> None:
    assert [prompt((), key) for key in check_schema(case["schema"])] == case["prompts"]

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


@each_case
def test_every_extractor_gives_the_references_chains(extractor: Extractor, case: dict[str, Any]) -> None:
    # The reference also returns chains with a span that holds nothing, which is a bug of its own.
    whole = [chain for chain in case["output"] if all(start < end for start, end in (item["offset"] for item in chain))]
    assert extractor.extract(case["text"], case["schema"], case["output_all_prefix"]) == whole


@each_case
def test_every_extractor_gives_the_references_tokens(extractor: Extractor, case: dict[str, Any]) -> None:
    tokens = extractor.tokenizer.text(case["text"])
    assert list(tokens.ids) == case["text_ids"]
    assert tokens.offsets.tolist() == case["offsets"]


@each_case
def test_every_extractor_asks_the_references_prompts(extractor: Extractor, case: dict[str, Any]) -> None:
    assert [prompt((), key) for key in check_schema(case["schema"])] == case["prompts"]


@each_case
def test_every_extractor_gives_the_references_logits(extractor: Extractor, case: dict[str, Any]) -> None:
    logits = extractor.logits(case["text"], case["prompts"])
    np.testing.assert_allclose(logits[:, 0], case["head_logits"], rtol=0, atol=1e-4)
    np.testing.assert_allclose(logits[:, 1], case["tail_logits"], rtol=0, atol=1e-4)

"""What a call keeps of its texts and prompts: it saves work, changes no answer, and stays within its limit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from harness import Extractor
from harness.baseline.kept import NO_REUSE, Kept
from harness.baseline.loading import plain_plan
from harness.compose import compose
from harness.errors import InputError
from harness.plan.registry import find_optimizations
from harness.plugin import Probe

REGISTRY = find_optimizations()
# Nested twice, and a text whose spans come twice: of the random golden checkpoint's finds, many are the same.
TEXT = "快递很快，客服很好，快递很快，客服很好，"
LONG = "屏幕很亮，" * 100  # several windows
SCHEMA: dict[str, Any] = {"属性词": {"情感词": {"程度": None}}, "价格": None}
NESTED: dict[str, Any] = {
    "属性词": {"情感词": None}
}  # for a long text, of which a third level asks thousands of prompts


def composed(golden: Any, *names: str, **parameters: Any) -> Extractor:
    chosen = [(REGISTRY[name], parameters if name == names[0] else {}) for name in names]
    return compose(plain_plan(golden, device="cpu", start="plain"), chosen)


def rows(extractor: Extractor, texts: list[str]) -> dict[str, int]:
    """The rows that each forward was given."""
    given = {"encode_text": 0, "cross": 0}
    own = extractor.forwards

    def noting(name: str, forward: Any) -> Any:
        def noted(*inputs: torch.Tensor) -> Any:
            given[name] += inputs[0].shape[0]
            return forward(*inputs)

        return noted

    watched = replace(own, **{name: noting(name, getattr(own, name)) for name in given})
    replace(extractor, forwards=watched).extract_batch(texts, [SCHEMA] * len(texts))
    return given


def test_a_text_is_encoded_once_and_a_prompt_scored_once(golden: Any) -> None:
    observed = composed(golden).extract_observed(TEXT, SCHEMA)
    different, plain = len(observed.logits), rows(composed(golden), [TEXT])
    assert plain["cross"] > different
    assert plain["encode_text"] > 1
    assert rows(composed(golden, "text_reuse"), [TEXT]) == {"encode_text": 1, "cross": plain["cross"]}
    both = rows(composed(golden, "prompt_memo", "text_reuse"), [TEXT])
    assert both == {"encode_text": 1, "cross": different}


@pytest.mark.parametrize(
    "company", [(), ("batching",), ("batching", "dynamic_truncation", "torchscript")], ids="+".join
)
def test_answers_are_kept_in_any_company(golden: Any, company: tuple[str, ...]) -> None:
    texts, schemas = [TEXT, LONG, "", "好" * 40], [SCHEMA, NESTED, SCHEMA, SCHEMA]
    expected = composed(golden, *company).extract_batch(texts, schemas)
    found = composed(golden, "text_reuse", "prompt_memo", *company)
    assert found.extract_batch(texts, schemas) == expected


@pytest.mark.parametrize("name", ["text_reuse", "prompt_memo"])
def test_nothing_is_kept_from_one_call_to_the_next(golden: Any, name: str) -> None:
    extractor = composed(golden, name)
    assert rows(extractor, [TEXT]) == rows(extractor, [TEXT])


def test_what_does_not_fit_is_computed_again_and_answers_stay(golden: Any) -> None:
    plain = composed(golden)
    tight = replace(plain, reuse=replace(NO_REUSE, encoded_texts=1))
    assert rows(tight, [TEXT]) == rows(plain, [TEXT])
    assert tight.extract(TEXT, SCHEMA) == plain.extract(TEXT, SCHEMA)


@pytest.mark.parametrize("name", ["text_reuse", "prompt_memo"])
def test_evidence_says_no_where_the_reuse_was_lost(golden: Any, name: str) -> None:
    extractor = composed(golden, name)
    assert REGISTRY[name].evidence(Probe(extractor, [TEXT], [SCHEMA])).active
    lost = replace(extractor, reuse=NO_REUSE)
    for schema in (SCHEMA, {"价格": None}):
        assert not REGISTRY[name].evidence(Probe(lost, [TEXT], [schema])).active


def test_a_limit_below_a_mebibyte_is_refused(golden: Any) -> None:
    with pytest.raises(InputError, match="text_reuse: mebibytes is 0; it must be at least 1"):
        composed(golden, "text_reuse", mebibytes=0)


def test_what_no_longer_fits_is_not_kept() -> None:
    kept = Kept[str, bytes](10, len)
    for key, value in (("a", b"1234"), ("b", b"1234"), ("c", b"1234"), ("d", b"12")):
        kept.put(key, value)
    assert [kept.get(key) for key in "abcd"] == [b"1234", b"1234", None, b"12"]

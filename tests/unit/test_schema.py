from __future__ import annotations

import json
from typing import Any

import pytest

from harness import Extractor
from harness.baseline.schema import MAX_DEPTH, check_schema, check_text
from harness.errors import InputError

NESTED = {"属性词": {"情感词": None}, "产品名称": None}


def nested(levels: int) -> dict[str, Any]:
    """A schema of so many levels: 1/2/…"""
    schema: dict[str, Any] | None = None
    for level in range(levels, 0, -1):
        schema = {str(level): schema}
    assert schema is not None
    return schema


def test_a_dict_is_taken_as_it_is() -> None:
    assert check_schema(NESTED) == NESTED


def test_json_text_is_taken_in_the_order_of_its_keys() -> None:
    assert list(check_schema(json.dumps(NESTED, ensure_ascii=False))) == list(NESTED)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (None, "must be a dict or the JSON text of one, not null"),
        (["属性词"], "not list"),
        (7, "not int"),
        ('["属性词"]', "not list"),
        ("null", "not null"),
        ("", "not JSON"),
        ("{属性词: null}", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ({}, "the schema is empty"),
        ("{}", "the schema is empty"),
        ({"属性词": {}}, "the schema at '属性词' is empty"),
        ({"属性词": "情感词"}, "the schema at '属性词' is '情感词'; a leaf is null"),
        ({"属性词": {"情感词": []}}, r"the schema at '属性词/情感词' is \[\]"),
        ({"属性词": True}, "is True"),
        ({1: None}, "has the key 1; every type is a string"),
        ({"属性词": {None: None}}, "the schema at '属性词' has the key None"),
        ({"\ud800": None}, "lone surrogate"),
        ({"属性词": {"情\udc80": None}}, "in the schema at '属性词' holds a lone surrogate .* at character 1"),
        ('{"\\ud800": null}', "lone surrogate"),
        (nested(MAX_DEPTH + 1), "nested deeper than 8 levels"),
        (nested(500), "nested deeper than 8 levels"),
    ],
)
def test_a_bad_schema_is_refused_with_its_fault(bad: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_schema(bad)


def test_eight_levels_are_taken() -> None:
    assert check_schema(nested(MAX_DEPTH)) == nested(MAX_DEPTH)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (None, "must be a string, not null"),
        (b"text", "must be a string, not bytes"),
        (7, "must be a string, not int"),
        ("甲\ud800", "lone surrogate .* at character 1"),
        ("\udcff乙", "lone surrogate .* at character 0"),
    ],
)
def test_a_bad_text_is_refused_with_its_fault(bad: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_text(bad)


def test_the_extractor_refuses_what_the_checks_refuse(baseline: Extractor) -> None:
    with pytest.raises(InputError, match="the text must be a string"):
        baseline.extract(None, NESTED)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="the schema is empty"):
        baseline.extract("屏幕细腻", {})
    with pytest.raises(InputError, match="lone surrogate"):
        baseline.extract("\ud800", NESTED)


@pytest.mark.parametrize("wrong", [(["屏幕细腻"], []), ([], [NESTED])])
def test_a_batch_needs_a_schema_for_each_text(baseline: Extractor, wrong: tuple[Any, Any]) -> None:
    with pytest.raises(InputError, match="a schema for each text"):
        baseline.extract_batch(*wrong)


@pytest.mark.parametrize("wrong", [("屏幕细腻", [NESTED] * 4), (["屏幕细腻"], NESTED), (None, []), ([], 1)])
def test_a_batch_is_made_of_lists(baseline: Extractor, wrong: tuple[Any, Any]) -> None:
    with pytest.raises(InputError, match="must be a list"):
        baseline.extract_batch(*wrong)


@pytest.mark.parametrize("wrong", [[], None, "产品名称: ", [None], [1]])
def test_logits_are_of_prompts(baseline: Extractor, wrong: Any) -> None:
    with pytest.raises(InputError, match="prompt"):
        baseline.logits("屏幕细腻", wrong)


def test_an_empty_text_gives_no_spans(extractor: Extractor) -> None:
    assert extractor.extract("", NESTED) == []


def test_an_empty_batch_gives_no_answers(extractor: Extractor) -> None:
    assert extractor.extract_batch([], []) == []

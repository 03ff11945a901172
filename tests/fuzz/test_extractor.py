"""The Python API: any text, any schema, any prompts."""

from __future__ import annotations

from contextlib import suppress
from random import Random
from typing import Any

import numpy as np
import pytest
from fuzzing import Fuzz
from mutations import as_json, broken, text, value

from harness import Extractor
from harness.embedded.checkpoints import find_checkpoint

SCHEMAS: tuple[dict[str, Any], ...] = (
    {"产品名称": None},
    {"属性词": {"情感词": None}},
    {"甲方": {"地址": None, "电话": None}, "乙方": None},
)
SOUND = ("华为Mate60 Pro支持卫星通话，售价6999元。", "屏幕清楚，续航一般", "ＡＢＣ　abc\t1 2")


@pytest.fixture(scope="module")
def mini() -> Extractor:
    """A trained model: one of random weights finds spans everywhere, and asks for what is below each of them."""
    return Extractor.load(find_checkpoint("mini"))


def a_text(random: Random) -> Any:
    """A sound text with a hostile one in it; now and then no text at all."""
    if random.random() < 0.15:
        return value(random)
    sound = random.choice(SOUND)
    at = random.randrange(len(sound) + 1)
    return sound[:at] + text(random)[:3000] + sound[at:]


def a_schema(random: Random) -> Any:
    """A schema with a broken place, as a dict or as JSON."""
    schema = random.choice(SCHEMAS)
    kind = random.randrange(4)
    if kind == 0:
        return schema
    changed = {text(random)[:200]: None} if kind == 1 else broken(random, schema)
    return as_json(random, changed) if random.random() < 0.4 else changed


def a_request(random: Random) -> tuple[Any, Any]:
    return a_text(random), a_schema(random)


def requests(random: Random) -> tuple[Any, Any]:
    """Texts and schemas of a batch; now and then not as many of one as of the other, or no lists."""
    count = random.randrange(4)
    texts: Any = [a_text(random) for _ in range(count)]
    schemas: Any = [a_schema(random) for _ in range(count if random.random() < 0.9 else count + 1)]
    return (value(random), schemas) if random.random() < 0.1 else (texts, schemas)


def prompts(random: Random) -> tuple[Any, Any]:
    asked = [random.choice((text(random)[:500], "产品名称: ", value(random))) for _ in range(random.randrange(3))]
    return a_text(random), value(random) if random.random() < 0.1 else asked


def test_one_text_with_one_schema(fuzz: Fuzz, mini: Extractor) -> None:
    def call(request: tuple[Any, Any]) -> None:
        written, schema = request
        for chain in mini.extract(written, schema, output_all_prefix=True):
            for item in chain:
                start, end = item["offset"]
                assert written[start:end] == item["span"]

    fuzz(40, a_request, call)


def test_texts_together(fuzz: Fuzz, mini: Extractor) -> None:
    fuzz(30, requests, lambda request: mini.extract_batch(*request))


def test_an_answer_with_its_logits(fuzz: Fuzz, mini: Extractor) -> None:
    fuzz(30, a_request, lambda request: mini.extract_observed(*request))


def test_logits_of_prompts(fuzz: Fuzz, mini: Extractor) -> None:
    def call(request: tuple[Any, Any]) -> None:
        assert np.isfinite(mini.logits(*request)).all()

    fuzz(30, prompts, call)


@pytest.mark.parametrize("what", ["device", "start", "checkpoint"])
def test_where_an_extractor_is_loaded_from(what: str, fuzz: Fuzz, golden: Any) -> None:
    sound = {"device": "cpu", "start": "stock", "checkpoint": golden}

    def call(given: str) -> None:
        asked: dict[str, Any] = {**sound, what: given}
        with suppress(OSError):  # of a name that is too long for a file's; the command line makes a message of it
            Extractor.load(asked.pop("checkpoint"), **asked)

    fuzz(10, lambda random: random.choice((text(random), "cuda:99", "cpu:7", "meta", "stock ", "x")), call)

"""An extractor's forwards are those of its model, and one whose model alone is replaced is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness import Extractor
from harness.baseline.forward import Forwards
from harness.baseline.model import SiameseUIE
from harness.errors import InputError
from harness.plan.registry import find_optimizations

TEXT, PROMPTS = "华为手机，售价999元", ["价格: "]


@pytest.fixture
def plain(golden: Path) -> Extractor:
    return Extractor.load(golden)


def other(extractor: Extractor) -> SiameseUIE:
    """A model whose logits are 100 higher."""
    model = extractor.model.twin()
    for classifier in (model.head_clsf, model.tail_clsf):
        classifier.bias = type(classifier.bias)(classifier.bias + 100, requires_grad=False)
    return model


def eager(extractor: Extractor) -> Extractor:
    return extractor


def scripted(extractor: Extractor) -> Extractor:
    return find_optimizations()["torchscript"].apply(extractor)  # type: ignore[no-any-return]


def wrapped(extractor: Extractor) -> Extractor:
    """As a plugin does that works around the forwards: nothing says any more whose they are."""
    own = extractor.forwards
    return replace(
        extractor,
        forwards=Forwards(
            lambda *inputs: own.encode_text(*inputs),
            lambda *inputs: own.encode_prompt(*inputs),
            lambda *inputs: own.cross(*inputs),
        ),
    )


each_kind = pytest.mark.parametrize("kind", [eager, scripted, wrapped])


@each_kind
def test_with_model_computes_the_other_model(plain: Extractor, kind: Callable[[Extractor], Extractor]) -> None:
    before = kind(plain)
    after = before.with_model(other(plain))
    assert (after.logits(TEXT, PROMPTS) - before.logits(TEXT, PROMPTS) > 99).all()
    assert (after.padding, after.batching, after.tokenizer) == (plain.padding, plain.batching, plain.tokenizer)


@each_kind
def test_a_model_replaced_alone_is_refused_with_what_to_write(
    plain: Extractor, kind: Callable[[Extractor], Extractor]
) -> None:
    with pytest.raises(InputError, match=r"another model than its own.*write extractor\.with_model\(model\)"):
        replace(kind(plain), model=other(plain))


def test_a_model_replaced_with_one_forward_of_the_old_one_kept_is_refused(plain: Extractor) -> None:
    model = other(plain)
    with pytest.raises(InputError, match="with_model"):
        replace(plain, model=model, forwards=replace(plain.forwards, cross=model.cross))


def test_forwards_that_no_extractor_has_yet_fit_any_model(plain: Extractor) -> None:
    own = plain.forwards
    free = Forwards(own.encode_text, own.encode_prompt, own.cross)
    assert replace(plain, forwards=free).forwards.model is plain.model
    assert free.model is None


def test_other_slots_are_replaced_as_before(plain: Extractor) -> None:
    same = replace(plain, shared=False, forwards=replace(plain.forwards, cross=plain.model.cross))
    assert (same.logits(TEXT, PROMPTS) == plain.logits(TEXT, PROMPTS)).all()

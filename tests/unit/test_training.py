from __future__ import annotations

import random
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.baseline.model import ModelConfig, SiameseUIE
from harness.baseline.tokenize import WordPiece, from_vocabulary
from harness.baseline.windows import TEXT_TOKENS
from harness.errors import InputError
from harness.training import loop
from harness.training.corpus import Domain, read_domains, swap_spans
from harness.training.grammar import Grammar
from harness.training.loop import Recipe, circle_loss, train
from harness.training.markup import parse
from harness.training.pairs import asks, collate, misleading, row

SCHEMA = {"产品名称": None, "价格": None, "属性词": {"情感词": None}}
NAMES = ["产品名称", "价格", "属性词", "情感词"]
TEXT = "{{小米14|产品名称}}的{{屏幕|属性词#1}}{{亮|情感词<1}}，{{小米14|产品名称}}值"
GRAMMAR = Grammar({"S": ("{{<产品名称>|产品名称}}卖{{<n:1:9>元|价格}}",), "产品名称": ("荣耀X", "华为Y")})
DOMAIN = Domain("products", SCHEMA, (TEXT,), GRAMMAR)


@pytest.fixture(scope="module")
def tokenizer(golden: Path) -> WordPiece:
    return from_vocabulary(golden)


def test_swapping_changes_every_mention_of_a_span_alike() -> None:
    texts = {swap_spans(TEXT, GRAMMAR, random.Random(seed)) for seed in range(20)}
    assert texts == {TEXT, TEXT.replace("小米14", "荣耀X"), TEXT.replace("小米14", "华为Y")}


def test_joined_texts_keep_their_own_children() -> None:
    texts = ("{{屏幕|属性词#1}}{{亮|情感词<1}}", "{{手感|属性词#1}}{{好|情感词<1}}")
    domain = Domain("products", SCHEMA, texts, GRAMMAR)
    rng = random.Random(0)
    for _ in range(300):
        for aspect, opinion in (("屏幕", "好"), ("手感", "亮")):
            marked = domain.draw(rng)
            spans = asks(marked, SCHEMA).get(f"属性词: {aspect}, 情感词: ", set())
            assert opinion not in {marked.text[start:end] for start, end in spans}


def test_every_prompt_of_the_schema_is_asked_with_all_its_spans() -> None:
    assert asks(parse(TEXT), SCHEMA) == {
        "产品名称: ": {(0, 4), (9, 13)},
        "价格: ": set(),
        "属性词: ": {(5, 7)},
        "属性词: 屏幕, 情感词: ": {(7, 8)},
    }


def test_targets_are_the_tokens_that_begin_and_end_a_span(tokenizer: WordPiece) -> None:
    one = row(parse(TEXT), SCHEMA, tokenizer, random.Random(0))
    batch = collate([one], NAMES)
    prompts = {tuple(ids): i for i, ids in enumerate(one.prompts)}
    tokens = tokenizer.text(parse(TEXT).text)
    for prompt, spans in asks(parse(TEXT), SCHEMA).items():
        target = batch.target[prompts[tokenizer.prompt(prompt)]].numpy()
        assert {int(start) for start in tokens.offsets[np.flatnonzero(target[0]), 0]} == {start for start, _ in spans}
        assert {int(end) for end in tokens.offsets[np.flatnonzero(target[1]), 1]} == {end for _, end in spans}


def test_tags_are_all_spans_of_each_type(tokenizer: WordPiece) -> None:
    one = row(parse(TEXT), SCHEMA, tokenizer, random.Random(0))
    batch = collate([one], [*NAMES, "颜色"])
    assert batch.tagged.tolist() == [[True, True, True, True, False]]
    offsets = tokenizer.text(parse(TEXT).text).offsets
    heads = [offsets[np.flatnonzero(batch.tags[0, kind, 0].numpy()), 0].tolist() for kind in range(5)]
    assert heads == [[0, 9], [], [5], [7], []]


def test_a_long_text_gives_one_window_at_a_time(tokenizer: WordPiece) -> None:
    marked = parse("好" * 500 + TEXT)
    rows = [row(marked, SCHEMA, tokenizer, random.Random(seed)) for seed in range(8)]
    assert {one.start for one in rows} == {TEXT_TOKENS}
    assert len({one.ids for one in rows}) == 2
    for one in rows:
        found = bool(collate([one], NAMES).target.any())
        assert found == (len(one.ids) < TEXT_TOKENS)  # the spans are at the end, in the second window


def test_a_misleading_prompt_names_what_is_no_parent() -> None:
    marked = parse(TEXT)
    found = set()
    for seed in range(200):
        asked = misleading(marked, SCHEMA, random.Random(seed))
        if asked is not None:
            assert asked not in asks(marked, SCHEMA)
            named = re.fullmatch(r"属性词: (.*), 情感词: ", asked, re.DOTALL)
            assert named
            assert named[1] in marked.text
            assert named[1] != "屏幕"
            found.add(named[1])
    assert len(found) > 10
    assert misleading(marked, {"价格": None}, random.Random(0)) is None


def test_a_misleading_prompt_is_learned_to_have_no_answer(tokenizer: WordPiece) -> None:
    schema = {"属性词": {"情感词": None}}
    rows = [row(parse(TEXT), schema, tokenizer, random.Random(seed)) for seed in range(20)]
    known = {tokenizer.prompt(asked) for asked in asks(parse(TEXT), schema)}
    answers = [spans for one in rows for ids, spans in zip(one.prompts, one.spans, strict=True) if ids not in known]
    assert len(answers) > 5
    assert not any(answers)


def test_circle_loss_is_its_formula() -> None:
    logits = torch.tensor([[[2.0, -1.0, 0.2, 9.0]]])
    target = torch.tensor([[[True, False, False, False]]])
    mask = torch.tensor([[[True, True, True, False]]])
    right = np.log(1 + np.exp(-(2.0 - 0.5)))
    wrong = np.log(1 + np.exp(-1.5) + np.exp(-0.3))
    assert circle_loss(logits, target, mask)[0, 0].item() == pytest.approx(right + wrong, abs=1e-6)


def fresh(vocabulary: int) -> SiameseUIE:
    torch.manual_seed(0)
    return SiameseUIE(ModelConfig(vocabulary, hidden=16, heads=2, feed_forward=32, tower_layers=1, cross_layers=1))


def test_a_training_that_was_interrupted_goes_on_as_if_it_was_not(
    tokenizer: WordPiece, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "BLOCK", 2)
    monkeypatch.setattr(loop, "BATCH_TEXTS", 4)
    monkeypatch.setattr(loop, "SAVED_EVERY", 1)
    recipe, size = Recipe(blocks=3), tokenizer.backend.get_vocab_size()

    class InterruptError(Exception):
        pass

    def stop_after_two(done: int, _: float) -> None:
        if done == 2:
            raise InterruptError

    whole = train(fresh(size), [DOMAIN], tokenizer, recipe, tmp_path / "a.pt", lambda *_: None)
    with pytest.raises(InterruptError):
        train(fresh(size), [DOMAIN], tokenizer, recipe, tmp_path / "b.pt", stop_after_two)
    seen: list[int] = []
    again = train(fresh(size), [DOMAIN], tokenizer, recipe, tmp_path / "b.pt", lambda done, _: seen.append(done))
    assert seen == [1, 2, 3]  # the block that was interrupted before it was saved is done again
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, rtol=0, atol=0)
    with pytest.raises(InputError, match="another recipe"):
        train(fresh(size), [DOMAIN], tokenizer, Recipe(blocks=3, seed=1), tmp_path / "b.pt", lambda *_: None)


def test_training_learns(tokenizer: WordPiece, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "BLOCK", 2)
    losses: list[float] = []
    recipe = Recipe(blocks=60, peak_lr=5e-3, dropout=0, masked=0)
    train(
        fresh(tokenizer.backend.get_vocab_size()),
        [DOMAIN],
        tokenizer,
        recipe,
        tmp_path / "state.pt",
        lambda _, loss: losses.append(loss),
    )
    assert losses[-1] < losses[1] / 2
    assert not torch.are_deterministic_algorithms_enabled()  # only while it trains


def test_no_training_texts_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="checkout"):
        read_domains(tmp_path, tmp_path)


def test_every_domain_writes_texts_that_can_be_read() -> None:
    domains = read_domains()
    assert [domain.name for domain in domains] == ["contracts", "products", "service"]
    rng = random.Random(0)
    for domain in domains:
        found = [asks(domain.draw(rng), domain.schema) for _ in range(200)]
        assert any(spans for one in found for spans in one.values())

"""mini and base: what they extract, and that they are one function in two sizes."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import Extractor
from harness.baseline.loading import plain_plan
from harness.compose import compose
from harness.data.dataset import pick, read_dataset
from harness.embedded import checkpoints
from harness.embedded.checkpoints import embedded, find_checkpoint
from harness.errors import InputError, UiebenchError
from harness.measure.f1 import score
from harness.plan.registry import find_optimizations

# They change no answer, and take a third of the time.
FAST = ("batching", "dead_work", "prompt_memo", "text_reuse")


def fast(name: str) -> Extractor:
    registry = find_optimizations()
    plan = plain_plan(find_checkpoint(name), device="cpu", start="plain")
    return compose(plan, [(registry[one], {}) for one in FAST])


@pytest.fixture(scope="module")
def mini() -> Extractor:
    return fast("mini")


@pytest.fixture(scope="module")
def base() -> Extractor:
    return fast("base")


def test_mini_is_small_enough_for_the_wheel() -> None:
    weights = Path(checkpoints.__file__).parent / "mini" / "model.safetensors"
    assert weights.stat().st_size <= 12_000_000


def test_mini_extracts_for_real(mini: Extractor) -> None:
    examples = list(read_dataset("business/test"))
    answers = [mini.extract(example.text, example.schema) for example in examples]
    scores = score(answers, [example.gold for example in examples])
    assert scores is not None
    assert scores.micro.f1 >= 0.75  # 0.762; another processor may round a chain or two away


def test_mini_finds_the_facts_of_the_article(mini: Extractor) -> None:
    (example,) = read_dataset("article")
    assert example.gold is not None
    answer = mini.extract(example.text, example.schema)
    assert [chain for chain in answer if len(chain) == 1] == [chain for chain in example.gold if len(chain) == 1]


def test_mini_finds_two_of_the_articles_opinions(mini: Extractor) -> None:
    (example,) = read_dataset("article")
    pairs = [chain for chain in example.gold or [] if len(chain) == 2]
    assert len(pairs) == 3
    answer = mini.extract(example.text, example.schema)
    assert sum(chain in answer for chain in pairs) >= 2


def test_base_has_the_sizes_of_structbert_base_and_both_files() -> None:
    entry = embedded("base")
    assert {path.name for path in entry.iterdir()} == {"modelscope", "safetensors"}
    config = Extractor.load(entry / "safetensors").model.config
    assert (config.hidden, config.heads, config.feed_forward, config.vocabulary) == (768, 12, 3072, 21128)
    assert (config.tower_layers, config.cross_layers) == (6, 6)


def test_base_answers_as_mini_does_span_by_span(mini: Extractor, base: Extractor) -> None:
    short = [example for example in read_dataset("business/test") if len(example.text) <= 400]  # in one window
    for example in pick(short, 6):
        assert base.extract(example.text, example.schema) == mini.extract(example.text, example.schema), example.id


def test_a_base_that_answers_otherwise_is_refused(golden: Path) -> None:
    with pytest.raises(UiebenchError, match="does not answer as mini does"):
        checkpoints._check_same(Extractor.load(find_checkpoint("mini")), Extractor.load(golden))


@pytest.mark.parametrize(("name", "said"), [("mni", "did you mean 'mini'"), ("no/where", "does not exist")])
def test_a_checkpoint_that_is_none_is_refused(name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        find_checkpoint(name)

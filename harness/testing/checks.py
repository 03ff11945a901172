"""The checks, one function each; all take a subject and raise ``AssertionError``."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

from harness.baseline.schema import Schema
from harness.data.dataset import Example
from harness.testing.fresh import STATES, shown
from harness.testing.subject import Subject, texts, two_texts

Check: TypeAlias = Callable[[Subject], None]

_MANY = 24  # texts; all of them are asked of all optimizations at once
_PAIR_TEXTS = 6
_FEW = 6  # padded ones, which take five times as long, and mixed lengths
_THREADS = 4
_ODD = {  # texts at the edges of what a tokenizer and a window can be given
    "empty": "",
    "blank": " \n\t　",
    "one character": "好",
    "no Chinese": "Galaxy S24 Ultra 256GB, $1,299.00!",
    "emoji": "续航😂👍🏻拉胯，屏幕🔥",
    "full width": "售价１２８元，ＰＲＯ版",
    "unknown characters": "𠮷野家\u200b的𝔘𝔫𝔦",
    "exactly one window": "好" * 382,
    "one token over a window": "好" * 383,
    "three windows": "屏幕很亮，其余的以后再说。" * 4 + "这几天没有别的要说。" * 90,
}
_PIECES = (
    "屏幕",
    "很亮",
    "价格",
    "3999元",
    "，",
    "。",
    "系统更新后",
    "客服态度",
    "差",
    "不",
    "𠮷",
    "👍🏻",
    "\u200b",
    "Ａ１",
)
_GENERATED = 20  # texts
_SCHEMA: Schema = {"价格": None, "属性词": {"情感词": None}}


def documented(subject: Subject) -> None:
    """It has a docstring that says what it does, and is found under its own name."""
    assert subject.optimization.documentation.strip(), f"{subject.name} has no docstring"
    assert subject.name.isidentifier(), f"{subject.name!r} is not an identifier"


def keeps_answers(subject: Subject) -> None:
    """Alone, on a spread of the business test texts as they are, and on fewer padded as the baseline pads."""
    subject.must_answer_alike(_spread(subject, _MANY), start="plain")
    subject.must_answer_alike(_spread(subject, _FEW))


def keeps_answers_to_odd_texts(subject: Subject) -> None:
    """Alone, on texts at the edges: empty, unknown characters, one window exactly, several."""
    odd = [Example(name, text, _SCHEMA) for name, text in _ODD.items()]
    subject.must_answer_alike(odd)


def keeps_answers_to_generated_texts(subject: Subject) -> None:
    """Alone, on texts that nobody would write: any characters, put together at random."""
    from hypothesis import given, settings
    from hypothesis import strategies as st

    pieces = st.one_of(st.sampled_from(_PIECES), st.text(st.characters(exclude_categories=["Cs"]), max_size=6))

    @settings(derandomize=True, database=None, deadline=None, max_examples=_GENERATED)
    @given(st.lists(pieces, max_size=40).map("".join))
    def alike(text: str) -> None:
        subject.must_answer_alike([Example("generated", text, _SCHEMA)])

    alike()


def keeps_answers_in_batches(subject: Subject) -> None:
    """Texts of mixed lengths in one call are answered as each by itself."""
    extractor, examples = subject.extractor(), [*texts(_FEW), Example("empty", "", _SCHEMA)]
    together = extractor.extract_batch([one.text for one in examples], [one.schema for one in examples])
    for example, got in zip(examples, together, strict=True):
        alone = extractor.extract(example.text, example.schema)
        assert got == alone, f"{subject.name} answers {example.id} otherwise in a batch: {got} instead of {alone}"


def composes_with_each_other(subject: Subject) -> None:
    """With every other exact optimization, on a spread of texts with the longest, as they are."""
    for other in subject.others():
        subject.must_answer_alike(_spread(subject, _PAIR_TEXTS), [other], f" with {other.name}", start="plain")


def composes_with_all_others(subject: Subject) -> None:
    """With all others at once, on all business test texts as they are."""
    subject.must_answer_alike(_spread(subject, None), subject.company(), " with all others", start="plain")


def may_be_shared_by_threads(subject: Subject) -> None:
    """Several threads over one extractor get the answers that one gets."""
    extractor, examples = subject.extractor(), texts(_FEW)
    expected = [extractor.extract(one.text, one.schema) for one in examples]

    def answer_all(_: int) -> list[object]:
        return [extractor.extract(one.text, one.schema) for one in examples]

    with ThreadPoolExecutor(_THREADS) as pool:
        for got in pool.map(answer_all, range(_THREADS)):
            assert got == expected, f"{subject.name} answers otherwise when {_THREADS} threads share it"


def shows_that_it_is_active(subject: Subject) -> None:
    """Its evidence says active where it was applied, and inactive in a process where it was not."""
    for state, found in shown(subject).items():
        assert found.broken is None, f"{subject.name} breaks in a fresh process:\n{found.broken[-2000:]}"
        assert found.active is STATES[state], (
            f"{subject.name} is {state} and its evidence says active={found.active}: {found.summary}"
        )


def _spread(subject: Subject, count: int | None) -> tuple[Example, ...]:
    """So many texts, or two where the answers are not compared: an inexact optimization only has to give some."""
    return texts(count) if subject.optimization.promises(dict(subject.parameters)) else two_texts()


CHECKS: tuple[Check, ...] = (
    documented,
    keeps_answers,
    keeps_answers_to_odd_texts,
    keeps_answers_to_generated_texts,
    keeps_answers_in_batches,
    composes_with_each_other,
    composes_with_all_others,
    may_be_shared_by_threads,
    shows_that_it_is_active,
)

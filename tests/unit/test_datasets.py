"""The datasets that come with the tool: made from their sources, in the shape that their cards promise."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.data.dataset import Example, read_dataset
from harness.measure.f1 import keys
from harness.training.compile import compile_dataset

DATASETS = Path(__file__).parents[2] / "datasets"
BEGIN, END = "<!-- figures -->\n", "<!-- end of figures -->"


@pytest.mark.parametrize("name", ["article", "business"])
def test_the_files_are_what_their_sources_make(name: str) -> None:
    for split, examples in compile_dataset(DATASETS / name).items():
        written = (DATASETS / name / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
        assert [json.loads(line) for line in written] == examples, f"run python -m harness.training.compile {name}"


def test_the_test_split_is_a_hundred_hand_written_texts_and_the_whole_has_enough() -> None:
    splits = {split: list(read_dataset(f"business/{split}")) for split in ("train", "dev", "test")}
    assert len(splits["test"]) == 100
    assert sum(map(len, splits.values())) >= 600
    assert sum("-g" not in example.id for examples in splits.values() for example in examples) >= 300


def test_the_test_split_shares_no_text_and_no_sentence_with_the_rest() -> None:
    test = {sentence for example in read_dataset("business/test") for sentence in sentences(example.text)}
    for split in ("train", "dev"):
        for example in read_dataset(f"business/{split}"):
            assert not test & set(sentences(example.text)), example.id


def sentences(text: str) -> Iterator[str]:
    return (part for part in re.split(r"[。！？!?\n；]", text) if len(part) >= 10)


def test_the_lengths_are_those_of_business() -> None:
    lengths = [len(example.text) for example in read_dataset("business/test")]
    assert 0.75 <= sum(length < 128 for length in lengths) / 100 <= 0.85
    assert 0.08 <= sum(length > 400 for length in lengths) / 100 <= 0.13
    assert sum(length > 1500 for length in lengths) >= 2


def test_no_chain_stands_twice() -> None:
    for split in ("train", "dev", "test"):
        for example in read_dataset(f"business/{split}"):
            assert example.gold is not None
            assert len(keys(example.gold)) == len(example.gold), example.id


@pytest.mark.parametrize("name", ["article", "business"])
def test_the_figures_of_a_card_are_the_datasets(name: str) -> None:
    card = DATASETS / name / "README.md"
    before, _, rest = card.read_text(encoding="utf-8").partition(BEGIN)
    written, _, after = rest.partition(END)
    expected = "\n".join(figures(name)) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        card.write_text(before + BEGIN + expected + END + after, encoding="utf-8")
    else:
        assert written == expected


def figures(name: str) -> Iterator[str]:
    splits = {path.stem: list(read_dataset(str(path))) for path in sorted((DATASETS / name).glob("*.jsonl"))}
    yield "| split | texts | by hand | chains | P10 | P50 | P90 | longest | over 400 | sha256 |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |"
    for split, examples in splits.items():
        digest = hashlib.sha256((DATASETS / name / f"{split}.jsonl").read_bytes()).hexdigest()
        yield f"| {split} | {' | '.join(map(str, counts(examples)))} | `{digest}` |"
    yield ""
    yield f"| type | {' | '.join(splits)} |"
    yield f"| --- |{' ---: |' * len(splits)}"
    paths = {
        split: Counter("/".join(item["type"] for item in chain) for example in examples for chain in example.gold or [])
        for split, examples in splits.items()
    }
    for path in sorted({path for counted in paths.values() for path in counted}):
        yield f"| {path} | {' | '.join(str(counted[path]) for counted in paths.values())} |"


def counts(examples: list[Example]) -> list[int]:
    lengths = sorted(len(example.text) for example in examples)
    by_hand = sum("-g" not in example.id for example in examples)
    chains = sum(len(example.gold or []) for example in examples)
    quantiles = [lengths[int(share * (len(lengths) - 1))] for share in (0.1, 0.5, 0.9)]
    return [len(examples), by_hand, chains, *quantiles, lengths[-1], sum(length > 400 for length in lengths)]

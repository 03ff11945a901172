"""What the tool keeps for itself, damaged: it says so, or makes it again."""

from __future__ import annotations

import math
from pathlib import Path
from random import Random

import pytest
from fuzzing import Fuzz
from mutations import as_json, broken, broken_bytes, encoded

from harness.baseline.model import ModelConfig, SiameseUIE
from harness.baseline.tokenize import from_vocabulary
from harness.embedded.cache import VARIABLE
from harness.run.machine import between_process_sd, key, remember
from harness.training import loop
from harness.training.corpus import read_domains
from harness.training.loop import Recipe, train


def test_the_spread_of_this_machine(fuzz: Fuzz, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    kept = {key("cpu", 1): {"between_process_sd": 0.02, "date": "2026-01-01"}}

    def damaged(random: Random) -> bytes:
        written = encoded(as_json(random, broken(random, kept)))
        return broken_bytes(random, written) if random.random() < 0.3 else written

    def call(content: bytes) -> None:
        (tmp_path / "machine.json").write_bytes(content)
        sd = between_process_sd("cpu", 1)
        assert sd is None or (math.isfinite(sd) and sd > 0)
        remember("cpu", 1, 0.03)
        assert between_process_sd("cpu", 1) == 0.03

    fuzz(20, damaged, call)


def test_an_interrupted_training(fuzz: Fuzz, tmp_path: Path, golden: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "BLOCK", 1)
    tokenizer, domains = from_vocabulary(golden), read_domains()[:1]
    size = ModelConfig(
        tokenizer.backend.get_vocab_size(), hidden=16, heads=2, feed_forward=32, tower_layers=1, cross_layers=1
    )
    state = tmp_path / "training.pt"
    train(SiameseUIE(size), domains, tokenizer, Recipe(blocks=1), state, lambda *_: None)
    sound = state.read_bytes()

    def call(content: bytes) -> None:
        state.write_bytes(content)
        train(SiameseUIE(size), domains, tokenizer, Recipe(blocks=1), state, lambda *_: None)

    fuzz(5, lambda random: broken_bytes(random, sound), call)

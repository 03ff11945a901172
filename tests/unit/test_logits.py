from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.measure.logits import largest_difference, save


@given(st.dictionaries(st.text(), st.floats(-5, 5, width=32), min_size=1), st.floats(-1, 1, width=32))
def test_what_is_saved_is_compared_prompt_by_prompt(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, float], shift: float
) -> None:
    file = tmp_path_factory.mktemp("logits") / "logits.npz"
    saved = {3: {prompt: np.full((2, 4), value, dtype=np.float32) for prompt, value in values.items()}}
    save(file, saved)
    assert largest_difference(file, saved) == 0
    moved = {3: {prompt: array + np.float32(shift) for prompt, array in saved[3].items()}}
    assert largest_difference(file, moved) == pytest.approx(abs(shift), abs=1e-5)


def test_of_a_text_that_is_cut_the_tokens_that_are_left_are_compared(tmp_path: Path) -> None:
    whole, cut = np.zeros((2, 5), dtype=np.float32), np.full((2, 3), 0.5, dtype=np.float32)
    save(tmp_path / "logits.npz", {0: {"价格: ": whole}})
    assert largest_difference(tmp_path / "logits.npz", {0: {"价格: ": cut}}) == 0.5


def test_prompts_that_only_one_put_are_left_out(tmp_path: Path) -> None:
    one, other = np.zeros((2, 3), dtype=np.float32), np.ones((2, 3), dtype=np.float32)
    save(tmp_path / "logits.npz", {0: {"价格: ": one, "商品: ": one}, 1: {"价格: ": one}})
    assert largest_difference(tmp_path / "logits.npz", {0: {"价格: ": one, "芯片: ": other}}) == 0
    assert largest_difference(tmp_path / "logits.npz", {0: {"芯片: ": other}}) is None

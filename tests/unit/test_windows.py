from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from harness.baseline.windows import STRIDE, TEXT_TOKENS, Window, merge, prompt_start, split

lengths = st.integers(min_value=2, max_value=4 * TEXT_TOKENS)


def logits_of(windows: tuple[Window, ...], padding: int, value: float | None = None) -> list[NDArray[np.float32]]:
    """Two rows of logits for each window: each token's own place in the text, or always the same value."""
    found = []
    for window in windows:
        tokens = np.arange(window.start, window.start + len(window.ids) + padding, dtype=np.float32)
        found.append(np.stack([tokens, -tokens]) if value is None else np.full((2, len(tokens)), value, np.float32))
    return found


@given(lengths)
def test_windows_cover_every_token_in_order(length: int) -> None:
    ids = tuple(range(length))
    windows = split(ids)
    assert {token for window in windows for token in window.ids} == set(ids)
    assert all(window.ids == ids[window.start : window.start + len(window.ids)] for window in windows)


@given(lengths)
def test_windows_fit_the_model_and_overlap_by_32_tokens(length: int) -> None:
    windows = split(tuple(range(length)))
    assert all(len(window.ids) == TEXT_TOKENS for window in windows[:-1])
    assert 0 < len(windows[-1].ids) <= TEXT_TOKENS
    assert all(after.start - before.start == STRIDE for before, after in pairwise(windows))
    # No window holds only what the one before it holds already.
    assert len(windows) == 1 or len(windows[-1].ids) > TEXT_TOKENS - STRIDE


@pytest.mark.parametrize(("length", "count"), [(2, 1), (384, 1), (385, 2), (736, 2), (737, 3)])
def test_a_text_gets_no_more_windows_than_it_needs(length: int, count: int) -> None:
    assert len(split(tuple(range(length)))) == count


@pytest.mark.parametrize(("length", "start"), [(2, 2), (384, 384), (385, 384), (1000, 384)])
def test_prompt_positions_start_after_the_text_or_its_full_window(length: int, start: int) -> None:
    assert prompt_start(split(tuple(range(length)))) == start


@given(lengths, st.integers(min_value=0, max_value=3))
def test_merging_what_windows_agree_on_gives_it_back_without_padding(length: int, padding: int) -> None:
    windows = split(tuple(range(length)))
    merged = merge(windows, logits_of(windows, padding))
    tokens = np.arange(length, dtype=np.float32)
    np.testing.assert_array_equal(merged, np.stack([tokens, -tokens]))


@given(st.integers(min_value=TEXT_TOKENS + 1, max_value=4 * TEXT_TOKENS))
def test_merging_averages_where_windows_overlap(length: int) -> None:
    windows = split(tuple(range(length)))
    values = [float(2 * i) for i in range(len(windows))]
    merged = merge(windows, [logits_of((window,), 0, value)[0] for window, value in zip(windows, values, strict=True)])
    for token in range(length):
        covering = [
            value
            for window, value in zip(windows, values, strict=True)
            if window.start <= token < window.start + len(window.ids)
        ]
        assert merged[0, token] == merged[1, token] == np.mean(covering)

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from in_process import uiebench
from numpy.typing import NDArray
from test_extract_command import GOLDEN, refused

from harness import hardware
from harness.analyse.rates import beyond_largest
from harness.baseline.screening import Rounding, Screen
from harness.cli.calibrate import _lines, _up
from harness.processor import Processor


def logits_of(*values: float) -> NDArray[np.float32]:
    return np.array([values], dtype=np.float32)


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "own.jsonl"
    lines = [
        json.dumps({"id": str(number), "text": "屏幕很亮" * number, "schema": {"价格": None}}) for number in (1, 2)
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.mark.skipif(not hardware.processor().multiplies_bfloat16, reason="no instructions for bfloat16 here")
def test_a_band_is_named_for_a_checkpoint_and_texts(texts: Path) -> None:
    done = uiebench("calibrate", "--checkpoint", GOLDEN, "--data", texts)
    assert done.returncode == 0, done.stderr
    assert "2 texts, 2 prompts" in done.stdout
    assert "At most 77.6% of similar texts have a larger error there (95 % confidence)" in done.stdout


def test_a_processor_without_half_precision_is_named(texts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "processor", lambda: Processor("made up", instruction_sets=("avx2",)))
    refused(uiebench("calibrate", "--checkpoint", GOLDEN, "--data", texts), "no instructions for bfloat16")


def test_a_file_without_texts_is_named(tmp_path: Path) -> None:
    (tmp_path / "none.jsonl").write_text("", encoding="utf-8")
    refused(uiebench("calibrate", "--checkpoint", GOLDEN, "--data", tmp_path / "none.jsonl"), "none.jsonl")


def test_the_band_holds_every_wrong_decision_and_the_price_is_counted() -> None:
    certain = Rounding.of(logits_of(-5, -5), logits_of(-5.5, -5))
    flipped = Rounding.of(logits_of(0.49, 4), logits_of(0.5311, 4))
    assert (certain.error_nearby, certain.farthest_flip) == (0, None)
    assert flipped.farthest_flip == pytest.approx(0.0311, abs=1e-6)
    said = "\n".join(_lines([[certain, flipped], [certain]]))
    assert "the largest error of any logit is 0.5\n" in said
    assert "1 prompts have a logit on the wrong side of the threshold, at most 0.032 from it" in said
    assert "| 0.032 | 33.3% | 0 of 2 |" in said
    assert "Use screened(band=0.042)." in said


def test_a_logit_that_overflows_is_always_scored_again() -> None:
    broken = Rounding.of(logits_of(0.0, 1.0), logits_of(np.nan, 1.0))
    assert broken.nearest == 0
    assert broken.error == np.inf


def test_a_band_is_never_rounded_down() -> None:
    assert [_up(value) for value in (0.0, 0.0301, 0.03, 0.259, 1.01)] == [0.0, 0.031, 0.03, 0.26, 1.1]


def test_a_share_beyond_the_largest_is_the_tolerance_limit() -> None:
    assert beyond_largest(59) < 0.05 < beyond_largest(58)  # the textbook's 59 samples for 95 % and 95 %


def test_the_screen_and_its_calibration_count_alike() -> None:
    logits = logits_of(0.6, 3.0)
    screen = Screen(None, 0.2)  # type: ignore[arg-type]
    assert screen.is_unsure(logits) == (Rounding.of(logits, logits).nearest < screen.band)

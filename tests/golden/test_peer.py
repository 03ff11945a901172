"""ModelScope's own pipeline as a peer gives the reference's answers; where an environment with it is named."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from peered import PEER, up

from harness import Extractor
from harness.baseline import flow
from harness.record import Mark
from harness.run import protocol as say

VARIABLE = "UIEBENCH_PEER_PYTHON"  # the interpreter of an environment as docs/peers.md makes one
pytestmark = pytest.mark.skipif(
    VARIABLE not in os.environ, reason=f"{VARIABLE} names no environment; see docs/peers.md"
)
CASES: list[dict[str, Any]] = [
    case
    for case in json.loads((Path(__file__).parent / "expected.json").read_text(encoding="utf-8"))
    if case["text"].strip() and not case["output_all_prefix"] and isinstance(case["schema"], dict)
]


WIDE = 0.02  # from the threshold, in place of the 1e-4 that no logit of these cases is within
MARKING = f"""
from harness.peers import modelscope

modelscope._TIE = {WIDE}
peer = modelscope.peer
"""


def test_it_gives_the_references_answers(golden: Path, tmp_path: Path) -> None:
    texts, schemas = [case["text"] for case in CASES], [case["schema"] for case in CASES]
    with up(Path(os.environ[VARIABLE]), golden, tmp_path, texts, schemas, seconds=300) as worker:
        worker.hear(say.Ready)
        assert worker.ask(say.Answer(), say.Answered).answers == [case["output"] for case in CASES]
        (evidence,) = worker.ask(say.Prove([0, 1]), say.Proved).evidence
        assert (evidence.optimization, evidence.active) == (PEER, True)
        assert "SiameseUiePipeline of modelscope" in evidence.summary
        assert evidence.figures["threads"] == 1
        memory = worker.ask(say.Weigh(), say.Weighed).memory
        assert memory.weights_bytes
        assert memory.rss_serving_peak_bytes


def test_its_marks_are_the_baselines(
    golden: Path, baseline: Extractor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = [case for case in CASES if case["name"] in ("absa", "contract", "tokens_385_two_windows")]
    file = tmp_path / "marking.py"
    file.write_text(MARKING, encoding="utf-8")
    texts, schemas = [case["text"] for case in cases], [case["schema"] for case in cases]
    with up(Path(os.environ[VARIABLE]), golden, tmp_path, texts, schemas, file=file, seconds=300) as worker:
        worker.hear(say.Ready)
        marked = worker.ask(say.MarkTexts([0, 1, 2]), say.Marked).marks
    monkeypatch.setattr(flow, "TIE", WIDE)
    for text, schema, theirs in zip(texts, schemas, marked, strict=True):
        ours = baseline.extract_observed(text, schema).marks
        assert ours
        for some, others in ((ours, theirs), (theirs, ours)):
            assert all(found(mark, others) for mark in some if abs(mark["logit"] - 0.5) < WIDE - 1e-4)


def found(mark: Mark, among: list[Mark]) -> bool:
    """Whether the same logit is among others, to what two implementations differ by."""
    return any(
        {**mark, "logit": 0} == {**one, "logit": 0} and abs(mark["logit"] - one["logit"]) < 1e-4 for one in among
    )

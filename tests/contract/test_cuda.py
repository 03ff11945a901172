"""On a CUDA device, every extractor gives the answers that it gives on the CPU."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from harness.baseline.loading import plain_plan
from harness.compose import compose
from harness.plan.registry import find_optimizations
from harness.plugin import Probe

GOLDEN = Path(__file__).parents[1] / "golden"
pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device"),
]


@pytest.mark.parametrize("start", ["baseline", "stock"])
@pytest.mark.parametrize("names", [[], ["flash_attention"], ["dynamic_truncation", "flash_attention"]], ids="+".join)
def test_the_golden_answers_hold_on_the_gpu(start: str, names: list[str]) -> None:
    registry = find_optimizations()
    chosen = [(registry[name], dict[str, object]()) for name in names]
    extractor = compose(plain_plan(GOLDEN / "checkpoint", device="cuda", start=start), chosen)
    for case in json.loads((GOLDEN / "expected.json").read_text(encoding="utf-8")):
        whole = [chain for chain in case["output"] if all(item["offset"][0] < item["offset"][1] for item in chain)]
        assert extractor.extract(case["text"], case["schema"], case["output_all_prefix"]) == whole
    evidence = [one.evidence(Probe(extractor, ["华为手机"], [{"价格": None}])) for one, _ in chosen]
    assert all(one.active for one in evidence)

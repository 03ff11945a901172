"""What the harness itself costs a request: an extractor whose model does nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

from harness import Extractor
from harness.baseline.forward import Forwards
from harness.measure.latency import single_stream

GOLDEN = Path(__file__).parents[1] / "golden" / "checkpoint"
TEXT = "华为Mate60 Pro搭载自研麒麟9000S芯片，支持卫星通话功能，起售价6999元。"
SCHEMA = {"产品名称": None, "芯片型号": None, "功能": None, "价格": None}


def nothing() -> Forwards:
    def encode_text(ids: Tensor, mask: Tensor) -> Tensor:
        return torch.zeros(*ids.shape, 1)

    def encode_prompt(ids: Tensor, mask: Tensor, starts: Tensor) -> Tensor:
        return torch.zeros(*ids.shape, 1)

    def cross(text: Tensor, text_mask: Tensor, prompt: Tensor, prompt_mask: Tensor) -> Tensor:
        return torch.zeros(text.shape[0], 2, text.shape[1])

    return Forwards(encode_text, encode_prompt, cross)


def test_overhead_of_a_request(benchmark: BenchmarkFixture) -> None:
    extractor = replace(Extractor.load(GOLDEN), forwards=nothing())
    ns, answers = benchmark(single_stream, lambda text: extractor.extract(text, SCHEMA), [TEXT])
    assert answers == [[]]
    assert len(ns) == 1

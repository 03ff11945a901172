from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from harness import Extractor
from harness.baseline.slots import PadToLongest
from harness.measure.over_time import Watch, most
from harness.measure.profile import Stopwatch, profile
from harness.profile import PARTS

TEXTS = ["华为发布新款手机。", "顾客要求退款三百元，客服同意在三天内办理，并赠送一张优惠券。" * 20]
SCHEMAS: list[Any] = [{"产品": None}, {"金额": None, "公司": {"要求": None}}]


def test_while_an_inner_part_runs_the_outer_one_stands_still() -> None:
    now = iter([0, 10, 40, 45, 1000, 1003])
    watch = Stopwatch(lambda: None, lambda: next(now))
    with watch.part("decode"), watch.part("cross"):
        pass
    assert (watch.spent["decode"], watch.spent["cross"]) == (10 + 5, 30)
    assert watch.take()["cross"] == 30
    with watch.part("cross"):
        pass
    assert watch.take() == dict.fromkeys(PARTS, 0) | {"cross": 3}


def test_a_pass_taken_apart_has_every_part_of_every_text_and_changes_no_answer(baseline: Extractor) -> None:
    asked: list[str] = []
    found = profile(baseline, TEXTS, SCHEMAS, lambda: asked.append("synchronized"))
    assert set(found.parts_ns) == set(PARTS)
    assert all(len(times) == len(TEXTS) and min(times) > 0 for times in found.parts_ns.values())
    # Three prompts over two windows: the cross layers are most of it.
    assert found.parts_ns["cross"][1] > found.parts_ns["tokenize"][1]
    assert 0 < len(found.rss_bytes) <= 101
    assert min(found.rss_bytes) > 2**20
    assert found.cuda_bytes == found.cuda_allocated_bytes == []
    assert asked


def test_less_padding_shows_in_the_towers(baseline: Extractor) -> None:

    padded = profile(baseline, TEXTS[:1], SCHEMAS[:1], lambda: None)
    short = profile(replace(baseline, padding=PadToLongest()), TEXTS[:1], SCHEMAS[:1], lambda: None)
    assert short.parts_ns["text_tower"][0] < padded.parts_ns["text_tower"][0]


def test_the_most_of_each_step_is_kept_and_a_gap_has_what_was_seen_last() -> None:
    assert most([(100, 5), (104, 9), (109, 7), (131, 3), (139, 4), (140, 1)], 10) == [9, 7, 7, 4, 1]
    assert most([], 10) == []


class Pauses:
    """In place of an event: notes how long each wait is, and ends after the third."""

    def __init__(self) -> None:
        self.waited: list[float] = []

    def wait(self, seconds: float) -> bool:
        self.waited.append(seconds)
        return len(self.waited) == 3


@pytest.mark.parametrize(("look_s", "pause_s"), [(0.000_01, 0.002), (0.005, 0.5)])
def test_looking_takes_a_hundredth_of_the_time_at_most_and_sees_what_tensors_take(
    monkeypatch: pytest.MonkeyPatch, look_s: float, pause_s: float
) -> None:
    spent = [0.0]

    def stats(_: object) -> dict[str, Any]:
        spent[0] += look_s
        return {
            "allocated_bytes": {"all": {"current": 7, "peak": 70}},
            "reserved_bytes": {"all": {"current": 700, "peak": 7000}},
        }

    monkeypatch.setattr(torch.cuda, "memory_stats_as_nested_dict", stats)
    monkeypatch.setattr("time.thread_time", lambda: spent[0])
    watch, pauses = Watch(torch.device("cuda")), Pauses()
    monkeypatch.setattr(watch, "_ended", pauses)
    watch._look()
    assert pauses.waited == pytest.approx([0.002, pause_s, pause_s])
    _, host, cuda = watch.steps()
    assert set(cuda) == {7}
    assert min(host) > 2**20

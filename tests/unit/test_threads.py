from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from harness import Extractor

THREADS, CALLS = 8, 50
# Short and long texts, flat and nested schemas, prompts that are cut: whatever a shared state could mix up.
REQUESTS: list[tuple[str, dict[str, Any]]] = [
    ("屏幕细腻，手感一般，快递太慢，不过客服态度很好。", {"属性词": {"情感词": None}}),
    ("Model X-200 ships with USB-C, 接口齐全，Price 3,999 yuan.", {"Product": None, "接口": None, "PRICE": None}),
    ("苏州到杭州，杭州到苏州，苏州。", {"很长的类型名" * 30: None, "城市": None}),
    ("好", {"属性词": None}),
    ("客户王磊于3月12日在天猫旗舰店购买了两台扫地机器人，合计5398元。", {"时间": None, "金额": None}),
]


@pytest.mark.parametrize("extractor", ["stock", "baseline+all"], indirect=True)
def test_threads_that_share_an_extractor_get_the_answers_of_a_single_one(extractor: Extractor) -> None:
    alone = [extractor.extract(*request) for request in REQUESTS]
    together = Barrier(THREADS)

    def calls(thread: int) -> list[bool]:
        together.wait(timeout=60)
        turns = [(thread + call) % len(REQUESTS) for call in range(CALLS)]
        return [extractor.extract(*REQUESTS[turn]) == alone[turn] for turn in turns]

    with ThreadPoolExecutor(THREADS) as pool:
        right = [answer for answers in pool.map(calls, range(THREADS)) for answer in answers]
    assert any(alone)
    assert right == [True] * THREADS * CALLS

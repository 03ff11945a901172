"""A made-up run: nine combinations, of which two work together, one may change answers, and three go wrong."""

from __future__ import annotations

from harness.conditions import Conditions
from harness.record import (
    RECORD_VERSION,
    Cell,
    ClosedLoop,
    ColdStart,
    Difference,
    Evidence,
    Failed,
    Header,
    Load,
    Measured,
    Memory,
    Offline,
    Parity,
    Record,
    Score,
    Scores,
    SingleStream,
    Skipped,
    StartUp,
)

MIB = 1024 * 1024
NAMES = ("baseline", "stock", "good", "better", "better+good", "inexact", "wrong", "broken", "absent")


def scores(right_of_first_five: int) -> Scores:
    """50 texts with gold, of which five hold all chains."""
    by_text = [Score(right_of_first_five, 14, 16)] * 5 + [Score(0, 0, 0)] * 45
    micro = Score(5 * right_of_first_five, 70, 80)
    return Scores(50, micro, {"价格": micro}, by_text)


def measured(name: str, scale: float, *differences: Difference) -> list[Record]:
    """One round of 2 passes over 50 texts, `scale` times as slow as stock."""
    partner = [[(10 + text) * 1_000_000 for text in range(50)] for _ in range(2)]
    own = [[round(ns * scale) for ns in one] for one in partner]
    start = StartUp(imports_ns=900_000_000, weights_ns=500_000_000, first_call_ns=100_000_000)
    stream = SingleStream(
        own_ns=own,
        partner_ns=partner,
        own_cpu_ns=[sum(one) for one in own],
        parity=Parity(50, list(differences)),
        memory=Memory(weights_bytes=MIB, rss_load_peak_bytes=300 * MIB, rss_serving_peak_bytes=2048 * MIB),
        evidence=[Evidence(name, active=True, summary="kernels seen")] if name in ("good", "wrong") else [],
        scores=None if name == "wrong" else scores(10 if name == "inexact" else 12),
    )
    loads = [Load(round(ns * scale), [round(ns * scale / 50)] * 50) for ns in (1_000_000_000, 1_100_000_000)]
    stocks = [Load(1_000_000_000), Load(1_100_000_000)]
    return [
        Measured(Cell(name, "single_stream", "texts", "cpu"), 0, stream, Conditions(0.01 * scale, 0.0, 0.5)),
        Measured(Cell(name, "closed_loop", "texts", "cpu"), 0, ClosedLoop(3, loads, stocks, Parity(50))),
        Measured(Cell(name, "offline", "texts", "cpu"), 0, Offline(loads, stocks, Parity(50))),
        Measured(Cell(name, "cold_start", "texts", "cpu"), 0, ColdStart([start], [start], start)),
    ]


HEADER = Header(
    version=RECORD_VERSION,
    suite="example",
    key="0",
    command="uiebench run example",
    seed=0,
    device="cpu",
    checkpoint="model",
    texts=[f"t{i}" for i in range(50)],
    exact={name: name != "inexact" for name in NAMES},
    environment={"cores": 2},
)
SPAN = [[{"type": "价格", "span": "九元", "offset": [0, 2]}]]
RECORDS: list[Record] = [
    *measured("baseline", 4),
    *measured("stock", 1),
    *measured("good", 0.5, Difference("t7", tie=True, expected=[], got=SPAN)),
    *measured("better", 0.25),
    *measured("better+good", 0.24),
    *measured("inexact", 0.4, Difference("t3", tie=False, expected=SPAN, got=[])),
    *measured("wrong", 0.1, Difference("t3", tie=False, expected=SPAN, got=[])),
    Failed(Cell("broken", "single_stream", "texts", "cpu"), 0, "crash", "the worker ended with signal SIGSEGV"),
    Skipped(Cell("absent", "single_stream", "texts", "cpu"), 0, "absent: it needs a GPU | of sm80"),
]

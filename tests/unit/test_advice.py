from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from made_up import HEADER, RECORDS
from msgspec import structs

from harness.analyse.percentiles import Percentile
from harness.analyse.rows import Latency, Rounds, Row, Tried
from harness.analyse.stats import Spread
from harness.analyse.view import view
from harness.analyse.winner import named
from harness.conditions import Conditions
from harness.record import Difference, Measured, Memory, StartUp
from harness.report import html, markdown
from harness.report.advice import advice, verdict
from harness.report.table import NOTHING, fields

START = StartUp(imports_ns=10**9, weights_ns=0, first_call_ns=0)


def row(name: str, to_stock: float, *, memory: int = 1 << 30, confirming: Sequence[float] = ()) -> Row:
    spread = Spread(0.025)
    estimate = spread.estimate(math.log(to_stock), 0.025)
    fresh = Rounds(tuple(map(math.log, confirming)), spread) if confirming else None
    tried = Tried(Rounds((math.log(to_stock),), spread), fresh)
    quoted = named({name: tried})[name]
    of_requests = dict.fromkeys((0.5, 0.9, 0.95), Percentile(1e6, 0.9e6, 1.2e6, of_rounds=(1e6,) * 4))
    return Row(
        combination=name,
        exact=True,
        problem=None,
        latency=Latency(
            requests=100,
            texts=24,
            mean_ns=1e6,
            percentiles={**of_requests, 0.99: None},
            cpu_share=1.0,
            to_stock=estimate,
            total_to_stock=estimate,
            to_baseline=None if name == "baseline" else estimate,
            tried=tried,
            named=quoted,
        ),
        loads=(),
        memory=Memory(weights_bytes=1, rss_serving_peak_bytes=memory),
        energy_j=None,
        starts=(START,),
        preparing=None,
        texts=24,
        broken=(),
        ties=(),
        agreement=None,
        largest_logit_difference=None,
        roofline=None,
        profile=None,
        evidence=(),
        scores=None,
        f1_difference=None,
    )


OTHERS = [row("baseline", 4), row("stock", 0.5)]


def test_the_fastest_that_keeps_every_answer_is_named_with_what_it_costs() -> None:
    said = advice([*OTHERS, row("a", 0.8), row("b", 0.6, memory=2 << 30)])
    assert said.startswith("Switch on b: it takes 0.60 [0.57, 0.63] of stock's time")
    assert "2.00 GiB of host memory while serving (stock: 1.00 GiB)" in said
    assert "1.0 s for a cold start (stock: 1.0 s). No answer changed" in said
    assert "No answer changed on 24 texts (95 % bound: at most 14.2 % of such texts change)." in said


def test_what_changes_an_answer_breaks_or_is_inexact_is_never_named() -> None:
    wrong = replace(row("wrong", 0.1), broken=(Difference("t", tie=False, expected=[], got=[]),))
    failed = replace(row("failed", 0.1), problem="failed (crash) in round 1: it died")
    inexact = replace(row("inexact", 0.1), exact=False)
    assert advice([*OTHERS, wrong, failed, inexact, row("a", 0.8)]).startswith("Switch on a:")


def test_nothing_is_named_where_nothing_is_clearly_faster() -> None:
    assert advice([*OTHERS, row("a", 0.99), row("b", 1.5)]).startswith("Switch on nothing")


def test_a_devices_memory_is_shown_where_there_is_a_device() -> None:
    on_device = [
        replace(one, memory=Memory(1, cuda_serving_peak_bytes=size << 20))
        for one, size in zip([*OTHERS, row("a", 0.8)], (900, 800, 300), strict=True)
    ]
    assert "300 MiB of device memory while serving (stock: 800 MiB)" in advice(on_device)
    shown = fields(on_device[2], on_device)
    assert shown["VRAM serving"].text == "300 MiB"
    assert shown["RSS serving"].text == NOTHING
    assert not [name for name in fields(OTHERS[0], OTHERS) if "VRAM" in name]


def test_the_verdict_of_a_disturbed_run_says_so_wherever_it_stands() -> None:
    busy = Conditions(0.4, 0.0, 1.0)
    disturbed = [structs.replace(one, conditions=busy) if isinstance(one, Measured) else one for one in RECORDS]
    for records, is_said in ((RECORDS, False), (disturbed, True)):
        seen = view(HEADER, records, [])
        for written in (verdict(seen), markdown.render(seen, []), html.render(seen, {}, None)):
            assert ("Be careful:" in written) == is_said

from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import HEADER, RECORDS, measured
from msgspec.structs import replace

from harness.analyse.view import view
from harness.conditions import Conditions, Course, GpuConditions
from harness.profile import PARTS, Profile, Traffic
from harness.record import Difference, Failed, Measured, Record, SingleStream
from harness.report import html
from harness.report.conditions import conditions, where
from harness.report.flat import flat
from harness.report.formats import Run, csv
from harness.report.marked import AROUND, GAP, pieces
from harness.report.private import without_texts
from harness.report.strip import MOST, strip

TEXT = "全场五折，九元起，先到先得。<script>alert(1)</script>"
SPAN = [[{"type": "价格", "span": "九元", "offset": [5, 7]}]]
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'/>"
VOID = {"meta", "link", "input", "img", "br"}


class Page(HTMLParser):
    """Where each element is closed, and what ids, links and texts there are."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.sources: list[str] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given["href"]] if "href" in given else []
        self.sources += [given["src"]] if "src" in given else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def page_of(records: list[Record], texts: dict[str, str] | None) -> str:
    return html.render(view(HEADER, records, []), {"ratio": SVG, "memory": SVG}, texts)


def test_answers_follow_the_ratios_and_a_percentile_that_no_row_has_is_left_out() -> None:
    headings = re.findall(r"<button type=.button.>(.*?)</button>", page_of(RECORDS, {}))
    assert headings[headings.index("time / baseline") + 1] == "answers"
    assert headings.count("answers") == 1
    assert "P99" not in headings


def test_the_page_is_whole_and_asks_nothing_of_the_network() -> None:
    written = page_of(RECORDS, {"t3": TEXT})
    page = Page(written)
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert {link.removeprefix("#") for link in page.links if link.startswith("#")} <= set(page.ids)
    outside = [one for one in (*page.links, *page.sources) if not one.startswith(("#", "data:"))]
    assert outside == []
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest", written)


def test_the_verdict_comes_first_and_every_combination_has_a_line_and_its_details() -> None:
    written = page_of(RECORDS, {})
    assert "Switch on better+\u200bgood: it takes" in written
    for name in HEADER.exact:
        assert f'data-name="{name}"' in written
    assert written.count("<details id=") == len(HEADER.exact)
    assert "the worker ended with signal SIGSEGV" in written
    assert "absent: it needs a GPU | of sm80" in written
    assert "<s>" in written


def test_an_answer_that_differs_stands_in_its_text_and_is_escaped() -> None:
    records = [*RECORDS, *measured("wrong", 0.1, Difference("t9", tie=False, expected=SPAN, got=[]))]
    written = page_of(records, {"t9": TEXT})
    assert '全场五折，<mark class="missed">九元</mark>起，先到先得。&lt;script&gt;' in written
    assert 'answer: <mark class="missed" lang="zh">价格: 九元</mark>' in written
    assert "<script>alert" not in written
    assert "the text is not available" in written  # of t3 and t7


def profiled(name: str, *differences: Difference) -> list[Measured]:
    """Its round of single_stream, with what a request is made of: 30 ms, of which `cross` has 9."""
    parts = {part: [2_000_000, 4_000_000] for part in PARTS} | {"cross": [9_000_000] * 2}
    profile = Profile(parts, 10**7, [], traffic=[Traffic(2, 2, 2, 1500), Traffic(1, 1, 1, 700)])
    return [
        replace(record, samples=replace(record.samples, profile=profile))
        for record in measured(name, 0.5, *differences)
        if isinstance(record, Measured) and isinstance(record.samples, SingleStream)
    ]


def details_of(name: str, written: str) -> str:
    return written.partition(f'<details id="cell-{list(HEADER.exact).index(name)}">')[2].partition("</details>")[0]


def test_details_tell_what_a_request_is_made_of() -> None:
    wrong = profiled("wrong", Difference("t3", tie=False, expected=SPAN, got=[]))
    rest = [one for one in RECORDS if one.cell.combination not in ("good", "wrong")]
    written = page_of([*rest, *profiled("good"), *wrong], {})
    good = details_of("good", written)
    assert "<dt>text tower</dt><dd>3.00 ms (10%)</dd>" in good
    assert "<dt>cross</dt><dd>9.00 ms (30%)</dd>" in good
    assert "<dt>copies in</dt><dd>1.5</dd>" in good
    assert "<dt>launches</dt><dd>1,100.0</dd>" in good
    assert "<dt>cross</dt><dd><s>9.00 ms (30%)</s></dd>" in details_of("wrong", written)
    assert "Parts of a request" not in details_of("better", written)


def test_details_tell_the_conditions_of_each_round() -> None:
    hot = Conditions(0.123, 0.0, 0.5, GpuConditions([1980, 1200], ["power cap", "thermal slowdown"], 1, None), 0.4)
    course = Course(1.0, 3.5, 12.8, 2.7, 11, steady=False)
    (timed,) = profiled("good")
    rounds = [replace(timed, round=1, conditions=Conditions(0.0, 0.2, 0.25)), replace(timed, conditions=hot)]
    lines = conditions([rounds[0], replace(rounds[1], course=course)])["good"]
    assert [dict(zip(lines[0], line, strict=True)) for line in lines[1:]] == [
        {
            "round": "0",
            "other programs": "12.3% of a core",
            "hypervisor": "0.0% of a core",
            "both, worst stretch": "40.0% of a core",
            "load average before": "0.50",
            "GPU clock": "1200 to 1980 MHz",
            "GPU slowed down by": "power cap, thermal slowdown",
            "others on the GPU": "1",
            "warm-up requests": "11, never steady",
            "start-up": "3.5 s",
            "timed passes": "12.8 s",
            "whole round": "20.0 s",
        },
        {
            **dict.fromkeys(lines[0], "–"),
            "round": "1",
            "other programs": "0.0% of a core",
            "hypervisor": "20.0% of a core",
            "load average before": "0.25",
        },
    ]
    rest = [one for one in RECORDS if one.cell.combination != "good"]
    written = page_of([*rest, *rounds], {})
    assert '<tr><th scope="row">0</th><td>12.3% of a core</td><td>0.0% of a core</td>' in details_of("good", written)
    assert "<td>4.0% of a core</td><td>0.0% of a core</td><td>0.50</td></tr>" in details_of("baseline", written)
    assert "Conditions of each round" not in details_of("broken", written)


def test_the_device_the_processor_and_the_threads_of_all_rounds_are_said_where_they_are_recorded() -> None:
    on_gpu = replace(HEADER, device="cuda:0", environment={"threads": 2, "worker": {"gpu": "T4"}})
    assert where(on_gpu) == "On cuda:0 (T4), 2 CPU threads per process"
    worker = {"gpu": "T4", "host_cpus": "cores 0-7, near the GPU"}
    kept = replace(on_gpu, environment={"threads": 2, "worker": worker})
    assert where(kept) == "On cuda:0 (T4), 2 CPU threads per process, on cores 0-7, near the GPU"
    assert where(replace(HEADER, environment={"threads": 1})) == "On cpu, 1 CPU thread per process"
    assert where(HEADER) == "On cpu"
    of_old = {"processor": "AMD EPYC", "threads": 1}
    known = {**of_old, "processor_model": "family 25, model 17", "instruction_sets": ["avx2", "avx512f", "avx512_bf16"]}
    for environment, said in (
        (of_old, "instruction sets not recorded"),
        (known, "family 25, model 17; AVX-512, BF16"),
    ):
        found = where(replace(HEADER, environment=environment))
        assert found == f"On cpu, AMD EPYC ({said}), 1 CPU thread per process"


def test_a_report_that_travels_has_no_text_and_no_span() -> None:
    left = without_texts(RECORDS)
    written = page_of(left, None)
    assert "texts and spans are left out" in written
    assert [one for one in ("九元", "SIGSEGV", TEXT) if one in written] == []
    assert "<code>t3</code>" in written
    kinds = {one.kind for one in left if isinstance(one, Failed)}
    assert kinds == {"crash"}


def test_figures_for_those_who_calculate_on_have_all_rows_and_their_units() -> None:
    rows = view(HEADER, RECORDS, []).rows
    lines = csv.of_run(Run(HEADER, RECORDS, rows, datetime(2026, 3, 1, tzinfo=UTC))).splitlines()
    assert len(lines) == 1 + len(rows)
    good = next(flat(row) for row in rows if row.combination == "good")
    assert good["mean_ns"] == pytest.approx(0.5 * 34.5e6)
    assert good["closed_loop_3_clients_per_s"] == pytest.approx(50 * 2 / 1.05)
    assert good["rss_serving_peak_bytes"] == 2048 * 2**20
    wrong = next(flat(row) for row in rows if row.combination == "wrong")
    assert (wrong["speed_counts"], wrong["texts_that_differ"]) == (False, 1)
    absent = next(flat(row) for row in rows if row.combination == "absent")
    assert absent["mean_ns"] is None


@given(st.text(min_size=1, max_size=300), st.data())
def test_pieces_hold_each_marked_span_whole(text: str, data: st.DataObject) -> None:
    def some() -> list[tuple[int, int]]:
        starts = data.draw(st.lists(st.integers(0, len(text) - 1), max_size=4))
        return [(start, data.draw(st.integers(start + 1, len(text)))) for start in starts]

    spans = {"missed": some(), "extra": some()}
    found = list(pieces(text, spans))
    for mark, marked in spans.items():
        covered = {at for start, end in marked for at in range(start, end)}
        assert sum(len(one.text) for one in found if mark in one.marks) == len(covered)
    shown = "".join(one.text for one in found if one is not GAP)
    kept = {at for found in spans.values() for a, b in found for at in range(a - AROUND, b + AROUND)}
    assert shown == "".join(letter for at, letter in enumerate(text) if at in kept)


def test_a_strip_draws_every_request_or_says_how_many() -> None:
    few = strip([[10, 20], [40]])
    assert few.rounds == ["M0.0 45.0h0M200.0 30.0h0", "M400.0 0.0h0"]
    assert (few.drawn, few.requests, few.highest_ns) == (3, 3, 40)
    many = strip([[1] * (2 * MOST + 1)])
    assert many.drawn <= MOST
    assert many.drawn == many.rounds[0].count("M")


def test_a_page_of_many_combinations_stays_small() -> None:
    names = [f"good{i}" for i in range(64)]
    header = replace(HEADER, exact=dict.fromkeys(("baseline", "stock", *names), True))
    rounds = [
        replace(record, round=number)
        for name in header.exact
        for record in measured(name, 1)
        for number in range(16)
        if isinstance(record, Measured)
    ]
    written = html.render(view(header, rounds, []), {}, {})
    assert 64 * MOST < len(written) < 5_000_000

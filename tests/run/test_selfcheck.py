"""A self-check of a few rounds: every plant is there, and shows where it has to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.record import ClosedLoop, Failed, Measured, Samples, SingleStream, Skipped
from harness.run.ablation import Options
from harness.run.machine import between_process_sd, remember
from harness.run.store import read_finished, read_run
from harness.selfcheck import check

TEXTS = ["这款手机售价2999元，屏幕清晰。", "售价三百元的耳机今天上市。"]
# Several plants in one process, so that a few processes have all of them; much of each, since the texts are few.
SLOW_TEXT = f"{check.CLEAN}+slower(share=0.5)+grows(mebibytes=64)+slow_text"
TIRES, TIRES_BY = f"{check.CLEAN}+leaks(kibibytes=64)+tires", 2.0


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory, light_start: Path) -> dict[str, Samples]:
    here = tmp_path_factory.mktemp("selfcheck")
    lines = [{"id": str(i), "text": text, "schema": {"价格": None}} for i, text in enumerate(TEXTS)]
    (here / "texts.jsonl").write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    suite = here / "selfcheck.toml"
    suite.write_text(
        f'[combinations]\ndesign = "explicit"\n[texts]\ndatasets = ["{here}/texts.jsonl"]\n'
        '[measure]\nscenarios = ["single_stream"]\npasses = 12\n',
        encoding="utf-8",
    )
    once = dict.fromkeys((SLOW_TEXT, TIRES, check.MISANSWERS, check.ALONE), 1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(check, "SUITE", suite)
        patched.setattr(check, "SLOW_TEXT", SLOW_TEXT)
        patched.setattr(check, "TIRES", TIRES)
        patched.setattr(check, "TIRES_BY", TIRES_BY)
        patched.setattr(check, "rounds_of_each", lambda _, __: once)
        directory = check.selfcheck(Options("selfcheck", directory=here / "runs"), 1, lambda _, __: None)
    assert [end.rule for end in read_finished(directory)[0].ends] == ["rounds"] * 4
    _, records = read_run(directory, warn=pytest.fail)
    assert not [record for record in records if isinstance(record, Failed | Skipped)]
    return {record.cell.combination: record.samples for record in records if isinstance(record, Measured)}


def stream(samples: Mapping[str, Samples], name: str) -> SingleStream:
    found = samples[name]
    assert isinstance(found, SingleStream)
    return found


def fastest(passes: list[list[int]], text: int) -> int:
    """What else the machine does makes requests slower, never faster."""
    return min(times[text] for times in passes)


def ratio(one: SingleStream, text: int) -> float:
    return fastest(one.own_ns, text) / fastest(one.partner_ns, text)


def test_every_round_was_measured(samples: dict[str, Samples]) -> None:
    assert len(samples) == 4


def test_the_planted_slowdown_is_in_the_times(samples: dict[str, Samples]) -> None:
    assert ratio(stream(samples, SLOW_TEXT), 1) > 1.2


def test_the_slow_text_is_the_only_one(samples: dict[str, Samples]) -> None:
    slowed = stream(samples, SLOW_TEXT)
    assert ratio(slowed, 0) > 1.25 * ratio(slowed, 1)


def test_requests_get_slower_through_the_round(samples: dict[str, Samples]) -> None:
    took_ns = stream(samples, TIRES).own_cpu_ns  # of each pass, on a processor that others may keep busy
    assert len(took_ns) == 12
    assert sum(took_ns[8:]) > 1.25 * sum(took_ns[:4])


def test_the_leak_is_in_what_the_process_has_after_each_pass(samples: dict[str, Samples]) -> None:
    leaking = stream(samples, TIRES)
    assert len(leaking.own_heap_bytes) == len(leaking.partner_heap_bytes) == 12
    leaked = 11 * len(TEXTS) * 64 * 1024
    assert leaking.own_heap_bytes[-1] - leaking.own_heap_bytes[0] > 0.8 * leaked
    assert leaking.partner_heap_bytes[-1] - leaking.partner_heap_bytes[0] < 0.5 * leaked


def test_the_wrong_answer_is_the_only_one(samples: dict[str, Samples]) -> None:
    broken = {
        name: [one.id for one in found.parity.broken]
        for name, found in samples.items()
        if isinstance(found, SingleStream | ClosedLoop)
    }
    (wrong,) = broken.pop(check.MISANSWERS)
    assert wrong.startswith("texts:")
    assert not any(broken.values())


def test_the_growth_is_in_the_peak(samples: dict[str, Samples]) -> None:
    peaks = {name: one.memory for name in (SLOW_TEXT, TIRES) for one in [stream(samples, name)]}
    grown, clean = ((found and found.rss_serving_peak_bytes) or 0 for found in peaks.values())
    assert grown > clean + 25 * 2**20  # two texts and six or more requests to warm up, 4 MiB each


def test_the_queue_that_never_batches_shows_in_the_sizes_of_batches(samples: dict[str, Samples]) -> None:
    loop = samples[check.ALONE]
    assert isinstance(loop, ClosedLoop)
    assert {size for one in loop.own for size in one.batch_sizes} == {1}
    assert max(size for one in loop.partner for size in one.batch_sizes) > 1


def test_the_spread_is_kept_for_later_runs() -> None:
    assert between_process_sd("cpu", 7) is None
    remember("cpu", 7, 0.0123)
    assert between_process_sd("cpu", 7) == 0.0123
    assert between_process_sd("cpu", 8) is None

"""A self-check of a few rounds: every plant is there, and found."""

from __future__ import annotations

import json

import pytest

from harness.record import Measured, SingleStream
from harness.run.ablation import Options
from harness.run.machine import between_process_sd, remember
from harness.run.store import read_finished, read_run
from harness.selfcheck import check

TEXTS = ["这款手机售价2999元，屏幕清晰。", "售价三百元的耳机今天上市。"]


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SingleStream]:
    here = tmp_path_factory.mktemp("selfcheck")
    lines = [{"id": str(i), "text": text, "schema": {"价格": None}} for i, text in enumerate(TEXTS)]
    (here / "texts.jsonl").write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    suite = here / "selfcheck.toml"
    suite.write_text(
        f'[combinations]\ndesign = "explicit"\n[texts]\ndatasets = ["{here}/texts.jsonl"]\n'
        '[measure]\nscenarios = ["single_stream"]\npasses = 12\n',
        encoding="utf-8",
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(check, "SUITE", suite)
        patched.setattr(check, "SLOWER_ROUNDS", 1)
        patched.setattr(check, "OTHER_ROUNDS", 1)
        patched.setattr(check, "SLOWER", check.SLOWER.replace("0.1", "0.5"))
        directory = check.selfcheck(Options("selfcheck", directory=here / "runs"), 1, lambda _, __: None)
    assert [end.rule for end in read_finished(directory)[0].ends] == ["rounds"] * 4
    _, records = read_run(directory, warn=pytest.fail)
    return {
        record.cell.combination: record.samples
        for record in records
        if isinstance(record, Measured) and isinstance(record.samples, SingleStream)
    }


def mean_ns(passes: list[list[int]]) -> float:
    return sum(map(sum, passes)) / sum(map(len, passes))


def test_every_round_was_measured(streams: dict[str, SingleStream]) -> None:
    assert len(streams) == 4


def test_the_planted_slowdown_is_in_the_times(streams: dict[str, SingleStream]) -> None:
    slowed = next(one for name, one in streams.items() if "slower" in name)
    assert mean_ns(slowed.own_ns) > 1.2 * mean_ns(slowed.partner_ns)


def test_the_wrong_answer_is_the_only_one(streams: dict[str, SingleStream]) -> None:
    broken = {name: [one.id for one in found.parity.broken] for name, found in streams.items()}
    (wrong,) = broken.pop(check.MISANSWERS)
    assert wrong.startswith("texts:")
    assert not any(broken.values())


def test_the_growth_is_in_the_peak(streams: dict[str, SingleStream]) -> None:
    peaks = {name: (one.memory and one.memory.rss_serving_peak_bytes) or 0 for name, one in streams.items()}
    clean = next(peak for name, peak in peaks.items() if "slower" in name)
    assert peaks[check.GROWS] > clean + 25 * 2**20  # two texts and six or more requests to warm up, 4 MiB each


def test_the_spread_is_kept_for_later_runs() -> None:
    assert between_process_sd("cpu", 7) is None
    remember("cpu", 7, 0.0123)
    assert between_process_sd("cpu", 7) == 0.0123
    assert between_process_sd("cpu", 8) is None

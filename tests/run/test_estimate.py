"""How long rounds are said to take."""

from __future__ import annotations

import pytest

from harness.data.dataset import Example
from harness.plan.suite import find_suite
from harness.run.ablation import Options, prepare
from harness.run.estimate import MINI_TOKEN_S, START_S, Passes, round_s

OWN, STOCK = Passes(4.0, 30.0), Passes(1.0, 10.0)


@pytest.mark.parametrize(
    ("scenarios", "more", "seconds"),
    [
        (["cold_start"], {}, 2 * START_S + 4 + 4.8),  # up and warm, then a start alone, then the evidence
        (["single_stream"], {}, START_S + 4 + 2 * 2 * 5 + 4.8),
        (["single_stream"], {"weighs": True}, 2 * START_S + 4 + 2 * 2 * 5 + 1.25 * 4),
        (["single_stream", "closed_loop"], {}, START_S + 4 + 2 * 2 * 5 + 3 * 5 + 4.8),
        # Five passes and all texts that are compared, shared with one that is slower.
        (
            ["single_stream", "cold_start"],
            {"first": True, "starts": 1},
            5 * START_S + 4 + 2 * 2 * 5 + (5 * 4 + 1.25 * 4 + 1.125 * 30) / 2,
        ),
    ],
)
def test_a_round_takes_what_its_parts_take(scenarios: list[str], more: dict[str, int], seconds: float) -> None:
    assert round_s(OWN, STOCK, scenarios, 2, optimizations=3, **more) == pytest.approx(seconds)  # type: ignore[arg-type]


def test_long_texts_padded_texts_and_texts_with_much_in_them_take_longer() -> None:
    def taken(text: str, *, padded: bool = False) -> float:
        return Passes.over([Example("t", text, {"价格": None})], [], MINI_TOKEN_S, padded=padded).timed_s

    assert taken("九") < taken("九元") < taken("九" * 300) < taken("九", padded=True) < taken("九" * 300, padded=True)


def test_the_widest_suite_is_said_to_take_less_than_50_minutes() -> None:
    ablation = prepare(Options(str(find_suite("full"))), lambda _: None)
    assert 30 * 60 < ablation.estimate_s < 50 * 60
    baseline, every = (prepare(Options("full", only=only), lambda _: None) for only in (("stock",), ("*",)))
    assert baseline.estimate_s < every.estimate_s / 20

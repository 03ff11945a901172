"""Searches on a made-up machine, from their options to what is named."""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
from pathlib import Path

import pytest
from tuned import MIB, Bench, bench

from harness.errors import InputError
from harness.record import STOCK
from harness.run import ablation, estimate
from harness.run.store import held, read_finished, read_run
from harness.tune import study
from harness.tune.words import as_data, lines

BEST = "quick(tokens=128)+engine_b"


@pytest.fixture
def here(tmp_path: Path, golden: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(os, "fsync", lambda _: None)  # a thousand times in a search, and nobody pulls the plug here
    monkeypatch.setattr(ablation, "TOKEN_S", estimate.MINI_TOKEN_S)  # the checkpoint is smaller still
    return bench(tmp_path, golden)


def test_a_search_finds_the_fastest_with_its_parameters_and_names_it_by_fresh_rounds_alone(here: Bench) -> None:
    here.machine.on_other_texts = 1.1
    found = here.search(trials=30)
    assert found.winner is not None
    assert found.winner.row.combination.startswith(BEST.removesuffix("engine_b"))
    assert "engine_b" in found.winner.row.combination
    latency = found.winner.row.latency
    assert latency is not None
    assert latency.to_stock.low < 0.6 * 0.7 * 1.1 < latency.to_stock.high
    assert found.winner.flattered is not None
    assert found.winner.flattered.low < 1.1 < found.winner.flattered.high
    assert found.winner.flattered.low > 1
    fresh = [one for one in here.machine.made if not one[2]]
    assert fresh == [(found.winner.row.combination, number, False) for number in range(4)]
    said = "\n".join(lines(found))
    assert f"Switch on {found.winner.row.combination}: it took 0.46 [" in said
    assert "of stock's time in 4 fresh rounds on 4 texts that the search did not time" in said
    assert "Above 1, the search made it look better than it is." in said


def test_what_cannot_become_the_best_gets_no_more_rounds(here: Bench) -> None:
    found = here.search(trials=20)
    rounds = {
        name: sum(one == name and of_search for one, _, of_search in here.machine.made)
        for name, _, _ in here.machine.made
    }
    stopped = [one for one in found.made if one.state == "stopped"]
    assert len(stopped) > 5
    assert all(1 <= rounds[one.combination] < 4 for one in stopped)
    assert all("times as long as" in one.why for one in stopped)
    assert rounds["quick+small"] == 1
    assert rounds[STOCK] == 1
    assert all(rounds[one.combination] == 4 for one in found.made if one.state == "whole")
    assert len(found.made) == 20
    assert found.ended == "all trials were made"


def test_it_begins_with_all_that_go_together_and_then_leaves_out_each_part_of_the_fastest(here: Bench) -> None:
    found = here.search(trials=5)
    fastest = "quick+small+engine_b"
    parts = ["small+engine_b", "quick+engine_b", "quick+small"]
    assert [one.combination for one in found.made] == ["quick+small+engine_a", fastest, *parts]


def test_where_nothing_works_together_each_alone_tells_why(here: Bench) -> None:
    found = here.search("quick", "engine_a", "liar", trials=5)
    whole = ["liar+quick+engine_a", "liar", "quick+engine_a"]
    assert [one.combination for one in found.made] == [*whole, "engine_a", "quick"], "liar is at fault, and left out"


def test_what_conflicts_or_is_not_installed_is_never_tried(here: Bench) -> None:
    found = here.search(*here.machine.registry, trials=15)
    assert "no-such-distribution-anywhere" in found.left_out["absent"]
    assert "--inexact" in found.left_out["rounding"]
    names = [name for name, _, _ in here.machine.made]
    assert not [name for name in names if "absent" in name or "rounding" in name or "int8" in name]
    assert not [name for name in names if "engine_a" in name and "engine_b" in name]
    assert not [name for name in names if "flash_attention_as_published" in name and "+flash_attention" in name]


def test_what_gives_another_answer_fails_is_named_and_never_wins(here: Bench) -> None:
    found = here.search("quick", "liar", trials=10)
    failed = {one.combination: one.why for one in found.made if one.state == "failed"}
    assert "gives another answer than the baseline on business/test:" in failed["liar"]
    assert all("liar" in name for name in failed)
    assert found.winner is not None
    assert "liar" not in found.winner.row.combination
    assert not [row for row in found.found.front if "liar" in row.combination]
    assert sum(name == "liar" for name, _, _ in here.machine.made) == 1
    assert any(line.startswith("  not liar: gives another answer") for line in lines(found))


def test_what_may_change_answers_wins_only_if_asked_for_and_within_the_margin(here: Bench) -> None:
    none = here.search("quick", "rounding", trials=4)
    assert not [one for one in none.made if "rounding" in one.combination]
    unsure = here.search("quick", "rounding", trials=6, inexact=True)
    assert unsure.winner is not None
    assert "rounding" not in unsure.winner.row.combination
    assert "points of F1" in unsure.found.refused["rounding+quick"]
    wide = "rounds = 4\nconfirm = 4\npasses = 1\nf1_margin = 100\n"
    found = here.search("quick", "rounding", trials=6, inexact=True, measure=wide)
    assert found.winner is not None
    assert "rounding" in found.winner.row.combination
    assert [line for line in lines(found) if line.startswith("Switch on rounding") and line.endswith("] points.")]


def test_what_cannot_run_on_this_device_is_tried_once_and_left_out(here: Bench) -> None:
    found = here.search("quick", "elsewhere", trials=10)
    assert sum("elsewhere" in name for name, _, _ in here.machine.made) == 1
    assert "quantum computer" in found.left_out["elsewhere"]


def test_one_that_takes_more_than_the_limit_on_texts_held_back_makes_way_for_the_next(here: Bench) -> None:
    limits = {"max_rss": 600.0 * MIB}
    found = here.search(trials=20, limits=limits)
    assert found.winner is not None
    name = found.winner.row.combination
    here.machine.bigger_on_other_texts, here.machine.random = (name,), random.Random(1)
    found = here.search(trials=20, fresh=True, limits=limits)
    assert found.winner is not None
    assert found.winner.row.combination != name
    assert found.unconfirmed == {name: "host memory 700 MiB, more than 600 MiB, on the texts that were held back"}


def test_going_on_and_beginning_anew_at_once_is_refused(here: Bench) -> None:
    found = here.search(trials=3)
    with pytest.raises(InputError, match="give only one of them"):
        here.search(trials=3, resume=found.directory, fresh=True)


def test_an_answer_that_changes_on_a_text_that_was_held_back_makes_way_for_the_next(here: Bench) -> None:
    best = here.search(trials=20).winner
    assert best is not None
    name = best.row.combination
    here.machine.differs_on_other_texts, here.machine.random = (name,), random.Random(1)
    found = here.search(trials=20, fresh=True)
    assert "gives another answer" in found.unconfirmed[name]
    assert found.winner is not None
    assert found.winner.row.combination != name


def test_the_winner_keeps_the_constraints_and_the_front_shows_what_is_smaller(here: Bench) -> None:
    found = here.search(trials=20, limits={"max_rss": 350 * MIB, "max_cold_start": 4e9})
    assert found.winner is not None
    assert "engine_b" not in found.winner.row.combination
    front = [row.combination for row in found.found.front]
    assert found.winner.row.combination in front
    assert any("small" in name for name in front)
    assert all(row.combination == STOCK or row.latency for row in found.found.front)
    for row in found.found.rows:
        if "engine_b" in row.combination and "small" not in row.combination:
            assert row.combination in found.found.refused


def test_constraints_that_nothing_keeps_are_said_with_what_comes_nearest(here: Bench) -> None:
    found = here.search(trials=10, limits={"max_rss": 150 * MIB})
    assert found.winner is None
    assert found.found.nearest is not None
    assert "small" in found.found.nearest.combination
    said = [*lines(found)]
    assert said[-2] == "None: no combination that was tried is shown to keep the constraints (max rss 150 MiB)."
    assert said[-1].startswith("The nearest is ")
    assert "200 MiB, is not at most 150 MiB" in said[-1]
    assert not [one for one in here.machine.made if not one[2]], "nothing is confirmed"


def test_where_nothing_is_faster_nothing_is_switched_on(here: Bench) -> None:
    found = here.search("small", trials=2)
    assert found.stays
    assert any(line.startswith("Switch on nothing: small looked fastest") for line in lines(found))
    assert as_data(found)["winner"] is None


def test_a_budget_ends_the_search_and_leaves_time_for_the_confirmation(here: Bench) -> None:
    found = here.search(trials=None, budget_s=300.0)
    assert found.ended == "the time was over"
    assert found.winner is not None
    assert found.winner.rounds == 4
    assert here.machine.now <= 300
    assert here.machine.now > 300 - 40, "and uses it"


def test_a_budget_too_small_for_one_trial_is_refused(here: Bench) -> None:
    with pytest.raises(
        InputError, match=r"--budget 20\.0 s is too little for one combination and its confirmation: about"
    ):
        here.prepared(trials=None, budget_s=20.0)


def test_a_search_that_was_interrupted_goes_on_where_it_was(here: Bench) -> None:
    for dies_at in (0, 3, 8, 14):
        here.machine.dies_at = dies_at
        with pytest.raises(KeyboardInterrupt):
            here.search(trials=10)
    here.machine.dies_at = None
    found = here.search(trials=10)
    assert len(list((here.here / "runs").iterdir())) == 1
    assert len(found.made) == 10
    searched = [one for one in here.machine.made if one[2]]
    assert len(set(searched)) == len(searched), "no round is made twice"
    header, records = read_run(found.directory, pytest.fail)
    assert {record.cell.combination for record in records} == set(header.exact)
    assert {one.combination for one in found.made} | {STOCK} == set(header.exact)
    assert found.winner is not None
    once_more = here.search(trials=10)
    assert once_more.directory != found.directory, "what is whole is not gone on with"


def test_a_search_that_goes_on_does_not_draw_again_what_it_drew(here: Bench, tmp_path: Path) -> None:
    space = here.prepared().space
    drawn = [study.Study(tmp_path, seed=0).ask(space, []).combination for _ in range(4)]
    assert len(set(drawn)) > 1


def test_one_interrupted_in_its_confirmation_goes_on_there(here: Bench) -> None:
    here.search(trials=4)
    rounds = len(here.machine.made)
    here.machine.dies_at, here.machine.random = 2 * rounds - 2, random.Random(1)
    with pytest.raises(KeyboardInterrupt):
        here.search(trials=4, fresh=True)
    here.machine.dies_at = None
    found = here.search(trials=4)
    assert found.winner is not None
    assert found.winner.rounds == 4
    assert [of_search for _, _, of_search in here.machine.made[2 * rounds - 2 :]] == [False, False]


def test_one_that_its_budget_ended_goes_on_and_another_resume_may_ask_for_more(here: Bench) -> None:
    first = here.search(trials=None, budget_s=300.0)
    again = here.search(trials=None, budget_s=300.0)
    assert again.directory == first.directory
    assert len(again.made) > len(first.made)
    assert next(end.rule for end in read_finished(again.directory)[-1].ends) == "budget"
    assert again.winner is not None
    assert first.winner is not None
    assert again.winner.directory != first.winner.directory, "what is named is confirmed anew"
    more = here.search(trials=len(again.made) + 2, resume=first.directory)
    assert len(more.made) == len(again.made) + 2


def test_a_search_of_something_else_is_refused_and_named(here: Bench, tmp_path: Path, golden: Path) -> None:
    found = here.search(trials=2)
    with pytest.raises(InputError, match="is of another constraints"):
        here.search(trials=3, resume=found.directory, limits={"max_rss": 1e9})
    with pytest.raises(InputError, match=r"is of another texts: '4 texts.*'4 texts|is of another texts"):
        here.search(trials=3, resume=found.directory, texts='datasets = ["business/dev"]\ncount = 8\n')
    with pytest.raises(InputError, match="is of another optimizations and parameters"):
        here.search("quick", trials=3, resume=found.directory)
    shutil.copytree(golden, tmp_path / "other")
    elsewhere = Bench(here.here, tmp_path / "other", here.machine)
    with pytest.raises(InputError, match=r"is of another checkpoint: '.*golden/checkpoint', and this one of '.*other'"):
        elsewhere.search(trials=3, resume=found.directory)
    with pytest.raises(InputError, match="is of another device: 'cpu', and this one of 'cuda'"):
        here.search(trials=3, resume=found.directory, device="cuda")
    with pytest.raises(InputError, match="holds no search"):
        here.search(trials=3, resume=tmp_path)


def test_a_spoilt_study_is_refused_and_one_that_was_torn_is_mended(here: Bench) -> None:
    found = here.search(trials=2)
    file = found.directory / study.FILE
    sound = file.read_bytes()
    file.write_bytes(sound + b'{"op_code": 4, "wor')
    assert len(here.search(trials=3, resume=found.directory).made) == 3
    for spoilt in (b"nonsense\n" + sound, sound[:40] + b"\n" + sound[40:], b'{"op_code": 99}\n', b"[]\n" + sound):
        file.write_bytes(spoilt)
        with pytest.raises(InputError, match=r"the study file '.*study\.journal' cannot be read"):
            here.search(trials=4, resume=found.directory)


def test_a_search_that_another_process_makes_is_left_alone(here: Bench) -> None:
    found = here.search(trials=2)
    with held(found.directory), pytest.raises(InputError, match="another process is making"):
        here.search(trials=3, resume=found.directory)


def test_without_optuna_it_says_how_to_get_it(here: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(InputError, match=r"pip install 'uiebench\[tune\]'"):
        here.prepared()


def test_another_run_says_what_to_begin_with(here: Bench) -> None:
    first = here.search(trials=20)
    here.machine.made.clear()
    found = here.search("quick", "engine_a", "engine_b", trials=3, begin_with=first.directory)
    best = min(
        (row for row in first.found.rows if row.latency),
        key=lambda row: row.latency.to_stock.value if row.latency else 1.0,
    )
    order = list(dict.fromkeys(name for name, _, _ in here.machine.made))
    assert order[:2] == [STOCK, best.combination]
    assert len(found.made) == 3
    journal = (found.directory / study.FILE).read_text(encoding="utf-8")
    assert '"known"' in journal
    with pytest.raises(InputError, match="was made on the device 'cpu', and this search is made on the device 'cuda'"):
        here.prepared(device="cuda", begin_with=first.directory)
    with pytest.raises(InputError, match="holds no run"):
        here.prepared(begin_with=here.here)


def test_one_text_cannot_be_split(here: Bench) -> None:
    with pytest.raises(InputError, match="at least two different texts"):
        here.prepared(texts='datasets = ["article"]\n')


def test_a_limit_that_too_few_starts_would_never_show_is_refused(here: Bench) -> None:
    with pytest.raises(InputError, match=r"--max-cold-start needs 4 starts .* makes 2; set rounds = 4"):
        here.prepared(limits={"max_cold_start": 1e9}, measure="rounds = 2\n")


def test_the_file_for_other_programs_holds_what_was_said(here: Bench) -> None:
    found = here.search(trials=6)
    data = json.loads(json.dumps(as_data(found)))
    assert found.winner is not None
    assert data["winner"]["combination"] == found.winner.row.combination
    assert data["winner"]["fresh_rounds"] == 4
    assert [one["combination"] for one in data["combinations"]] == [one.combination for one in found.made]
    front = {one["combination"] for one in data["combinations"] if one["on_front"]}
    assert front == {row.combination for row in found.found.front} - {STOCK}

"""The guide's steps do what its listings do, no more, and say so."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import psutil
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness import Extractor
from harness.baseline.loading import plain_plan
from harness.compose import compose
from harness.errors import InputError
from harness.plan.registry import find_optimizations
from harness.plugin import Probe
from optimizations.as_published.dynamic_truncation import Cutting, max_length

REGISTRY = find_optimizations()
TEXTS = ("华为手机，售价999元", "屏幕很亮，" * 30)
SCHEMA = {"价格": None}
ALL = sorted(name for name in REGISTRY if name.endswith("_as_published"))
IN_ONE_PROCESS = [name for name in ALL if not name.startswith("lean_startup")]
ANSWERING = [name for name in IN_ONE_PROCESS if not name.startswith("flash_attention")]


def composed(golden: Any, *names: str, **parameters: Any) -> Extractor:
    chosen = [(REGISTRY[name], parameters) for name in names]
    return compose(plain_plan(golden, device="cpu", start="baseline"), chosen)


def probe(extractor: Extractor, texts: tuple[str, ...] = TEXTS) -> Probe:
    return Probe(extractor, texts, [SCHEMA] * len(texts))


@pytest.mark.parametrize("name", ALL)
def test_each_is_documented_promises_nothing_and_excludes_the_step_done_right(name: str) -> None:
    one = REGISTRY[name]
    assert "as published" in one.documentation
    assert not one.exact
    assert name.removesuffix("_as_published") in one.conflicts


@pytest.mark.parametrize("name", IN_ONE_PROCESS)
def test_evidence_is_there_when_applied_and_not_otherwise(golden: Any, baseline: Extractor, name: str) -> None:
    evidence = REGISTRY[name].evidence
    assert evidence(probe(composed(golden, name))).active
    assert not evidence(probe(baseline)).active


def test_evidence_is_there_in_the_company_of_the_others(golden: Any) -> None:
    extractor = composed(golden, *ANSWERING)
    assert all(REGISTRY[name].evidence(probe(extractor)).active for name in ANSWERING)


@pytest.mark.parametrize("name", sorted(set(ANSWERING) - {"dynamic_truncation_as_published"}))
def test_those_that_cut_nothing_score_as_the_baseline(golden: Any, baseline: Extractor, name: str) -> None:
    found = composed(golden, name).logits(TEXTS[1], ["价格: "])
    assert abs(found - baseline.logits(TEXTS[1], ["价格: "])).max() < 1e-4


def test_a_list_takes_the_calls_of_its_texts(golden: Any) -> None:
    name = "batching_as_published"
    figures = REGISTRY[name].evidence(probe(composed(golden, name), TEXTS * 3)).figures
    assert figures == {"texts": 6, "forwards": 6, "forwards_alone": 6}


@given(st.integers(0, 2000))
def test_the_guides_length_is_its_formula_within_what_the_prompt_leaves(characters: int) -> None:
    assert max_length(characters) == min(384, min(512, max(128, 2 * characters)))


def test_a_text_is_padded_to_twice_its_characters(golden: Any) -> None:
    extractor = composed(golden, "dynamic_truncation_as_published")
    lengths = {
        count: [(shape.forward, shape.length) for shape in probe(extractor, ("好" * count,)).shapes()]
        for count in (3, 100, 500)
    }
    prompt = ("encode_prompt", 128)
    expected = {3: 128, 100: 200, 500: 384}
    assert lengths == {count: [("encode_text", length), prompt] for count, length in expected.items()}


def test_a_long_text_loses_its_end_and_keeps_its_last_token(golden: Any, baseline: Extractor) -> None:
    text = "好" * 500
    whole, cut = baseline.tokenizer.text(text), Cutting(baseline.tokenizer).text(text)
    assert cut.ids == (*whole.ids[:383], whole.ids[-1])
    assert cut.offsets.tolist() == [*whole.offsets[:383].tolist(), whole.offsets[-1].tolist()]
    extractor = composed(golden, "dynamic_truncation_as_published")
    assert extractor.logits(text, ["价格: "]).shape[-1] == 384
    assert REGISTRY["dynamic_truncation_as_published"].evidence(probe(extractor, (text,))).figures["tokens_cut"] == 118


def test_the_first_request_to_the_patched_layer_raises_and_the_model_it_came_from_answers(golden: Any) -> None:
    before = composed(golden)
    patched = REGISTRY["flash_attention_as_published"].apply(before)
    with pytest.raises(NotImplementedError, match=r'Module \[Layer\] is missing the required "forward" function'):
        patched.extract(TEXTS[0], SCHEMA)
    before.extract(TEXTS[0], SCHEMA)
    pairs = zip(patched.model.parameters(), before.model.parameters(), strict=True)
    assert all(ours is theirs for ours, theirs in pairs)


def test_a_trace_of_the_patched_layer_is_not_taken_from_the_cache_of_a_sound_one(golden: Any) -> None:
    composed(golden, "torchscript")
    with pytest.raises(NotImplementedError, match="Layer"):
        composed(golden, "flash_attention_as_published", "torchscript")


def test_the_text_tower_alone_is_a_trace_of_one_row_of_six_tokens(golden: Any) -> None:
    extractor = composed(golden, "torchscript_as_published")
    forwards: Any = extractor.forwards
    assert isinstance(forwards.encode_text, torch.ScriptMethod)
    assert [name for name in ("encode_prompt", "cross") if hasattr(getattr(forwards, name), "graph")] == []


@pytest.mark.parametrize("workers", [0, 3])
def test_other_than_one_or_two_workers_are_refused(golden: Any, workers: int) -> None:
    with pytest.raises(InputError, match=f"lean_startup_as_published: workers is {workers}; it must be 1 or 2"):
        composed(golden, "lean_startup_as_published", workers=workers)


def start(golden: Any, workers: int, then: str = "") -> subprocess.Popen[str]:
    """A fresh process that comes up as the guide's service does, and says what its evidence is."""
    program = f"""
import sys, psutil
from harness.baseline.loading import stock_plan
from harness.measure.memory import peak_rss
from harness.plan.registry import find_optimizations
from harness.plugin import Probe
plan = stock_plan({str(golden)!r}, device="cpu", start="baseline")
lean = find_optimizations()["lean_startup_as_published"]
print(lean.evidence(Probe(None, [], [])).active)
extractor = lean.apply(plan, workers={workers}).load()
found = lean.evidence(Probe(extractor, [], []))
print(found.active, "still imported" in found.summary, found.figures["processes_beside"])
children = psutil.Process().children()
print(*[child.pid for child in children])
print(peak_rss() / psutil.Process().memory_info().rss > 1.5, flush=True)
sys.stdin.read()
"""
    return subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def lines(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().strip() for _ in range(4)]


def test_one_worker_imports_what_the_baseline_does(golden: Any) -> None:
    with start(golden, workers=1) as process:
        assert lines(process) == ["False", "True True 0", "", "False"]
        process.communicate()
    assert process.returncode == 0


@pytest.mark.usefixtures("light_start")
@pytest.mark.parametrize("killed", [False, True])
def test_two_workers_hold_two_models_and_end_together(golden: Any, killed: bool) -> None:
    with start(golden, workers=2) as process:
        before, after, beside, memory = lines(process)
        assert (before, after, memory) == ("False", "True True 1", "True")
        second = psutil.Process(int(beside))
        if killed:
            process.kill()
        process.communicate()
        psutil.wait_procs([second], timeout=20)
        assert not second.is_running() or second.status() == psutil.STATUS_ZOMBIE
    assert (process.returncode == 0) != killed

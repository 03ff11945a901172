"""Optimizations that go wrong, each in its own way."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from harness.plugin import Evidence, Probe, Stage, optimization

PRINTED = '{"type":"Fault","kind":"error","error":"no fault at all"}'


def active(name: str) -> Callable[[Probe], Evidence]:
    return lambda _: Evidence(optimization=name, active=True, summary="it is there")


def idle(probe: Probe) -> Evidence:
    return Evidence(optimization="does_nothing", active=False, summary="no kernel of it was seen")


def during_requests(extractor: Any, fault: Any) -> Any:
    """The extractor, with something that happens on every text forward."""
    eager = extractor.forwards.encode_text

    def faulty(ids: Any, mask: Any) -> Any:
        fault()
        return eager(ids, mask)

    return replace(extractor, forwards=replace(extractor.forwards, encode_text=faulty))


@optimization(Stage.GRAPH, exact=True, evidence=active("wrong_answer"))
def wrong_answer(extractor: Any) -> Any:
    """Lose all answers to long texts."""
    eager = extractor.forwards.cross

    def shy(text: Any, text_mask: Any, prompt: Any, prompt_mask: Any) -> Any:
        logits = eager(text, text_mask, prompt, prompt_mask)
        return logits - 1e6 if int(text_mask.sum(1).max()) > 40 else logits

    return replace(extractor, forwards=replace(extractor.forwards, cross=shy))


@optimization(Stage.GRAPH, exact=True, evidence=active("prints"))
def prints(extractor: Any) -> Any:
    """Write to stdout as careless code does, and what looks like a reply."""

    def say() -> None:
        print(PRINTED, flush=True)  # noqa: T201 (the fault)
        os.write(1, f"{PRINTED}\n".encode())

    say()
    return during_requests(extractor, say)


@optimization(Stage.GRAPH, exact=True, evidence=active("crash"))
def crash(extractor: Any) -> Any:
    """Die as a broken native kernel does."""
    return during_requests(extractor, lambda: os.kill(os.getpid(), signal.SIGSEGV))


@optimization(Stage.GRAPH, exact=True, evidence=active("hang"))
def hang(extractor: Any) -> Any:
    """Never come back."""
    return during_requests(extractor, lambda: time.sleep(3600))


@optimization(Stage.GRAPH, exact=True, evidence=active("eats_all_memory"))
def eats_all_memory(extractor: Any) -> Any:
    """Ask for far more memory than there is."""
    import torch

    return during_requests(extractor, lambda: torch.empty(1 << 50, dtype=torch.uint8))


@optimization(Stage.GRAPH, exact=True, evidence=active("raises"))
def raises(extractor: Any) -> Any:
    """Raise."""
    raise ValueError("no such kernel")


@optimization(Stage.GRAPH, exact=True, evidence=active("exits"))
def exits(extractor: Any) -> Any:
    """End the process, and say that all is well."""
    return during_requests(extractor, lambda: sys.exit(0))


@optimization(Stage.GRAPH, exact=True, evidence=idle)
def does_nothing(extractor: Any) -> Any:
    """Fall back silently."""
    return extractor


@optimization(
    Stage.GRAPH, exact=True, evidence=active("never_here"), unavailable=lambda _: "it needs a quantum computer"
)
def never_here(extractor: Any) -> Any:
    """Need what is not there."""
    return extractor

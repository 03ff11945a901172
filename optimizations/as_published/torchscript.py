"""The guide's TorchScript: a trace of the text tower at one shape."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.plugin import Evidence, Probe, Stage, optimization

if TYPE_CHECKING:
    from harness.plugin import Extractor

_EXAMPLE = "四个汉字"  # with [CLS] and [SEP] 6 tokens


def graph_run(probe: Probe) -> Evidence:
    """Count the calls that TorchScript's interpreter answers, and those that Python does."""
    script, eager = probe.calls(lambda forward: hasattr(forward, "graph"))
    return Evidence(
        optimization="torchscript_as_published",
        active=set(script) == {"encode_text"} and "encode_text" not in eager,
        summary=f"{script.total()} forwards by TorchScript (the text tower's), {eager.total()} by Python",
        figures={"script_calls": script.total(), "eager_calls": eager.total()},
    )


@optimization(Stage.GRAPH, exact=False, evidence=graph_run, conflicts=["torchscript"])
def torchscript_as_published(extractor: Extractor) -> Extractor:
    """Trace the text tower at 1 x 6 tokens, and use the trace for every shape.

    Cheaper: Python's share of the text tower. The trace is not frozen and not compared with the eager forward at any
    other shape: a loop in the layers would be baked in as it was for 6 tokens. Prompts, cross layers and heads stay
    eager, since the guide traces the encoder alone.
    Source: step 1 of the guide, as published.
    """
    import torch

    ids = torch.tensor([extractor.tokenizer.text(_EXAMPLE).ids], device=extractor.device)  # (1, 6)
    with warnings.catch_warnings(), torch.no_grad():
        # Its deprecation is told in `optimizations.torchscript`, not to whoever runs a suite.
        warnings.filterwarnings("ignore", r"`torch\.jit\.", DeprecationWarning)
        inputs = {"encode_text": (ids, torch.ones_like(ids, dtype=torch.bool))}
        traced: Any = torch.jit.trace_module(extractor.model, inputs, check_trace=False)  # type: ignore[no-untyped-call]
    return replace(extractor, forwards=replace(extractor.forwards, encode_text=traced.encode_text))

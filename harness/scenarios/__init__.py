"""Scenarios, one file each: how often a cell of it is measured, what its samples are, and how its rate is called.

How a process is timed under it stands in `harness.run.worker`, and for other programs in `harness.peers._worker`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from harness.extensions import modules
from harness.record import Samples, Scenario
from harness.scenarios._kind import Kind, Rate

__all__ = ["KINDS", "Kind", "Rate", "kind_of", "rate_of"]

_FOUND = modules(__name__)
KINDS: Mapping[Scenario, Kind] = {name: _FOUND[name].KIND for name in get_args(Scenario)}
assert list(KINDS) == [kind.name for kind in KINDS.values()], "a scenario's file is called as it is"
assert len(KINDS) == len(_FOUND), f"harness.record.Scenario names {', '.join(KINDS)}, and not {', '.join(_FOUND)}"
_LOADS = [kind for kind in KINDS.values() if kind.in_passes and kind.name != "single_stream"]
assert all(kind.rate and kind.made for kind in _LOADS), "a scenario under load has a rate, and makes its samples"
_OF_SAMPLES = {kind.samples: kind for kind in KINDS.values()}


def kind_of(samples: Samples) -> Kind:
    """The scenario that gave these samples."""
    return _OF_SAMPLES[type(samples)]


def rate_of(scenario: Scenario) -> Rate:
    """How the rate of a scenario under load is called."""
    found = KINDS[scenario].rate
    assert found is not None, f"{scenario} has no rate"
    return found

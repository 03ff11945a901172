from __future__ import annotations

from typing import Any

import torch

from harness.operators import Operator, operators_of

WIDE = torch.ones(64, 128)


def test_every_call_is_seen_with_what_it_allocates() -> None:
    found = operators_of(lambda: [torch.mm(WIDE, WIDE.T) for _ in range(3)])
    assert [one for one in found if one.name == "aten::mm"] == [Operator("aten::mm", 64 * 64 * 4)] * 3


def test_what_a_script_calls_is_seen_too() -> None:
    scripted: Any = torch.jit.trace(lambda a: torch.mm(a, a.T).softmax(-1), WIDE)  # type: ignore[no-untyped-call]
    names = {one.name for one in operators_of(lambda: scripted(WIDE))}
    assert {"aten::mm", "aten::softmax"} <= names


def test_what_is_freed_inside_is_not_counted() -> None:
    found = operators_of(lambda: torch.logsumexp(WIDE, dim=1))
    assert WIDE.nbytes in [one.allocated_bytes for one in found if one.name == "aten::sub"]
    assert {one.allocated_bytes for one in found if one.name == "aten::logsumexp"} == {64 * 4}


def test_nothing_called_is_nothing_seen() -> None:
    assert operators_of(lambda: None) == []

"""Forwards by torch.compile, with counts of compilations and of calls of the compiled code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor

from harness.baseline.agreement import COMPARED_AT, inputs, must_agree
from harness.baseline.forward import Forwards
from harness.baseline.model import SiameseUIE
from harness.baseline.work import product_dtype
from harness.errors import UnavailableError, in_brief

# Takes a graph of operators and example inputs; returns a function that computes the graph.
Backend: TypeAlias = Callable[[torch.fx.GraphModule, Sequence[Any]], Callable[..., Any]]

# Each forward is compiled for one row and for several, at any length: torch treats a size of 1 as a constant.
VARIANTS = 2
_TRIED_ROWS = (1, 2)


@dataclass
class Tally:
    """What torch.compile has done so far."""

    compilations: int = 0
    answers: int = 0  # calls of compiled code


@dataclass(frozen=True)
class Compiled:
    """A forward as compiled code."""

    made_from: Callable[..., Tensor]
    code: Callable[..., Tensor]
    tally: Tally

    def __call__(self, *given: Tensor) -> Tensor:
        """As the model's own. Inputs that are not contiguous are copied; they would need a variant of their own."""
        return self.code(*(one.contiguous() for one in given))


def compiled(own: Forwards, backend: Backend) -> Forwards:
    """The forwards as code for any number of rows and tokens; each is compiled when it is first called.

    A forward that is not a single graph, or that is compiled again for every new shape, raises an error.
    """
    tally = Tally()

    def counting(graph: torch.fx.GraphModule, given: Sequence[Any]) -> Callable[..., Any]:
        code = backend(graph, given)
        tally.compilations += 1

        def run(*inputs: Any) -> Any:
            tally.answers += 1
            return code(*inputs)

        return run

    def made(forward: Callable[..., Tensor]) -> Compiled:
        code: Any = torch.compile(forward, backend=counting, dynamic=True, fullgraph=True)
        return Compiled(forward, code, tally)

    return Forwards(made(own.encode_text), made(own.encode_prompt), made(own.cross))


def must_compile(model: SiameseUIE, device: torch.device, forwards: Forwards) -> None:
    """Compile every variant, and compare its results with the eager forwards at other shapes.

    Args:
        model: the model whose forwards they are.
        device: where they run.
        forwards: from :func:`compiled`.

    Raises:
        UnavailableError: one cannot be compiled as a single graph, or its results differ.
    """
    (_, *tokens), *_ = COMPARED_AT
    with torch.inference_mode():  # as for requests; outside of it, the code is another variant
        for rows in _TRIED_ROWS:
            for name, given in inputs(model, device, rows, *tokens).items():
                try:
                    forwards.by_name()[name](*given)
                except torch.OutOfMemoryError:
                    raise
                except Exception as error:  # of torch's compiler, of Triton, of a C compiler
                    raise UnavailableError(f"torch_compile: {name} cannot be compiled: {in_brief(error)}") from error
        exact = product_dtype(model) == "float32"
        must_agree(model, device, forwards.by_name(), "torch_compile: the code", exact=exact)

"""Other programs for the same work, each one file that is run by the interpreter of its own environment.

That environment has nothing of ours: a peer's file, and what runs it, imports the standard library, those of our
modules that need no more, and, in its methods, the program that it is about. Python 3.10 is old enough for it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Proof:
    """What shows that the program itself answered."""

    active: bool
    summary: str
    figures: dict[str, float] = field(default_factory=dict)


class Peer(ABC):
    """Another program; a peer's file holds one of a subclass, called `peer`."""

    needs = ""  # the module that its environment must have
    install = ""  # the command that puts it there
    model: Any = None  # a torch module, once it is loaded, where there is one: its weights are counted

    @abstractmethod
    def imports(self) -> None:
        """Import what is needed."""

    @abstractmethod
    def load(self, checkpoint: Path, device: str, scratch: Path) -> None:
        """Come up.

        Args:
            checkpoint: a directory as ModelScope has it, which is not to be written to.
            device: cpu, cuda or cuda:N.
            scratch: a directory for whatever has to be written.
        """

    @abstractmethod
    def answer(self, text: str, schema: dict[str, Any]) -> list[Any]:
        """The chains of a text, as the reference gives them."""

    def answer_all(self, texts: Sequence[str], schemas: Sequence[dict[str, Any]]) -> list[list[Any]]:
        """The chains of many texts in one call; one after another where the program has no such call."""
        return [self.answer(text, schema) for text, schema in zip(texts, schemas, strict=True)]

    def marks(self, text: str, schema: dict[str, Any]) -> list[Any]:  # noqa: ARG002 (of those that can say)
        """The logits near the threshold (`harness.record.Mark`); without any, a text that differs is a difference."""
        return []

    @abstractmethod
    def prove(self, ask: Callable[[], object]) -> Proof:
        """What shows that the program itself answers: `ask` has it answer the texts."""

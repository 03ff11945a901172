"""Other programs for the same work; each is a file that the interpreter of its own environment runs.

That environment has none of our dependencies. A peer's file, and the code that runs it, import only the standard
library, those of our modules that need no more and, in methods, the program itself. They run on Python 3.10 too.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Proof:
    """Evidence that the program itself answered."""

    active: bool
    summary: str
    figures: dict[str, float] = field(default_factory=dict)


class Peer(ABC):
    """Another program; a peer's file has an instance of a subclass, called `peer`."""

    needs = ""  # the module that its environment must have
    install = ""  # the command that installs it
    model: Any = None  # the torch module after loading, if there is one; its weights are counted

    @abstractmethod
    def imports(self) -> None:
        """Import the program."""

    @abstractmethod
    def load(self, checkpoint: Path, device: str, scratch: Path) -> None:
        """Load the model.

        Args:
            checkpoint: a directory in ModelScope's layout; read only.
            device: cpu, cuda or cuda:N.
            scratch: a directory for files that have to be written.
        """

    @abstractmethod
    def answer(self, text: str, schema: dict[str, Any]) -> list[Any]:
        """The chains of a text, as the reference gives them."""

    def answer_all(self, texts: Sequence[str], schemas: Sequence[dict[str, Any]]) -> list[list[Any]]:
        """The chains of many texts in one call; one after another if the program has no such call."""
        return [self.answer(text, schema) for text, schema in zip(texts, schemas, strict=True)]

    def marks(self, text: str, schema: dict[str, Any]) -> list[Any]:  # noqa: ARG002 (of those that can say)
        """The logits near the threshold (`harness.record.Mark`); without them, rounding excuses no difference."""
        return []

    @abstractmethod
    def prove(self, ask: Callable[[], object]) -> Proof:
        """Evidence that the program itself answers; `ask` makes it answer the texts."""

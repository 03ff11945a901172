"""What the published guide claims, read from `claims.toml`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from harness.tomlfile import read_toml

CLAIMS = Path(__file__).parent / "claims.toml"


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the claims' file."""


class Why(_Part, frozen=True):
    """The physical reason, by outcome."""

    holds: str
    fails: str


class Whys(_Part, frozen=True):
    """The physical reason for each side; a single text if it is true of both outcomes."""

    published: str | Why = ""
    right: str | Why = ""


class Claim(_Part, frozen=True):
    """One claim. The head of the file explains the fields."""

    id: str
    says: str
    quantity: str
    claimed: tuple[float, float]
    sense: Literal["at most", "at least"] = "at most"
    published: str | None = None
    right: str | None = None
    device: Literal["any", "cuda"] = "any"
    model: Literal["any", "reference"] = "any"
    longest: int | None = None  # only texts of at most this many characters
    shortest: int | None = None
    why: Whys = Whys()

    @property
    def figure(self) -> float:
        """The claimed value: a ratio, or in the quantity's unit."""
        return self.claimed[0] / self.claimed[1]


class Arithmetic(_Part, frozen=True):
    """The guide's steps, in milliseconds, and the combinations that test them alone."""

    baseline_ms: float
    steps_ms: tuple[float, ...]
    final_ms: float
    right: tuple[str, ...]

    @property
    def sum_ms(self) -> float:
        """The baseline's time after all steps, in milliseconds."""
        return self.baseline_ms + sum(self.steps_ms)


class Claims(_Part, frozen=True):
    """The whole file."""

    arithmetic: Arithmetic
    claim: tuple[Claim, ...]


def read_claims() -> Claims:
    """The claims that come with the tool."""
    return msgspec.convert(read_toml(CLAIMS), Claims)

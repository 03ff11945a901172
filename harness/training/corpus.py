"""The texts a model is trained on: hand-written ones and a grammar's, a new mixture for every step."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import InputError
from harness.resources import resource
from harness.textfile import read_text
from harness.training.grammar import Grammar, read_grammar
from harness.training.markup import Marked, parse, read_file

# The mixture, chosen on the dev split.
HAND_WRITTEN = 0.35  # of the texts; the grammar writes the others
SWAPPED = 0.8  # of the hand-written ones get other words into some spans
SWAP = 0.5  # of the spans of such a text
JOINED = 0.05  # of the texts are several put together
MOST_JOINED = 6

_INNERMOST = re.compile(r"\{\{(?P<span>[^{}|]*)\|(?P<label>[^{}|]*)\}\}")
_KEY = re.compile(r"(?<=[#<])(\w+)(?=[#<;}])")


@dataclass(frozen=True)
class Domain:
    """What the texts of one domain are made from."""

    name: str
    schema: dict[str, Any]  # every type of the domain
    hand_written: tuple[str, ...]  # marked up
    grammar: Grammar

    def draw(self, rng: random.Random) -> Marked:
        """A random text in which every mention of the domain's types is marked."""
        count = rng.randint(2, MOST_JOINED) if rng.random() < JOINED else 1
        return parse(joined([self._one(rng) for _ in range(count)], rng))

    def _one(self, rng: random.Random) -> str:
        if rng.random() >= HAND_WRITTEN:
            return self.grammar.expand("S", rng)
        text = rng.choice(self.hand_written)
        return swap_spans(text, self.grammar, rng) if rng.random() < SWAPPED else text


def joined(parts: Sequence[str], rng: random.Random) -> str:
    """Marked-up texts as one; the keys of each stay its own."""
    if len(parts) == 1:
        return parts[0]
    return rng.choice(["\n", "", " "]).join(_KEY.sub(rf"p{i}_\1", part) for i, part in enumerate(parts))


def swap_spans(text: str, grammar: Grammar, rng: random.Random) -> str:
    """Put other words into some spans of a marked-up text: what the grammar's rule of the type's name gives.

    A span that stands twice is swapped at both places.
    """
    swapped: dict[tuple[str, str], str] = {}

    def swap(match: re.Match[str]) -> str:
        types = [re.split("[#<]", label)[0].strip() for label in match["label"].split(";")]
        key = (types[0], match["span"])
        if key not in swapped:
            known = types[0] in grammar.rules and rng.random() < SWAP
            swapped[key] = grammar.expand(types[0], rng) if known else match["span"]
        return f"{{{{{swapped[key]}|{match['label']}}}}}"

    return _INNERMOST.sub(swap, text)


def read_domains(sources: Path | None = None, grammars: Path | None = None) -> list[Domain]:
    """Read every domain from its ``train.DOMAIN.txt`` and its grammar ``DOMAIN.txt``.

    Raises:
        InputError: there are none: an installed package has no training texts, only a checkout has.
    """
    sources = sources or resource("datasets") / "business" / "source"
    grammars = grammars or Path(__file__).parent / "grammars"
    names = sorted(path.stem.partition(".")[2] for path in sources.glob("train.*.txt"))
    missing = [name for name in names if not (grammars / f"{name}.txt").is_file()]
    if not names or missing:
        raise InputError(
            f"no training texts in {sources} with a grammar in {grammars} ({missing or 'no train.*.txt'}); "
            "train from a checkout of the project, the installed package leaves them out"
        )
    return [_read(name, sources / f"train.{name}.txt", grammars / f"{name}.txt") for name in names]


def _read(name: str, source: Path, grammar: Path) -> Domain:
    schema: dict[str, Any] = {}
    texts = []
    for _, asked, text in read_file(read_text(source)):
        _merge(schema, asked)
        texts.append(text)
    return Domain(name, schema, tuple(texts), read_grammar(read_text(grammar)))


def _merge(into: dict[str, Any], schema: Mapping[str, Any]) -> None:
    for key, below in schema.items():
        into.setdefault(key, None)
        if below is not None:
            into[key] = into[key] or {}
            _merge(into[key], below)

"""A small random grammar that writes marked-up training texts.

A grammar file holds rules: a line ``@name`` opens one, each following line is an alternative. ``<name>`` in an
alternative is replaced by an expansion of that rule, ``<d4>`` by four digits, ``<n:3:40>`` by a whole number between
3 and 40. Markup keys (see :mod:`harness.training.markup`) are local to one alternative: two uses of a rule in a
sentence never share a key.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from harness.textfile import split_lines

_REFERENCE = re.compile(r"<([^<>|{};\s\d][^<>|{};\s]*)>")
_KEY = re.compile(r"(?<=[#<])(\d+)(?=[#<;}])")
_MAX_DEPTH = 24  # a grammar nests a few rules deep; more means that a rule refers to itself


class GrammarError(ValueError):
    """A grammar file cannot be used; the message names the rule."""


@dataclass(frozen=True)
class Grammar:
    """Rules by name, each with its alternatives."""

    rules: dict[str, tuple[str, ...]]

    def expand(self, name: str, rng: random.Random) -> str:
        """A random marked-up text from the rule ``name``."""
        counter = iter(range(1, 1_000_000))
        return self._expand(name, rng, counter, 0)

    def _expand(self, name: str, rng: random.Random, counter: object, depth: int) -> str:
        if depth > _MAX_DEPTH:
            raise GrammarError(f"rule {name!r} nests deeper than {_MAX_DEPTH}: does it refer to itself?")
        if match := re.fullmatch(r"d(\d+)", name):
            return "".join(rng.choice("0123456789") for _ in range(int(match[1])))
        if match := re.fullmatch(r"n:(\d+):(\d+)", name):
            return str(rng.randint(int(match[1]), int(match[2])))
        if name not in self.rules:
            raise GrammarError(f"no rule {name!r}")
        alternative = rng.choice(self.rules[name])
        fresh: dict[str, str] = {}

        def rename(found: re.Match[str]) -> str:
            return fresh.setdefault(found[1], str(next(counter)))  # type: ignore[call-overload]

        alternative = _KEY.sub(rename, alternative)
        return _REFERENCE.sub(lambda found: self._expand(found[1], rng, counter, depth + 1), alternative)


def read_grammar(source: str) -> Grammar:
    """Read the rules of a grammar file and check that every reference has one."""
    rules: dict[str, list[str]] = {}
    current: list[str] | None = None
    for number, line in enumerate(split_lines(source), 1):
        if line.startswith("# ") or not line.strip():
            continue
        if line.startswith("@"):
            current = rules.setdefault(line[1:].strip(), [])
        elif current is None:
            raise GrammarError(f"line {number}: an alternative before the first @rule")
        else:
            current.append(line.replace("\\n", "\n"))
    for name, alternatives in rules.items():
        if not alternatives:
            raise GrammarError(f"rule {name!r} has no alternative")
        for alternative in alternatives:
            for reference in _REFERENCE.findall(alternative):
                if reference not in rules and not re.fullmatch(r"d\d+|n:\d+:\d+", reference):
                    raise GrammarError(f"rule {name!r} refers to {reference!r}, which does not exist: {alternative!r}")
    return Grammar({name: tuple(alternatives) for name, alternatives in rules.items()})

"""Short forms of long combinations, for text that people read: `all six`, `all but X`, `all but X and Y`.

"All" means one combination of the run's plan: the one that contains the most of the plan's combinations, and of several
such the one with the most optimizations. In a suite of six optimizations these are the six, also if a longer
combination stands beside them. (The union of all optimizations is often no combination of the run, and the longest
combination may have little to do with the others.) If two are left, nothing is shortened.

Files for other programs and records have the full names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, permutations

from harness.errors import InputError, unknown
from harness.members import members
from harness.record import can_be_switched_on

_FEWEST = 3  # optimizations that "all" may mean; nobody says "all two"
_MOST_LACKING = 2
_NUMBERS = ("three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_BEGINS = re.compile(r"\s*all\s", re.IGNORECASE)
_INSTEAD = "write the names of its optimizations, joined by +"


@dataclass(frozen=True)
class ShortForms:
    """The short forms of one plan's combinations."""

    every: tuple[str, ...]  # the optimizations that "all" means; empty if it means nothing
    rivals: tuple[str, ...]  # combinations that "all" might mean equally well; empty if it is clear
    forms: Mapping[str, tuple[str, ...]]  # by full name: how it is written, then how it may also be read

    def short(self, combination: str) -> str:
        """The short form, if the combination has one that is shorter than its name; else its name."""
        form = self.forms.get(combination, (combination,))[0]
        return form if len(form) < len(combination) else combination

    def full(self, written: str) -> str:
        """The name of the combination that a short form stands for, also with the optimizations in another order.

        Raises:
            InputError: the plan has no such combination, or it is not clear what "all" means.
        """
        words = " ".join(written.split())
        wanted = words[:1].lower() + words[1:]
        for combination, forms in self.forms.items():
            if wanted in forms:
                return combination
        if self.rivals:
            raise InputError(f"{written!r} is ambiguous: all may mean {' or '.join(self.rivals)}; {_INSTEAD}")
        if not self.forms:
            raise InputError(f"{written!r} means nothing here: no combination contains the others; {_INSTEAD}")
        known = unknown("combination", written, (forms[0] for forms in self.forms.values()))
        raise InputError(f"{known}; {self._meaning()}")

    def legend(self, said: Iterable[str]) -> str:
        """What "all" means, if a short form is in one of these texts; else empty."""
        used = {form for name in self.forms if (form := self.short(name)) != name}
        return self._meaning() if any(form in text for text in said for form in used) else ""

    def _meaning(self) -> str:
        return f"All {_number(len(self.every))}: {' + '.join(self.every)}"


def short_forms(plan: Iterable[str]) -> ShortForms:
    """The short forms of all combinations of a plan, by their full names."""
    return _of(tuple(plan))


def is_short(written: str) -> bool:
    """Whether it is written like a short form; no name of a combination is."""
    return _BEGINS.match(written) is not None


@lru_cache(maxsize=16)
def _of(plan: tuple[str, ...]) -> ShortForms:
    names: dict[frozenset[str], str] = {}
    for name in filter(can_be_switched_on, plan):
        parts = members(name)
        if all(one.partition("(")[0].isidentifier() for one in parts):  # a record may hold any text
            names.setdefault(frozenset(parts), name)
    sizes = {whole: (sum(part <= whole for part in names), len(whole)) for whole in names if len(whole) >= _FEWEST}
    largest = max(sizes.values(), default=(0, 0))
    if largest[0] < 2:  # it contains itself
        return ShortForms((), (), {})
    whole, *others = [names[one] for one in sizes if sizes[one] == largest]
    if others:
        return ShortForms((), (whole, *others), {})
    every = members(whole)
    forms: dict[str, tuple[str, ...]] = {whole: (f"all {_number(len(every))}",)}
    for count in range(1, _MOST_LACKING + 1):
        for lacking in combinations(every, count):
            if part := names.get(frozenset(every).difference(lacking)):
                forms[part] = tuple(f"all but {' and '.join(order)}" for order in permutations(lacking))
    return ShortForms(every, (), forms)


def _number(count: int) -> str:
    """In words up to twelve."""
    place = count - _FEWEST
    return _NUMBERS[place] if place < len(_NUMBERS) else str(count)

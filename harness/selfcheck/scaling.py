"""Faults that are planted in recorded rounds, by scaling what was measured."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from harness.record import SingleStream

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Rounds = Sequence[SingleStream]
Planting = Callable[["Rounds", "np.random.Generator"], list[SingleStream]]


def nothing(rounds: Rounds, _: np.random.Generator) -> list[SingleStream]:
    """The rounds as they are."""
    return list(rounds)


def slower(share: float) -> Planting:
    """Every request of the combination takes longer by `share`, in every round."""
    return lambda rounds, _: [_scaled(one, 1 + share) for one in rounds]


def scattered(sd: float) -> Planting:
    """The log ratio of a round has this sd more."""
    return lambda rounds, chance: [_scaled(one, math.exp(chance.normal(0, sd))) for one in rounds]


def some_processes(share: float, by: float) -> Planting:
    """A `share` of all processes, the partner's included, takes longer by `by` for every request."""

    def plant(rounds: Rounds, chance: np.random.Generator) -> list[SingleStream]:
        count = 2 * len(rounds)
        slow = set(chance.permutation(count)[: round(share * count)].tolist())
        factors = [1 + by if place in slow else 1.0 for place in range(count)]
        return [
            _scaled(one, own, partner) for one, own, partner in zip(rounds, factors[::2], factors[1::2], strict=True)
        ]

    return plant


def slowest_text(times: float) -> Planting:
    """The slowest text takes `times` as long."""
    return _by_text(lambda order: {int(order[-1]): times})


def short_texts(by: float) -> Planting:
    """The fastest third of the texts takes longer by `by`."""
    return _by_text(lambda order: {int(place): 1 + by for place in order[: len(order) // 3]})


def some_requests(share: float, times: float) -> Planting:
    """A random `share` of the requests takes `times` as long."""

    def plant(rounds: Rounds, chance: np.random.Generator) -> list[SingleStream]:
        shapes = [(len(one.own_ns), len(one.own_ns[0])) for one in rounds]
        factors = [1 + (times - 1) * (chance.random(shape) < share).astype(float) for shape in shapes]
        return [_scaled(one, of_round) for one, of_round in zip(rounds, factors, strict=True)]

    return plant


def growing(by: float) -> Planting:
    """Requests get slower over a round, by `by` at its end."""

    def plant(rounds: Rounds, _: np.random.Generator) -> list[SingleStream]:
        import numpy as np

        def grown(one: SingleStream) -> SingleStream:
            passes, texts = len(one.own_ns), len(one.own_ns[0])
            return _scaled(one, 1 + by * np.linspace(0, 1, passes * texts).reshape(passes, texts))

        return [grown(one) for one in rounds]

    return plant


def leaking(bytes_a_request: int) -> Planting:
    """The combination's process keeps `bytes_a_request` for every request."""

    def plant(rounds: Rounds, _: np.random.Generator) -> list[SingleStream]:
        def leaky(one: SingleStream) -> SingleStream:
            each = len(one.own_ns[0]) * one.repeats * bytes_a_request
            grown = [size + number * each for number, size in enumerate(one.own_heap_bytes)]
            return msgspec.structs.replace(one, own_heap_bytes=grown)

        return [leaky(one) for one in rounds]

    return plant


def _by_text(factors_of: Callable[[NDArray[np.intp]], dict[int, float]]) -> Planting:
    """Scale single texts, given the places of all in the order of the time that the partner takes for them."""

    def plant(rounds: Rounds, _: np.random.Generator) -> list[SingleStream]:
        import numpy as np

        order = np.argsort(np.concatenate([one.partner_ns for one in rounds]).mean(axis=0))
        factors = np.ones(len(order))
        for place, factor in factors_of(order).items():
            factors[place] = factor
        return [_scaled(one, factors) for one in rounds]

    return plant


def _scaled(one: SingleStream, own: float | NDArray[np.float64], partner: float = 1.0) -> SingleStream:
    """The same round with other times: one factor for all, or one a text, or one a request."""
    import numpy as np

    return msgspec.structs.replace(
        one,
        own_ns=np.rint(np.array(one.own_ns) * own).astype(int).tolist(),
        partner_ns=np.rint(np.array(one.partner_ns) * partner).astype(int).tolist(),
    )

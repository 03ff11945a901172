"""Made-up worlds: what the log ratios, and the times, of runs would be under a known truth and a known noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from harness.record import Measured, SingleStream
from simulation.noise import PADDED, Array, noise, runs

Name: TypeAlias = Literal[
    "equal", "unequal", "t3", "bursts", "drift", "thermal", "autocorrelated", "order effect", "run shift"
]
_TAILS = 3  # degrees of freedom of the t distribution
_BURST = 3.0  # by how much more a round varies in a burst
_WARM = 0.1  # the part of a run in which the machine warms up by all but e**-1


@dataclass(frozen=True)
class World:
    """A kind of noise whose size is that of the published records."""

    name: Name

    def log_ratios(
        self,
        rng: np.random.Generator,
        means: Sequence[float],
        rounds: int,
        trials: int,
        *,
        quantity: str = "time",
        shifts: Array | None = None,
    ) -> Array:
        """Log ratios to stock, (trials, cells, rounds), each around its cell's mean over the whole run.

        Args:
            rng: draws them.
            means: the true log ratio of each cell.
            rounds: of each cell.
            trials: runs.
            quantity: whose noise, ``time`` or ``QPS``.
            shifts: by how many standard deviations each run lies off the truth, (trials,); drawn by :meth:`shifts`
                where runs are compared.
        """
        around = self._noise(rng, np.abs(means) > PADDED, rounds, trials, quantity)
        around += np.asarray(means)[None, :, None]
        if shifts is not None:
            between = np.where(np.abs(means) > PADDED, *reversed(noise(quantity).between))
            around += shifts[:, None, None] * between[None, :, None]
        return around

    def shifts(self, rng: np.random.Generator, trials: int) -> Array:
        """By how many standard deviations runs lie off the truth, one a run; nothing but where runs shift."""
        return rng.normal(0, self.name == "run shift", trials)

    def times(
        self, rng: np.random.Generator, rounds: int, passes: int, texts: int, *, slower: float = 1.0
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Times of requests in nanoseconds, (rounds, passes, texts), of a combination and of stock in the same rounds.

        Texts take what those of the published runs take, or anything between two of these, so that another call has
        other texts; requests vary around their text's time as published ones do.

        Args:
            rng: draws them.
            rounds: of the combination.
            passes: of each round.
            texts: of each pass, the same ones in every pass.
            slower: the combination's true time over stock's.
        """
        levels, residuals = _requests()
        places = np.arange(len(levels))
        text = np.interp(rng.random(texts) * len(levels) - 0.5, places, np.sort(levels))[None, None, :]
        ratio = self._noise(rng, np.array([slower > np.exp(PADDED)]), rounds, 1, "time")[0, 0][:, None, None]
        size = (rounds, passes, texts)
        common = rng.normal(0, noise("time").pooled, rounds)[:, None, None]
        own = np.exp(text + common + ratio / 2 + np.log(slower) + rng.choice(residuals, size))
        stock = np.exp(text + common - ratio / 2 + rng.choice(residuals, size))
        return own.astype(np.int64), stock.astype(np.int64)

    def _noise(self, rng: np.random.Generator, padded: NDArray[np.bool_], rounds: int, trials: int, of: str) -> Array:
        """What log ratios differ by from their cell's mean over the run, (trials, cells, rounds)."""
        found, shape = noise(of), (trials, len(padded), rounds)
        sd: Array = np.where(padded, found.sds[1], found.sds[0])[None, :, None]
        # Rounds of one number come together, the cells in any order: the place of each in the run, from 0 to 1.
        order = rng.permuted(np.broadcast_to(np.arange(len(padded))[None, :, None], shape), axis=1)
        place: Array = (order + 0.5 + len(padded) * np.arange(rounds)) / (len(padded) * rounds)
        normal: Array = rng.normal(size=shape)
        match self.name:
            case "equal":
                return normal * found.pooled
            case "unequal" | "run shift":
                return normal * sd
            case "t3":
                tailed: Array = rng.standard_t(_TAILS, shape) / np.sqrt(_TAILS / (_TAILS - 2))
                return tailed * sd
            case "bursts":
                scale = np.where(rng.random(shape) < found.outlying, _BURST, 1.0)
                return normal * scale * sd
            case "drift":
                return normal * sd + found.drift * (place - 0.5)
            case "thermal":
                warming: Array = np.exp(-place / _WARM)
                over_the_run: Array = np.mean(warming, axis=(1, 2), keepdims=True)
                return normal * sd + found.drift * (warming - over_the_run)
            case "autocorrelated":
                return _in_time(rng, order, found.correlation) * sd
            case "order effect":
                sign: Array = (-1.0) ** np.arange(rounds)
                return normal * sd + found.order * sign


WORLDS = tuple(World(name) for name in get_args(Name))


def _in_time(rng: np.random.Generator, order: NDArray[np.int64], correlation: float) -> Array:
    """Normal noise in which each round of the run goes with the one before it, of whatever cell."""
    trials, cells, rounds = order.shape
    series = rng.normal(size=(cells * rounds, trials))
    for place in range(1, len(series)):
        series[place] = correlation * series[place - 1] + np.sqrt(1 - correlation**2) * series[place]
    by_place = series.reshape(rounds, cells, trials).transpose(2, 1, 0)  # (trials, place in the round, rounds)
    return np.take_along_axis(by_place, order, axis=1)


@cache
def _requests() -> tuple[Array, Array]:
    """Of stock in the published runs of the embedded checkpoint: the log time of each text, and what requests differ by
    from their text's.
    """
    levels: dict[str, list[float]] = {}
    residuals: list[Array] = []
    for header, records in runs().values():
        for record in records:
            if (
                header.checkpoint == "mini"
                and isinstance(record, Measured)
                and isinstance(record.samples, SingleStream)
            ):
                logs = np.log(np.array(record.samples.partner_ns))  # (passes, texts)
                if len(logs) > 1:
                    left = logs - logs.mean(axis=0)
                    residuals.append((left * np.sqrt(len(logs) / (len(logs) - 1))).ravel())
                    for text, level in zip(header.texts, logs.mean(axis=0).tolist(), strict=True):
                        levels.setdefault(text, []).append(level)
    return np.array([np.mean(one) for one in levels.values()]), np.concatenate(residuals)

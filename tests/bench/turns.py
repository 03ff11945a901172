"""Processes that answer a file of texts each, in turns: one works while the others are stopped.

A process is the very command that a user runs: it reads its own file, as far ahead as it likes, and writes to a pipe.
It is stopped and continued by signals, and does not notice. A pipe that handed it its lines would keep it from reading
ahead, and would hide that it holds all of them. A text that is stopped half way is not timed: the clock of a turn
starts with its first answer.
"""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from harness.errors import InputError, UiebenchError
from harness.measure.memory import peak_rss_of, resident
from harness.run import keeper, python

ROUNDS = 32  # at most
QUARTERS = 4
_SPARE = 3  # texts of a turn beside those timed: one that was stopped half way, and those answered before the stop came
_SILENT_S = 600.0  # without an answer, and a process hangs
_CHUNK = 1 << 16  # bytes
_SAID = 400  # characters of what a broken process said last


@dataclass(frozen=True)
class Block:
    """What a process showed in one turn."""

    ns: float  # a text, on average
    done: float  # texts that it had answered by then, on average over the looks at its memory
    resident_bytes: float  # on average over these looks
    peak_bytes: int  # so far


@dataclass(frozen=True)
class Plan:
    """How far each process gets in each round: all begin and end together, however many texts they have."""

    sizes: tuple[int, ...]  # texts of each process
    cycle: int  # texts that come again and again, so that each turn has as many of each
    rounds: int

    @staticmethod
    def of(sizes: Sequence[int], cycle: int) -> Plan:
        """As many rounds as the smallest file has texts for.

        Raises:
            InputError: it has too few, or there is nothing to compare it with.
        """
        if len(set(sizes)) < 2:
            raise InputError("give two sizes or more, like 1000,10000,100000: they are compared")
        if cycle < 1:
            raise InputError(f"{cycle} different texts are none; take 24, say")
        rounds = min(ROUNDS, (min(sizes) - 2 * cycle) // (cycle + _SPARE)) // QUARTERS * QUARTERS
        if rounds < 2 * QUARTERS:
            fewest = 2 * cycle + 2 * QUARTERS * (cycle + _SPARE)
            raise InputError(f"{min(sizes)} texts are too few to alternate with {cycle} different ones; take {fewest}")
        return Plan(tuple(sorted(set(sizes))), cycle, rounds)

    def target(self, size: int, number: int) -> int:
        """How many texts are answered at the end of a round; what is before the first and after the last warms up."""
        return self.cycle + (size - 2 * self.cycle) * (number + 1) // self.rounds


class Extraction:
    """A process that writes a line a text."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        """Start it.

        Args:
            command: what is run, with one thread unless the environment says otherwise.
            log: where its errors go.
        """
        self.done = 0  # texts answered
        self._log, self._ended = log, False
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={"OMP_NUM_THREADS": "1", **python.environment()},
                start_new_session=True,
            )
        keeper.keep(self._process.pid)
        assert self._process.stdout is not None
        self._answers = self._process.stdout.fileno()

    def __enter__(self) -> Extraction:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it, wherever it is."""
        self._process.kill()
        self._process.communicate()
        keeper.drop(self._process.pid)

    def now(self) -> int:
        """The clock that texts are timed by, in nanoseconds."""
        return time.perf_counter_ns()

    def answer(self, count: int) -> None:
        """Wait for so many texts more.

        Raises:
            UiebenchError: it ended before, or hangs.
        """
        wanted = self.done + count
        while self.done < wanted:
            self._hear()
            if self._ended and self.done < wanted:
                raise self._broken(f"ended after {self.done} texts")

    def stop(self) -> None:
        """Let it do nothing more; what it had answered by then counts."""
        os.kill(self._process.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        while not self._ended and select.select([self._answers], [], [], 0)[0]:
            self._hear()

    def turn(self, target: int, cycle: int) -> Block:
        """Let it work until so many texts are answered, then stop it.

        Args:
            target: how many there are to be in all.
            cycle: the timed ones are a whole number of times so many, one at least.
        """
        os.kill(self._process.pid, signal.SIGCONT)
        self.answer(1)
        cycles = max(1, (target - self.done) // cycle)
        self.answer(target - self.done - cycles * cycle)
        before, looks = self.done, []
        begun = ended = self.now()
        for _ in range(cycles):
            self.answer(cycle)
            ended = self.now()
            looks.append((self.done, self._seen(resident([self._process.pid]))))
        block = Block(
            ns=(ended - begun) / (self.done - before),
            done=fmean(done for done, _ in looks),
            resident_bytes=fmean(size for _, size in looks),
            peak_bytes=self._seen(peak_rss_of(self._process.pid)),
        )
        self.stop()
        return block

    def finish(self, size: int) -> None:
        """Let it come to its end.

        Raises:
            UiebenchError: it did not answer all its texts, or says that something was wrong.
        """
        os.kill(self._process.pid, signal.SIGCONT)
        while not self._ended:
            self._hear()
        if (status := self._process.wait()) or self.done != size:
            raise self._broken(f"answered {self.done} of {size} texts and ended with status {status}")

    def _hear(self) -> None:
        if not select.select([self._answers], [], [], _SILENT_S)[0]:
            raise self._broken(f"has not answered a text for {_SILENT_S:.0f} s")
        data = os.read(self._answers, _CHUNK)
        self._ended = not data
        self.done += data.count(b"\n")

    def _seen(self, size: int | None) -> int:
        if size is None:
            raise self._broken(f"ended after {self.done} texts, and its memory is not known")
        return size

    def _broken(self, how: str) -> UiebenchError:
        said = self._log.read_text(encoding="utf-8", errors="replace")[-_SAID:].strip()
        return UiebenchError(f"the process {how}; it said: {said or 'nothing'}")


def take_turns(
    commands: Mapping[int, Sequence[str]], plan: Plan, logs: Path, until: float, tell: Callable[[str], None]
) -> dict[int, list[Block]]:
    """A block of each process a round, in an order that is drawn.

    Args:
        commands: by the number of texts.
        plan: of the rounds.
        logs: where the processes' errors go.
        until: no round begins that would end later, by `time.monotonic`.
        tell: told what each round showed.

    Returns:
        The blocks of each process; the rounds that there was time for.

    Raises:
        UiebenchError: a process broke.
    """
    chance, found = random.Random(0), {size: list[Block]() for size in plan.sizes}
    with ExitStack() as stack:
        running = {}
        for size in plan.sizes:
            running[size] = stack.enter_context(Extraction(commands[size], logs / f"{size}.log"))
            running[size].answer(plan.cycle)
            running[size].stop()
        begun = time.monotonic()
        for number in range(plan.rounds):
            now = time.monotonic()
            if now + (now - begun) / max(number, 1) > until:
                return found
            for size in chance.sample(plan.sizes, len(plan.sizes)):
                found[size].append(running[size].turn(plan.target(size, number), plan.cycle))
            each = ", ".join(f"{size} texts: {blocks[-1].ns / 1e6:.2f} ms" for size, blocks in found.items())
            tell(f"round {number + 1} of {plan.rounds}: {each}")
        for size, one in running.items():
            one.finish(size)
    return found

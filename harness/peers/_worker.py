"""A peer's process: carries out the runner's commands, and is measured like a combination (`_worker.main`)."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from harness.errors import UnavailableError, in_brief
from harness.measure.latency import single_stream
from harness.measure.load import TakingTurns, closed_loop
from harness.measure.memory import (
    heap_in_use,
    peak_cuda,
    peak_cuda_allocated,
    peak_rss_of,
    reset_peak_cuda,
    reset_peak_rss_of,
    uuid_of,
    weights_bytes,
)
from harness.measure.pinning import keep_near
from harness.measure.warmup import until_steady
from harness.peers import Peer
from harness.run import pipe
from harness.run.first import FIRST_SCHEMA, FIRST_TEXT


class PeerError(RuntimeError):
    """The program failed."""


class Worker:
    """A loaded program and the runner's commands for it; replies are messages of `harness.run.protocol`."""

    def __init__(self, job: dict[str, Any], peer: Peer) -> None:
        self._peer, self._name, self._threads, device = peer, job["combination"], job["threads"], job["device"]
        _import(peer)
        torch = sys.modules.get("torch")
        if torch is not None:
            torch.set_num_threads(self._threads)
        imported = time.monotonic_ns()
        with _told(f"{peer.needs} refuses the checkpoint {job['checkpoint']}"):
            peer.load(Path(job["checkpoint"]), device, Path.cwd())
        loaded = time.monotonic_ns()
        with _told(f"{peer.needs} cannot answer a first request with the checkpoint {job['checkpoint']}"):
            peer.answer(FIRST_TEXT, FIRST_SCHEMA)
        answered = time.monotonic_ns()
        self.start = {
            "imports_ns": imported - job["spawned_ns"],
            "weights_ns": loaded - imported,
            "first_call_ns": answered - loaded,
        }
        self.facts = {"python": platform.python_version()}
        self._device = None
        if torch is not None:
            self.facts |= {"torch": str(torch.__version__), "torch_threads": str(torch.get_num_threads())}
            self._device = torch.device(device)
            if self._device.type == "cuda":
                self.facts["gpu_uuid"] = uuid_of(self._device)
                self.facts["host_cpus"] = _kept_near(self.facts["gpu_uuid"])
        self._texts = job["texts"]
        self._schemas = [json.loads(schema) for schema in job["schemas"]]
        self._timed = range(job["timed"])
        self._load_peaks = peak_rss_of(os.getpid()), self._on_device(peak_cuda)
        self._rss_was_reset = reset_peak_rss_of(os.getpid())
        self._on_device(reset_peak_cuda)

    def warm_up(self, _: dict[str, Any]) -> dict[str, Any]:
        """Answer each text once, then the shortest until its time has settled."""
        for place in self._timed:
            self._answer(place)
        shortest = min(self._timed, key=lambda place: len(self._texts[place]))
        requests, steady = until_steady(lambda: single_stream(self._answer, [shortest])[0][0])
        return {"type": "warm", "requests": requests, "steady": steady}

    def answer(self, command: dict[str, Any]) -> dict[str, Any]:
        """Answer the texts, untimed."""
        places = command["places"] or self._timed
        return {"type": "answered", "answers": [self._answer(place) for place in places]}

    def time(self, command: dict[str, Any]) -> dict[str, Any]:
        """One timed pass, or a part of it."""
        places = command["places"] or list(self._timed)
        for place in command["primed"]:
            self._answer(place)
        more: dict[str, Any] = {}
        before = time.process_time_ns()
        if command["scenario"] == "closed_loop":
            server = TakingTurns[int, Any](self._answer)
            timed = closed_loop(server, places, command["clients"])
            wall, ns, answers, did = timed.wall_ns, timed.request_ns, timed.replies, server.service
            more = {"wait_ns": did.wait_ns, "batch_sizes": did.batch_sizes}
        elif command["scenario"] == "offline":
            (wall,), (answers,) = single_stream(self._answer_all, [places])
            ns = []
        elif command["scenario"] == "single_stream":
            ns, answers = single_stream(self._answer, places)
            wall = sum(ns)
        else:
            raise ValueError(f"a program is not timed under the scenario {command['scenario']!r}")
        cpu = time.process_time_ns() - before
        if command["scenario"] == "single_stream":
            more = {"heap_bytes": heap_in_use()}
        return {"type": "timed", "wall_ns": wall, "cpu_ns": cpu, "request_ns": ns, "answers": answers, **more}

    def mark(self, command: dict[str, Any]) -> dict[str, Any]:
        """The logits near the threshold of some texts, if the peer gives them."""
        found = [self._peer.marks(self._texts[place], self._schemas[place]) for place in command["places"]]
        return {"type": "marked", "marks": found}

    def inspect(self, _: dict[str, Any]) -> dict[str, Any]:
        """Reports nothing: a peer's logits, work and profile are not seen."""
        return {"type": "inspected", "largest": None, "work": None, "profile": None}

    def prove(self, command: dict[str, Any]) -> dict[str, Any]:
        """Evidence that the program itself answers."""
        places = command["places"] or self._timed
        found = self._peer.prove(lambda: [self._answer(place) for place in places])
        torch = sys.modules.get("torch")
        threads = self._threads if torch is None else torch.get_num_threads()
        alike = threads == self._threads
        evidence = {
            "optimization": self._name,
            "active": found.active and alike,
            "summary": f"{found.summary}; Python {platform.python_version()}, threads: {threads}"
            + ("" if alike else f", and not {self._threads} as all others"),
            "figures": {**found.figures, "threads": threads},
        }
        return {"type": "proved", "evidence": [evidence]}

    def weigh(self, _: dict[str, Any]) -> dict[str, Any]:
        """The memory of this process alone."""
        rss, cuda = self._load_peaks
        memory = {
            "weights_bytes": None if self._peer.model is None else weights_bytes(self._peer.model),
            "rss_load_peak_bytes": rss,
            "rss_serving_peak_bytes": peak_rss_of(os.getpid()) if self._rss_was_reset else None,
            "cuda_load_peak_bytes": cuda,
            "cuda_serving_peak_bytes": self._on_device(peak_cuda),
            "cuda_serving_allocated_peak_bytes": self._on_device(peak_cuda_allocated),
        }
        return {"type": "weighed", "memory": memory}

    def _answer(self, place: int) -> list[Any]:
        return self._peer.answer(self._texts[place], self._schemas[place])

    def _answer_all(self, places: Sequence[int]) -> list[list[Any]]:
        answers = self._peer.answer_all([self._texts[i] for i in places], [self._schemas[i] for i in places])
        if len(answers) != len(places):
            raise ValueError(f"the peer gave {len(answers)} answers to {len(places)} texts")
        return answers

    def _on_device(self, ask: Callable[[Any], Any]) -> Any:
        return None if self._device is None else ask(self._device)


def main(commands: int, replies: int, file: str) -> None:
    """Serve the peer of a file over two pipes."""

    def reply(line: bytes, worker: Any) -> tuple[Any, bytes]:
        try:
            command = json.loads(line)
            if worker is None:
                worker = Worker(command, _peer_of(Path(file)))
                return worker, _line({"type": "ready", "start": worker.start, "facts": worker.facts})
            actions = {
                "warm_up": worker.warm_up,
                "answer": worker.answer,
                "time": worker.time,
                "mark_texts": worker.mark,
                "inspect": worker.inspect,
                "prove": worker.prove,
                "weigh": worker.weigh,
            }
            return worker, _line(actions[command["type"]](command))
        except BaseException as error:  # another program may raise anything; the run must go on
            kind, said = pipe.fault(error)
            return None, _line({"type": "fault", "kind": kind, "error": said})

    pipe.run(commands, replies, reply)


def _line(reply: dict[str, Any]) -> bytes:
    return json.dumps(reply, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _peer_of(file: Path) -> Peer:
    spec = spec_from_file_location(f"uiebench_peer_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    peer = getattr(module, "peer", None)
    if not isinstance(peer, Peer):
        raise TypeError(f"{file} holds no `peer` that is a harness.peers.Peer")
    return peer


def _kept_near(gpu: str) -> str:
    """Bind the process as a combination's is bound, if this environment can."""
    try:
        return keep_near(gpu)
    except ModuleNotFoundError as error:
        return f"any core: {error.name}, which asks the driver for those near the GPU, is not installed here"


def _import(peer: Peer) -> None:
    where = f"in the environment of {sys.executable}"
    with _told(f"{peer.needs} cannot be imported {where} (one that works: {peer.install})"):
        try:
            peer.imports()
        except ModuleNotFoundError as error:
            if error.name != peer.needs:
                raise
            raise UnavailableError(f"{peer.needs} is not installed {where}; {peer.install}") from None


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Turn an error into one that says what failed and briefly why; the log has the whole error."""
    try:
        yield
    except (MemoryError, UnavailableError):
        raise
    except Exception as error:
        if type(error).__name__ == "OutOfMemoryError":  # torch's; it has its own kind of fault
            raise
        raise PeerError(f"{what}: {in_brief(f'{type(error).__name__}: {error}')}") from error

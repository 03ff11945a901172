"""One combination in one process: load, compose, measure (`python -m harness.run.worker READ_FD WRITE_FD`)."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from harness.measure.ceilings import ceilings
from harness.measure.latency import single_stream
from harness.measure.load import Queueing, TakingTurns, closed_loop
from harness.measure.logits import largest_difference, save
from harness.measure.memory import (
    heap_in_use,
    peak_cuda,
    peak_cuda_allocated,
    peak_rss,
    process_on_device,
    reset_peak_cuda,
    reset_peak_rss,
    uuid_of,
    weights_bytes,
)
from harness.measure.nvml import energy_mj
from harness.measure.pinning import keep_near
from harness.measure.profile import profile
from harness.measure.roofline import Counter
from harness.measure.warmup import until_steady
from harness.record import STOCK, Chains, Memory, StartUp
from harness.run import protocol as say
from harness.run.first import FIRST_SCHEMA, FIRST_TEXT
from harness.run.serving import run

if TYPE_CHECKING:
    import torch

    from harness.baseline.extractor import Observed


class Worker:
    """A composed extractor, and what the runner may ask of it."""

    def __init__(self, job: say.Job) -> None:
        import torch

        from harness.baseline.loading import stock_plan
        from harness.baseline.precision import products
        from harness.compose import optimized, planned
        from harness.plan.combination import parse
        from harness.plan.registry import find_optimizations

        torch.set_num_threads(job.threads)
        self.chosen = parse(job.combination, find_optimizations(Path(path) for path in job.plugins))
        start = "stock" if job.combination == STOCK else "baseline"
        plan = planned(stock_plan(job.checkpoint, device=job.device, start=start), self.chosen)
        for module in plan.imports:
            import_module(module)
        imported = time.monotonic_ns()
        context_ns = make_context(plan.device)
        # After the context, without which the GPU has no name, and before host memory is taken. No part of the start.
        kept = {"host_cpus": keep_near(uuid_of(plan.device))} if plan.device.type == "cuda" else {}
        begun = time.monotonic_ns()
        self.extractor = optimized(plan.load(), self.chosen)
        self._synchronize()
        loaded = time.monotonic_ns()
        self.extractor.extract(FIRST_TEXT, FIRST_SCHEMA)
        answered = time.monotonic_ns()
        self.start = StartUp(
            imports_ns=imported - job.spawned_ns,
            weights_ns=loaded - begun,
            first_call_ns=answered - loaded,
            context_ns=context_ns,
        )
        self.facts = {
            "torch": str(torch.__version__),
            "torch_threads": str(torch.get_num_threads()),
            "cpu_capability": torch.backends.cpu.get_cpu_capability(),  # what torch's own kernels go by
            "float32_products": products(),
            **kept,
        }
        if self.extractor.device.type == "cuda":
            self.facts["gpu"] = torch.cuda.get_device_name(self.extractor.device)
            self.facts["gpu_uuid"] = uuid_of(self.extractor.device)
        self.texts = job.texts
        self.schemas = [json.loads(schema) for schema in job.schemas]
        self.timed = job.timed
        self._load_peaks = peak_rss(), peak_cuda(self.extractor.device)
        self._rss_was_reset = reset_peak_rss()
        reset_peak_cuda(self.extractor.device)

    def warm_up(self, _: say.WarmUp) -> say.Warm:
        """Each text once, then the shortest until its time has settled."""
        places = range(self.timed)
        for place in places:
            self._extract(place)
        shortest = min(places, key=lambda place: len(self.texts[place]))

        def request() -> int:
            (elapsed,), _ = single_stream(self._extract, [shortest], synchronize=self._synchronize)
            return elapsed

        return say.Warm(*until_steady(request))

    def answer(self, command: say.Answer) -> say.Answered:
        """The texts, untimed."""
        places = command.places or range(self.timed)
        if not command.marks:
            return say.Answered([self._extract(place) for place in places])
        observed = [self._observe(place) for place in places]
        if command.logits_to:
            save(Path(command.logits_to), {place: one.logits for place, one in zip(places, observed, strict=True)})
        return say.Answered([one.chains for one in observed], [one.marks for one in observed])

    def inspect(self, command: say.Inspect) -> say.Inspected:
        """How far the logits of the timed texts are from the baseline's, and what answering them is made of."""
        counter = Counter(self.extractor)
        own = {
            place: counter.extractor.extract_observed(self.texts[place], self.schemas[place]).logits
            for place in range(self.timed)
        }
        texts, schemas = self.texts[: self.timed], self.schemas[: self.timed]
        taken_apart = profile(self.extractor, texts, schemas, self._synchronize)
        saved = Path(command.path)  # a run that goes on may have been copied here without it
        largest = largest_difference(saved, own) if saved.is_file() else None
        # Of a screen's two precisions neither's ceiling is the limit of all, and another runtime's is not known.
        rounded = self.extractor.screen is not None or getattr(self.extractor.forwards.cross, "rounded", False)
        work = None if rounded else counter.work
        return say.Inspected(largest, work, taken_apart)

    def measure_ceilings(self, _: say.MeasureCeilings) -> say.CeilingsMeasured:
        """What the device does at most."""
        return say.CeilingsMeasured(ceilings(self.extractor.device))

    def time(self, command: say.Time) -> say.Timed:
        """One timed pass, or a part of it."""
        places = command.places or range(self.timed)
        for place in command.primed:
            self._extract(place)
        energy = self._energy() if command.scenario == "single_stream" else None
        reset_peak_cuda(self.extractor.device)
        before = time.process_time_ns()
        if command.scenario == "single_stream":
            ns, answers = single_stream(self._extract, places, synchronize=self._synchronize)
            cpu, used = time.process_time_ns() - before, self._energy()
            taken = None if energy is None or used is None else used - energy
            return say.Timed(sum(ns), cpu, ns, answers, taken, heap_bytes=heap_in_use())
        if command.scenario == "offline":
            (wall_ns,), (together,) = single_stream(self._extract_all, [places], synchronize=self._synchronize)
            timed = say.Timed(wall_ns, time.process_time_ns() - before, [], together)
        elif command.scenario == "closed_loop":
            server = self._server()
            loop = closed_loop(server, places, command.clients)
            cpu, did = time.process_time_ns() - before, server.service
            timed = say.Timed(
                loop.wall_ns, cpu, loop.request_ns, loop.replies, wait_ns=did.wait_ns, batch_sizes=did.batch_sizes
            )
        else:
            raise ValueError(f"a process is not timed under the scenario {command.scenario!r}")
        return replace(
            timed,
            cuda_peak_bytes=peak_cuda(self.extractor.device),
            cuda_allocated_peak_bytes=peak_cuda_allocated(self.extractor.device),
        )

    def _energy(self) -> int | None:
        return energy_mj(self.facts["gpu_uuid"]) if "gpu_uuid" in self.facts else None

    def _server(self) -> Queueing[int, Chains] | TakingTurns[int, Chains]:
        """With batching a queue; without, requests take turns."""
        if self.extractor.batching.joins_requests:
            return Queueing[int, Chains](self._extract_all)
        return TakingTurns[int, Chains](self._extract_synchronized)

    def _extract_all(self, places: Sequence[int]) -> list[Chains]:
        answers = self.extractor.extract_batch(
            [self.texts[place] for place in places], [self.schemas[place] for place in places]
        )
        if len(answers) != len(places):
            raise ValueError(f"the extractor gave {len(answers)} answers to {len(places)} texts")
        return answers

    def _extract_synchronized(self, place: int) -> Chains:
        answer = self._extract(place)
        self._synchronize()
        return answer

    def mark(self, command: say.MarkTexts) -> say.Marked:
        """The logits near the threshold of some texts."""
        return say.Marked([self._observe(place).marks for place in command.places])

    def prove(self, command: say.Prove) -> say.Proved:
        """What shows that each optimization is active here."""
        from harness.plugin import Probe

        places = command.places or range(self.timed)
        probe = Probe(self.extractor, [self.texts[i] for i in places], [self.schemas[i] for i in places])
        return say.Proved([one.shown(probe) for one, _ in self.chosen])

    def weigh(self, _: say.Weigh) -> say.Weighed:
        """The memory ledger."""
        rss, cuda = self._load_peaks
        return say.Weighed(
            Memory(
                weights_bytes=self._weights(),
                rss_load_peak_bytes=rss,
                rss_serving_peak_bytes=peak_rss() if self._rss_was_reset else None,
                cuda_load_peak_bytes=cuda,
                cuda_serving_peak_bytes=peak_cuda(self.extractor.device),
                cuda_serving_allocated_peak_bytes=peak_cuda_allocated(self.extractor.device),
                cuda_process_bytes=process_on_device(self.extractor.device),
            )
        )

    def _weights(self) -> int | None:
        """Bytes; None where another runtime holds its own."""
        extractor = self.extractor
        if hasattr(extractor.forwards.cross, "runtime"):
            return None
        screen = () if extractor.screen is None else extractor.screen.model.parameters()
        return weights_bytes(extractor.model, (*extractor.forwards.constants(), *screen))

    def _extract(self, place: int) -> Chains:
        return self.extractor.extract(self.texts[place], self.schemas[place])

    def _observe(self, place: int) -> Observed:
        return self.extractor.extract_observed(self.texts[place], self.schemas[place])

    def _synchronize(self) -> None:
        if self.extractor.device.type == "cuda":
            import torch

            torch.cuda.synchronize(self.extractor.device)


def make_context(device: torch.device) -> int | None:
    """Have the driver make what this process needs on a device, up to a first allocation.

    Returns:
        How long that took, in nanoseconds; None on a CPU, which needs nothing.
    """
    if device.type != "cuda":
        return None
    import torch

    begun = time.monotonic_ns()
    torch.cuda.init()  # type: ignore[no-untyped-call]
    torch.empty(1, device=device)
    torch.cuda.synchronize(device)
    return time.monotonic_ns() - begun


def obey(line: bytes, worker: Worker | None) -> Any:
    """Do what a line asks; a job gives the worker itself.

    Args:
        line: a command.
        worker: what the first line, a job, gave; None before.
    """
    command = say.read_command(line)
    if isinstance(command, say.Job):
        return Worker(command)
    if worker is None:
        raise RuntimeError("the first line must be a job")
    actions: dict[type, Callable[[Any], Any]] = {
        say.WarmUp: worker.warm_up,
        say.Answer: worker.answer,
        say.Time: worker.time,
        say.MarkTexts: worker.mark,
        say.Inspect: worker.inspect,
        say.MeasureCeilings: worker.measure_ceilings,
        say.Prove: worker.prove,
        say.Weigh: worker.weigh,
    }
    return actions[type(command)](command)


if __name__ == "__main__":
    run(int(sys.argv[1]), int(sys.argv[2]), obey)

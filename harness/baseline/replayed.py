"""Forwards that are captured once for each bucket of shapes, and replayed for every shape that falls into it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import torch
from torch import Tensor

from harness.baseline.agreement import COMPARED_AT, inputs, must_agree
from harness.baseline.forward import Forwards
from harness.baseline.model import SiameseUIE
from harness.baseline.work import product_dtype
from harness.errors import UnavailableError, in_brief

# Runs a captured forward on the present contents of its inputs; the next run overwrites its output.
Replay: TypeAlias = Callable[[], Tensor]

# Libraries allocate and choose kernels in the first call, which must not be captured; a second one is quick.
_WARM_UPS = 2
# The axis of a forward's output with the tokens of its first input: (B, T, H) of the towers, (B, 2, T) of cross.
_TOKENS = {"encode_text": 1, "encode_prompt": 1, "cross": 2}


class Capturing(Protocol):
    """How a forward is captured."""

    @property
    def held_bytes(self) -> int:
        """The memory on the device of everything captured, without its inputs."""
        ...

    def capture(self, forward: Callable[..., Tensor], given: tuple[Tensor, ...]) -> Replay:
        """Capture a forward on inputs whose addresses do not change."""
        ...


@dataclass(frozen=True)
class Buckets:
    """The sizes that inputs are padded to, so that there are only a few shapes."""

    multiple: int  # of tokens
    most: int  # the number of tokens that have a position id

    def of(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Rows rounded up to a power of two, tokens to a multiple; other sizes unchanged."""
        rows, *rest = shape
        padded = 1 << (rows - 1).bit_length()
        if not rest:
            return (padded,)
        tokens, *others = rest
        rounded = -(-tokens // self.multiple) * self.multiple
        return (padded, max(tokens, min(rounded, self.most)), *others)


@dataclass(frozen=True)
class _Recording:
    inputs: tuple[Tensor, ...]
    replay: Replay


class Recordings:
    """The captured forwards of an extractor; threads that share them take turns.

    All recordings share one memory pool. This is safe because only one is replayed at a time, and its output is copied
    before the next one, on the same stream.
    """

    def __init__(self, buckets: Buckets, capturing: Capturing, most_bytes: int) -> None:
        """Start with none.

        Args:
            buckets: of shapes.
            capturing: how a forward is captured.
            most_bytes: once the recordings hold this many bytes, nothing more is captured.
        """
        self.replays, self.eager = Counter[str](), Counter[str]()  # calls, by name of the forward
        self.buckets = buckets
        self._capturing, self._most_bytes, self._is_full = capturing, most_bytes, False
        self._held: dict[tuple[str, tuple[tuple[int, ...], ...]], _Recording] = {}
        self._lock = threading.Lock()

    @property
    def count(self) -> int:
        """How many buckets were captured."""
        return len(self._held)

    @property
    def held_bytes(self) -> int:
        """Their memory on the device, inputs included."""
        own = sum(one.nbytes for recording in self._held.values() for one in recording.inputs)
        return own + self._capturing.held_bytes

    def forwards(self, own: Forwards) -> Forwards:
        """The forwards by replay."""
        encode_text, encode_prompt, cross = (Replayed(name, forward, self) for name, forward in own.by_name().items())
        return Forwards(encode_text, encode_prompt, cross)

    @torch.inference_mode()
    def answer(self, name: str, forward: Callable[..., Tensor], given: tuple[Tensor, ...]) -> Tensor:
        """The forward's output, by replay, or eagerly if there is no room to capture it."""
        key = name, tuple(self.buckets.of(one.shape) for one in given)
        with self._lock:
            if key not in self._held and not self._is_full:
                self._held[key] = self._captured(forward, key[1], given)
                self._is_full = self.held_bytes >= self._most_bytes
            if (recording := self._held.get(key)) is not None:
                self.replays[name] += 1
                for place, one in zip(recording.inputs, given, strict=True):
                    _put(place, one)
                rows, tokens = given[0].shape[:2]
                return recording.replay()[:rows].narrow(_TOKENS[name], 0, tokens).clone()
            self.eager[name] += 1
        return forward(*given)

    def _captured(
        self, forward: Callable[..., Tensor], shapes: tuple[tuple[int, ...], ...], given: tuple[Tensor, ...]
    ) -> _Recording:
        static = tuple(one.new_zeros(shape) for one, shape in zip(given, shapes, strict=True))
        for place, one in zip(static, given, strict=True):
            _put(place, one)
        return _Recording(static, self._capturing.capture(forward, static))


@dataclass(frozen=True)
class Replayed:
    """A forward by replay."""

    name: str
    made_from: Callable[..., Tensor]
    recordings: Recordings

    def __call__(self, *given: Tensor) -> Tensor:
        """As the model's own."""
        return self.recordings.answer(self.name, self.made_from, given)


def must_replay(model: SiameseUIE, device: torch.device, recordings: Recordings) -> None:
    """Compare replays with the eager forwards, on other inputs than those that were captured.

    Args:
        model: the model whose forwards they are.
        device: where they run.
        recordings: empty, and used for nothing else.

    Raises:
        UnavailableError: a forward cannot be captured, or its replay depends on the inputs that it was captured with.
    """
    replayed = recordings.forwards(Forwards.of(model)).by_name()
    try:
        with torch.inference_mode():
            for rows, *tokens in COMPARED_AT:
                # A bucket is captured at its full size, without rows or tokens of padding.
                (full, text), (_, prompt) = (recordings.buckets.of((rows, count)) for count in tokens)
                for name, given in inputs(model, device, full, text, prompt).items():
                    replayed[name](*given)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # a kernel that waits for the device, or cannot be in a graph
        raise UnavailableError(f"cuda_graphs: a forward cannot be captured: {in_brief(error)}") from error
    must_agree(model, device, replayed, "cuda_graphs: the replay", exact=product_dtype(model) == "float32")


class CudaGraphs:
    """Captures CUDA graphs, all in one memory pool."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream: Any = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._pool: Any = torch.cuda.graph_pool_handle()

    @property
    def held_bytes(self) -> int:
        """The sum of the pool's segments."""
        segments = torch.cuda.memory_snapshot()  # type: ignore[no-untyped-call]
        sizes = [int(one["total_size"]) for one in segments if tuple(one["segment_pool_id"]) == tuple(self._pool)]
        return sum(sizes)

    def capture(self, forward: Callable[..., Tensor], given: tuple[Tensor, ...]) -> Replay:
        """A graph of the forward; other threads may use the device meanwhile."""
        own = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(own)
        with torch.cuda.stream(self._stream):
            for _ in range(_WARM_UPS):
                forward(*given)
        own.wait_stream(self._stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"):
            output = forward(*given)

        def replay() -> Tensor:
            graph.replay()
            return output

        return replay


def _put(place: Tensor, given: Tensor) -> None:
    """Copy an input into the one that a recording reads; the padding is set to zero."""
    if place.shape != given.shape:
        place.zero_()
    place[tuple(slice(size) for size in given.shape)].copy_(given)

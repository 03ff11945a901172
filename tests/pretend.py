"""A device that is pretended: its tensors lie on the CPU, claim to be elsewhere, and what passes between is counted.

`PYTHONPATH=tests python -m pretend` prints the table of docs/gpu.md, which says what is counted.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import _disable_current_modes
from torch.utils._pytree import tree_map
from torch.utils.weak import WeakTensorKeyDictionary

from harness import Extractor
from harness.baseline.checkpoint import SAFETENSORS
from harness.baseline.forward import Forwards
from harness.baseline.loading import plain_plan
from harness.baseline.save import save
from harness.baseline.sizes import read_model_weights
from harness.baseline.vocabulary import read_vocabulary
from harness.baseline.widen import widen
from harness.compose import compose
from harness.data.dataset import Example, read_dataset
from harness.embedded.cache import VARIABLE
from harness.measure.traffic import Counting
from harness.plan.registry import find_optimizations
from harness.plugin import Optimization
from harness.profile import Traffic
from harness.record import Chains
from harness.resources import resource

DEVICE = torch.device("meta")  # of the devices that every build of torch knows, the one without kernels of its own
SIX = ("torchscript", "flash_attention", "dynamic_truncation", "batching", "segmented_forward", "lean_startup")
_CALLS_TO_BE_READY = 2  # of a script: torch watches the first, and optimizes in the second
_LAYERS = 6  # of the towers, and across, in StructBERT-base

_aten = torch.ops.aten


class Remote(torch.Tensor):
    """A tensor on the device."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> Remote:
        made: Any = torch.Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=DEVICE,
        )
        made.held = held
        return made  # type: ignore[no-any-return]

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        raise RuntimeError(f"{func} was called on a tensor of the device from outside of it")


class _Made(TorchFunctionMode):
    """Python's numbers come from the host and go there: torch makes empty tensors of them, or refuses, here."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is torch.tensor and kwargs.get("device") is not None and torch.device(kwargs["device"]) == DEVICE:
            return torch.tensor(*args, **{**kwargs, "device": "cpu"}).to(DEVICE)
        if func is torch.Tensor.tolist:
            return args[0].cpu().tolist()
        return func(*args, **kwargs)


class Pretended(Counting):
    """While it is `there`, so is the device."""

    def __init__(self) -> None:
        super().__init__(DEVICE)
        self._pinned = WeakTensorKeyDictionary()  # type: ignore[no-untyped-call]
        self._below = False

    @contextmanager
    def there(self) -> Iterator[None]:
        """Count anew what happens inside."""
        self.traffic = Traffic()
        with self, _Made():
            yield

    def below(self, script: Any) -> Any:
        """A script that runs on the device: it holds weights of its own, which lie where all of the device's do.

        In its first two calls it is made ready, by operators too; these are not counted.
        """
        calls = 0

        def run(*inputs: Any) -> Any:
            if not all(isinstance(one, Remote) for one in inputs):
                raise RuntimeError("a script on the device is given a tensor on the CPU")
            nonlocal calls
            held = [one.held for one in inputs]
            while calls < _CALLS_TO_BE_READY:
                with _disable_current_modes():
                    script(*held)
                calls += 1
            self._below = True
            try:
                found = script(*held)
            finally:
                self._below = False
            return Remote(found)

        return run

    def holds(self, tensor: Tensor) -> bool:
        # A number that a script makes of sizes stays on the host.
        return (self._below and tensor.dim() > 0) or isinstance(tensor, Remote)

    def means(self, device: torch.device | None) -> bool:
        return self._below or super().means(device)

    def is_pinned(self, tensor: Tensor) -> bool:
        return tensor in self._pinned

    def run(self, func: Any, args: Any, kwargs: Any, tensors: Sequence[Tensor]) -> Any:
        """Call it on what the tensors hold; one that it changes in place stays the tensor that it was."""
        self._refuse(func, tensors)
        pinned, to = kwargs.pop("pin_memory", None), kwargs.get("device")
        there = super().means(to) if to is not None else any(isinstance(one, Remote) for one in tensors)
        if to is not None:
            kwargs["device"] = torch.device("cpu")
        if func is _aten.is_pinned.default:
            return self.is_pinned(args[0])
        if func is _aten.copy_.default:
            there = isinstance(args[0], Remote)
        known = {id(one.held): one for one in tensors if isinstance(one, Remote)}
        found = func(*tree_map(_held, args), **tree_map(_held, kwargs))
        if pinned:
            self._pinned[found] = True

        def placed(one: Any) -> Any:
            if not (there and isinstance(one, Tensor)):
                return one
            return known[id(one)] if id(one) in known else Remote(one)

        return tree_map(placed, found)

    def _refuse(self, func: Any, tensors: Sequence[Tensor]) -> None:
        remote = any(isinstance(one, Remote) for one in tensors)
        for one in tensors:
            if isinstance(one, Remote):
                continue
            if super().means(one.device):
                raise RuntimeError(f"{func} is given a tensor that the device does not know; it was made past it")
            if remote and one.dim() and func is not _aten.copy_.default:
                raise RuntimeError(f"{func} is given tensors on the device and on the CPU")


def _held(one: Any) -> Any:
    return one.held if isinstance(one, Remote) else one


def moved(extractor: Extractor, device: Pretended) -> Extractor:
    """The same extractor, its weights on the device; the one that was given is gone."""
    own, model = extractor.forwards, extractor.model
    with torch.inference_mode(), device.there():  # as requests are answered: a view of another tensor would be checked
        for one in (model, *([] if extractor.screen is None else [extractor.screen.model])):
            one.to(DEVICE)
    scripts = {name: device.below(one) for name, one in own.by_name().items() if hasattr(one, "graph")}
    return replace(extractor, device=DEVICE, forwards=replace(Forwards.of(model), **scripts))


def asked(extractor: Extractor, device: Pretended, example: Example) -> tuple[Chains, Traffic]:
    """One request's answer, and what it took."""
    with device.there():
        answer = extractor.extract(example.text, example.schema)
    return answer, device.traffic


def goes_there(optimization: Optimization[Any]) -> bool:
    """Whether an optimization can be tried: it runs here, and says of no other device than this CPU that it cannot."""
    found = [optimization.unavailable(one) for one in (torch.device("cpu"), DEVICE)]
    # The guide's patch raises at every request, whatever the device.
    return optimization.missing is None and not any(found) and optimization.name != "flash_attention_as_published"


def together(optimizations: Sequence[Optimization[Any]]) -> list[Optimization[Any]]:
    """All exact ones, in order, that go with those before."""
    found: list[Optimization[Any]] = []
    for one in optimizations:
        if one.exact and not any(one.name in other.conflicts or other.name in one.conflicts for other in found):
            found.append(one)
    return found


def deep_checkpoint(directory: Path) -> Path:
    """The embedded model in as many layers as StructBERT-base has: as many calls, and answers that are `mini`'s."""
    source = resource("mini")
    config, weights = read_model_weights(source)
    deep = replace(config, tower_layers=_LAYERS, cross_layers=_LAYERS)
    save(directory, deep, widen(config, weights, deep), read_vocabulary(source / "vocab.txt"), file=SAFETENSORS)
    return directory


def guides_case() -> Example:
    """The published guide's text and schema."""
    return next(one for one in read_dataset("article") if one.id == "article-001")


def composed(checkpoint: Path, names: Sequence[str], start: str = "baseline") -> Extractor:
    """A combination on the CPU."""
    registry = find_optimizations()
    return compose(plain_plan(checkpoint, device="cpu", start=start), [(registry[name], {}) for name in names])


def rows() -> dict[str, tuple[str, Sequence[str]]]:
    """The combinations of the table by what they are called there: where they start, and what is switched on."""
    every = [one.name for one in together([one for one in find_optimizations().values() if goes_there(one)])]
    return {
        "stock": ("stock", ()),
        "baseline": ("baseline", ()),
        **{name: ("baseline", (name,)) for name in every},
        "the guide's six, TorchScript left out": ("baseline", SIX[1:]),
        "the guide's six": ("baseline", SIX),
        "all of these, TorchScript left out": ("baseline", [name for name in every if name != SIX[0]]),
        "all of these": ("baseline", every),
    }


def taken(checkpoint: Path, start: str, names: Sequence[str]) -> Traffic:
    """What the guide's case takes."""
    device = Pretended()
    return asked(moved(composed(checkpoint, names, start), device), device, guides_case())[1]


def line(name: str, traffic: Traffic) -> str:
    """A row of the table, in Markdown."""
    return f"| {name} | {' | '.join(f'{count:,}' for count in msgspec.structs.astuple(traffic))} |"


def table(checkpoint: Path) -> Iterator[str]:
    """What the guide's case takes by each combination."""
    counts = Traffic.__struct_fields__
    yield f"| combination | {' | '.join(name.replace('_', ' ') for name in counts)} |"
    yield "| --- |" + " ---: |" * len(counts)
    for name, (start, names) in rows().items():
        yield line(name, taken(checkpoint, start, names))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        os.environ[VARIABLE] = made
        for row in table(deep_checkpoint(Path(made) / "deep")):
            sys.stdout.write(f"{row}\n")

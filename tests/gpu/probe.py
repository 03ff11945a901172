"""What single requests ask of a device, and how far their logits are from those in 64 bits (`python -m gpu.probe`)."""

from __future__ import annotations

import argparse
import copy
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
import torch
from torch.profiler import ProfilerActivity, profile

from gpu.trace import read, seen
from harness.baseline.extractor import Extractor
from harness.baseline.flow import prompt
from harness.baseline.loading import plain_plan
from harness.compose import compose
from harness.data.dataset import Example, pick, read_dataset
from harness.embedded.checkpoints import find_checkpoint
from harness.errors import UiebenchError, in_brief
from harness.plan.combination import parse
from harness.plan.registry import find_optimizations

SIX = "torchscript+flash_attention+dynamic_truncation+batching+segmented_forward+lean_startup"
EXACT = "flash_attention+dynamic_truncation+batching+text_reuse+prompt_memo+dead_work"
# By the start that they are composed over. The first is the guide's, padded; the second the reference's.
PROBED = {
    "padded": ("baseline", ""),
    "stock": ("stock", ""),
    "six": ("baseline", SIX),
    "exact": ("baseline", EXACT),
    "exact, captured": ("baseline", f"{EXACT}+cuda_graphs"),
    "exact, compiled": ("baseline", f"{EXACT}+torch_compile"),
    "captured, TF32": ("baseline", f"{EXACT}+cuda_graphs+tf32"),
    "captured, half": ("baseline", f"{EXACT}+cuda_graphs+half_precision"),
}
WARM_UPS, REQUESTS = 3, 5
OTHER_TEXTS = 3  # beside the guide's case, for the logits


def texts() -> list[Example]:
    """The guide's case, and some others."""
    return [next(iter(read_dataset("article"))), *pick(list(read_dataset("business/dev")), OTHER_TEXTS)]


def prompts(example: Example) -> list[str]:
    """Of the types that a schema asks for first."""
    return [prompt((), name) for name in example.schema]


def in_64_bits(directory: Path) -> Extractor:
    """What logits are compared with."""
    plain = plain_plan(directory, device="cpu", start="plain").load()
    return plain.with_model(copy.deepcopy(plain.model).double())


def probed(extractor: Extractor, example: Example, synchronize: Callable[[], None]) -> dict[str, Any]:
    """How long a request takes, and what it asks of the device."""

    def request() -> float:
        began = time.perf_counter()
        extractor.extract(example.text, example.schema)
        synchronize()
        return time.perf_counter() - began

    for _ in range(WARM_UPS):
        request()
    took_ms = 1e3 * median(request() for _ in range(REQUESTS))
    on_device = [ProfilerActivity.CUDA] if extractor.device.type == "cuda" else []
    with profile(activities=[ProfilerActivity.CPU, *on_device]) as profiled:
        for _ in range(REQUESTS):
            request()
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "trace.json"
        profiled.export_chrome_trace(str(written))
        found = seen(read(written), REQUESTS)
    return {"request_ms": took_ms, "busy_share": found.busy_us / 1e3 / took_ms, **asdict(found)}


def apart(extractor: Extractor, examples: Sequence[Example], exact: Sequence[Any]) -> float:
    """The largest difference of a logit."""
    found = (extractor.logits(example.text, prompts(example)) for example in examples)
    return max(float(abs(one - other).max()) for one, other in zip(found, exact, strict=True))


def pretended(extractor: Extractor, example: Example) -> dict[str, int]:
    """What a request asks of a device that is pretended; the extractor is gone afterwards."""
    from pretend import Pretended, asked, moved  # it takes private parts of torch, and only a CPU needs it

    device = Pretended()
    _, traffic = asked(moved(extractor, device), device, example)
    return msgspec.structs.asdict(traffic)


def probes(directory: Path, device: str, names: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each of them, or why it is not here."""
    registry, examples = find_optimizations(), texts()
    reference = in_64_bits(directory)
    exact = [reference.logits(example.text, prompts(example)) for example in examples]

    def synchronize() -> None:
        if device.startswith("cuda"):
            torch.cuda.synchronize()

    for name in names:
        start, combination = PROBED[name]
        torch.set_float32_matmul_precision("highest")  # whatever the one before has left
        try:
            chosen = parse(combination, registry) if combination else []
            extractor = compose(plain_plan(directory, device=device, start=start), chosen)
            found = probed(extractor, examples[0], synchronize)
            found["largest_logit_error"] = apart(extractor, examples, exact)
            if device == "cpu":
                found["pretended"] = pretended(extractor, examples[0])
            yield name, found
        except UiebenchError as error:
            yield name, {"not_here": str(error)}
        except Exception as error:  # one of them breaks, and the others are still worth having
            yield name, {"broke": f"{type(error).__name__}: {in_brief(error)}"}


def main() -> None:
    """Print a line each, and write all of it down as it comes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", required=True)
    parser.add_argument("--checkpoint", default="mini")
    parser.add_argument("--only", nargs="+", choices=PROBED, default=list(PROBED))
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    found: dict[str, Any] = {}
    for name, one in probes(find_checkpoint(asked.checkpoint), asked.device, asked.only):
        found[name] = one
        (asked.out / "probe.json").write_text(json.dumps(found, indent=1, ensure_ascii=False), encoding="utf-8")
        print(f"{name}: {_in_words(one)}", flush=True)


def _in_words(one: dict[str, Any]) -> str:
    if "request_ms" not in one:
        return ", ".join(f"{key}: {said}" for key, said in one.items())
    counts, busy, where = one, f", device busy {one['busy_share']:.0%}", ""
    if "pretended" in one:
        counts = {**one["pretended"], "waits": one["pretended"]["synchronisations"]}
        busy, where = "", " to a pretended device"
    return (
        f"{one['request_ms']:.2f} ms{busy}; a request{where}: {counts['launches']:.0f} launches, "
        f"{counts['copies_in']:.0f} copies in, {counts['copies_out']:.0f} out, {counts['waits']:.0f} waits; logits at "
        f"most {one['largest_logit_error']:.1e} off"
    )


if __name__ == "__main__":
    main()

"""`uiebench calibrate`: how wide the band of `screened` has to be for a checkpoint and texts like these."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import warn
from harness.cli.options import Checkpoint, Device, FileFormat, Schema
from harness.cli.schema import read_schema
from harness.errors import InputError, UnavailableError

if TYPE_CHECKING:
    from harness.baseline.screening import Rounding

_SCREENED = "screened"


def calibrate(
    data: Annotated[str, typer.Option(help="NAME, NAME/SPLIT, or a file of texts.")] = "business/dev",
    format_name: FileFormat = None,
    schema: Schema = None,
    checkpoint: Checkpoint = "mini",
    device: Device = "cpu",
    dtype: Annotated[str, typer.Option(help="Half precision: bfloat16 or float16.")] = "bfloat16",
) -> None:
    """Compare half precision with fp32 on your own texts, and propose a band for `screened`.

    Every prompt is scored in both. The proposed band is the largest error of a logit that is less than 1 from the
    threshold. Use many texts, and none that a run times: more texts give a tighter bound.
    """
    from rich.console import Console
    from rich.progress import track

    from harness.baseline.loading import plain_plan
    from harness.cli.out import beneath
    from harness.compose import compose
    from harness.data.texts import read_texts
    from harness.embedded.checkpoints import find_checkpoint
    from harness.plan.registry import find_optimizations

    asked = None if schema is None else read_schema(schema)
    examples = list(read_texts(data, warn, format_name=format_name, schema=asked))
    if not examples:
        raise InputError(f"{data} has no text to calibrate with")
    plan = plain_plan(find_checkpoint(checkpoint), device=device, start="plain")
    screened = find_optimizations()[_SCREENED]
    if reason := screened.unavailable(plan.device):
        raise UnavailableError(f"{_SCREENED}: {reason}")
    extractor = compose(plan, [(screened, {"dtype": dtype})])
    progress = track(examples, "calibrate", console=Console(file=beneath(sys.stderr)), disable=not sys.stderr.isatty())
    texts = [extractor.roundings(example.text, example.schema) for example in progress]
    print(f"{checkpoint} in {dtype} on {data}:", *_lines(texts), sep="\n")


def _lines(texts: Sequence[Sequence[Rounding]]) -> Iterator[str]:
    from harness.analyse.rates import beyond_largest

    prompts = [one for text in texts for one in text]
    flips = [one.farthest_flip for one in prompts if one.farthest_flip is not None]
    error, flip = _up(max(one.error for one in prompts)), _up(max(flips, default=0.0))
    nearby = _up(max(one.error_nearby for one in prompts))
    yield f"{len(texts)} texts, {len(prompts)} prompts; the largest error of any logit is {error:g}"
    yield f"{len(flips)} prompts have a logit on the wrong side of the threshold, at most {flip:g} from it"
    yield f"the largest error of a logit less than 1 from the threshold, where it may decide, is {nearby:g}"
    yield ""
    yield "| band | prompts scored again | texts with a changed decision |"
    yield "| ---: | ---: | ---: |"
    for band in sorted({flip, nearby} - {0.0}):
        again = sum(one.nearest < band for one in prompts)
        missed = sum(any((one.farthest_flip or 0.0) >= band for one in text) for text in texts)
        yield f"| {band:g} | {again / len(prompts):.1%} | {missed} of {len(texts)} |"
    yield ""
    if nearby:
        yield f"Use {_SCREENED}(band={nearby:g})."
    yield (
        f"At most {beyond_largest(len(texts)):.1%} of similar texts have a larger error there (95 % confidence). "
        "Nothing is known about other texts, so this is not exact; a run compares the answers."
    )


def _up(value: float) -> float:
    """Rounded up to two significant digits."""
    from math import ceil, floor, isfinite, log10

    if not value or not isfinite(value):
        return value
    step = 10.0 ** (floor(log10(value)) - 1)
    return float(f"{ceil(value / step) * step:.2g}")

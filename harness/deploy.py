"""A combination as an extractor, by name or from a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.compose import compose
from harness.embedded.checkpoints import find_checkpoint
from harness.errors import InputError
from harness.plan.combination import parse
from harness.plan.registry import find_optimizations
from harness.tomlfile import read_toml

if TYPE_CHECKING:
    from harness.baseline.extractor import Extractor

SUFFIX = ".toml"


class Deployment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A combination with the model and the device that it was measured with."""

    combination: str
    checkpoint: str | None = None
    device: str | None = None
    plugins: list[str] = []


def find_deployment(written: str) -> Deployment:
    """What a file says (its name ends in .toml), or a combination written out.

    Raises:
        InputError: the file is not there, or is none of ours.
    """
    if not written.endswith(SUFFIX):
        return Deployment(written)
    try:
        return msgspec.convert(read_toml(Path(written)), Deployment)
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise InputError(
            f"{written!r} is not a combination file ({error}); `uiebench recommend` writes one, its key is combination"
        ) from None


def write_deployment(path: Path, deployment: Deployment, remark: str) -> None:
    """Write a file that :func:`find_deployment` reads, with a remark on its first line."""
    lines = [f"# {json.dumps(remark, ensure_ascii=False)[1:-1]}"]  # on one line, whatever it holds
    for name, value in msgspec.to_builtins(deployment).items():
        if value:
            lines.append(f"{name} = {json.dumps(value, ensure_ascii=False)}")  # a JSON string or list is a TOML one
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def deploy(deployment: Deployment, *, checkpoint: str = "mini", device: str = "cpu") -> Extractor:
    """Load the extractor with its optimizations.

    Args:
        deployment: what to load; its own checkpoint and device come first.
        checkpoint: a name or a directory, where it has none.
        device: likewise.

    Raises:
        SuiteError: the combination cannot be read.
        UnavailableError: an optimization cannot run on the device.
    """
    from harness.baseline.loading import stock_plan

    chosen = parse(deployment.combination, find_optimizations(map(Path, deployment.plugins)))
    directory = find_checkpoint(deployment.checkpoint or checkpoint)
    return compose(stock_plan(directory, device=deployment.device or device, start="baseline"), chosen)

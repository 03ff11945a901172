"""A run's combinations in a file that is committed: what later runs are compared with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import msgspec

from harness.analyse.entries import Entry, entries
from harness.analyse.runs import kind_of
from harness.errors import InputError
from harness.processor import NOT_RECORDED, kind
from harness.record import Chains, Header, Record
from harness.textfile import read_text, split_lines

BASELINE_VERSION = 2
_WITHOUT_INSTRUCTION_SETS = 1  # such files name a processor and do not say which instruction sets it has
F1_DIGITS = 6  # a text more or less moves F1 by far more
_DIGITS = 4  # of a logarithm: a hundredth of a per cent
# What an absolute time depends on; the rest of the environment does not move it.
_DECIDES = (
    "cores",
    "threads",
    "packages",
    "python",
    "processor_model",
    "processor_stepping",
    "instruction_sets",
    "caches",
    "kernel_variables",
)


class Origin(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="baseline"):
    """The first line: what was run, and where."""

    version: int
    suite: str
    checkpoint: str
    weights: str  # a hash of what the checkpoint is made from
    device: str
    kind: str  # of the device: processor or GPU
    environment: dict[str, Any]
    environment_hash: str
    assumed_sd: float  # of a log ratio between rounds


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="text"):
    """A text, and a hash of the baseline extractor's answer to it."""

    id: str
    answer: str
    near: bool = False  # rounding alone may decide a span of it, on another processor say


class Line(Entry, frozen=True, tag="cell"):
    """A combination."""


_DECODER = msgspec.json.Decoder(Origin | Text | Line)


class Baseline(msgspec.Struct, frozen=True):
    """The whole file."""

    origin: Origin
    answers: dict[str, str]  # by text
    near: frozenset[str]  # texts where rounding alone may decide a span
    entries: dict[str, Entry]


def of_run(
    header: Header,
    records: Sequence[Record],
    answers: Mapping[str, Chains],
    near: AbstractSet[str],
    weights: str,
    assumed_sd: float,
) -> Baseline:
    """What a run's file holds.

    Args:
        header: the run's.
        records: the run's.
        answers: the baseline extractor's, by text.
        near: the texts where rounding alone may decide a span.
        weights: a hash of what the checkpoint is made from.
        assumed_sd: of a log ratio between rounds on this machine.
    """
    environment = {name: header.environment[name] for name in _DECIDES if name in header.environment}
    where = " ".join(kind_of(header))
    origin = Origin(
        version=BASELINE_VERSION,
        suite=header.suite,
        checkpoint=Path(header.checkpoint).name,
        weights=weights,
        device=header.device,
        kind=where,
        environment=environment,
        environment_hash=_hash([where, environment]),
        assumed_sd=round(assumed_sd, _DIGITS),
    )
    return Baseline(
        origin,
        {name: _hash(answer) for name, answer in answers.items()},
        frozenset(near),
        {name: _rounded(entry) for name, entry in entries(header, records).items()},
    )


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Write the file: a line a text and a combination, the same for the same run."""
    texts = [Text(name, answer, name in baseline.near) for name, answer in baseline.answers.items()]
    cells = [Line(**msgspec.structs.asdict(entry)) for entry in baseline.entries.values()]
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (baseline.origin, *texts, *cells)
    path.write_bytes(b"".join(msgspec.json.encode(line, order="sorted") + b"\n" for line in lines))


def read_baseline(path: Path) -> Baseline:
    """Read the file.

    Raises:
        InputError: there is none, it is none, it was written by another version, or it says a thing twice.
    """
    try:
        lines = split_lines(read_text(path))
    except OSError as error:
        todo = f"`uiebench baseline update {path}` writes one"
        raise InputError(f"baseline {str(path)!r} cannot be read: {error.strerror}; {todo}") from None
    try:
        version = json.loads(lines[0])["version"]
    except (IndexError, KeyError, TypeError, ValueError, RecursionError):
        raise InputError(f"{path} is not a baseline: its first line names no version") from None
    if version not in (_WITHOUT_INSTRUCTION_SETS, BASELINE_VERSION):
        raise InputError(
            f"{path} is a baseline of version {version}, and this uiebench reads {_WITHOUT_INSTRUCTION_SETS} and "
            f"{BASELINE_VERSION}; write it anew with `uiebench baseline update {path}`"
        )
    origin, *rest = _decoded(path, lines)
    if not isinstance(origin, Origin):
        raise InputError(f"{path} is not a baseline: its first line names no run")
    return Baseline(
        _said_so(origin) if version == _WITHOUT_INSTRUCTION_SETS else origin,
        {one.id: one.answer for one in rest if isinstance(one, Text)},
        frozenset(one.id for one in rest if isinstance(one, Text) and one.near),
        {one.combination: _as_read(one) for one in rest if isinstance(one, Line)},
    )


def why_no_ratios(origin: Origin, here: str, name: str) -> str | None:
    """Why times cannot be compared, not even as ratios to stock's; None where they can.

    Args:
        origin: of the file.
        here: the kind of this device.
        name: of the file, for the message.
    """
    if origin.kind == here:
        return None
    kinds = f"({origin.kind}; here {here})"
    if NOT_RECORDED in origin.kind:
        return (
            f"{name} does not say which instruction sets its processor has {kinds}, and ratios depend on them; write "
            "it anew with `uiebench baseline update`"
        )
    return f"{name} was measured on another kind of device {kinds}, where ratios are others too"


def why_no_times(origin: Origin, here: Origin, name: str) -> str | None:
    """Why absolute times cannot be compared although ratios can; None where they can too."""
    if origin.environment_hash == here.environment_hash:
        return None
    was, now = origin.environment, here.environment
    parts = (part for part in {**was, **now} if was.get(part) != now.get(part))
    differing = "; ".join(f"{part} {was.get(part, 'not recorded')}, here {now.get(part)}" for part in parts)
    return f"{name} was measured in another environment ({differing})"


def _decoded(path: Path, lines: Sequence[str]) -> list[Origin | Text | Line]:
    """Read every line; two lines about the same thing are refused."""
    found: dict[str, tuple[int, Origin | Text | Line]] = {}
    for number, line in enumerate(lines, 1):
        try:
            one = _DECODER.decode(line)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
            raise InputError(f"{path}, line {number}: cannot be read as a line of a baseline: {error}") from None
        what = _names(one)
        first, _ = found.setdefault(what, (number, one))
        if first != number:
            raise InputError(
                f"{path}: lines {first} and {number} are both about {what}; a merge may have kept both, so take one "
                f"out, or write the file anew with `uiebench baseline update {path}`"
            )
    return [one for _, one in found.values()]


def _names(one: Origin | Text | Line) -> str:
    """What a line is about."""
    if isinstance(one, Origin):
        return "the run"
    return f"the text {one.id!r}" if isinstance(one, Text) else f"the combination {one.combination!r}"


def changed_answers(new: Baseline, old: Baseline) -> list[str]:
    """The texts that only one of both has, or that the baseline extractor answers otherwise for more than rounding."""
    differing = (name for name in {**old.answers, **new.answers} if new.answers.get(name) != old.answers.get(name))
    return [name for name in differing if name not in old.near | new.near]


def _said_so(origin: Origin) -> Origin:
    """The origin of a file of version 1, whose kind of processor says that it is not all that a kind is."""
    if not origin.kind.startswith("cpu "):
        return origin
    return msgspec.structs.replace(origin, kind=f"cpu {kind(origin.kind.removeprefix('cpu '), '', ())}")


def _as_read(line: Line) -> Entry:
    """A line's figures; in a file from before total times were kept, a P95 is one over requests, and left out."""
    entry = Entry(**msgspec.structs.asdict(line))
    return entry if entry.total else msgspec.structs.replace(entry, p95=[])


def _rounded(entry: Entry) -> Entry:
    values: dict[str, Any] = {name: _digits(getattr(entry, name)) for name in ("time", "total", "p95", "qps")}
    values["texts"] = {text: _digits(ratios) for text, ratios in entry.texts.items()}
    digits = (("rate", entry.rate, 2), ("f1", entry.f1, F1_DIGITS))
    rounded = {name: None if value is None else round(value, kept) for name, value, kept in digits}
    return msgspec.structs.replace(entry, **values, **rounded)


def _digits(logarithms: Sequence[float]) -> list[float]:
    return [round(one, _DIGITS) for one in logarithms]


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]

"""The combinations of a run in a committed file that later runs are compared with."""

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
_WITHOUT_INSTRUCTION_SETS = 1  # files of this version name a processor without its instruction sets
F1_DIGITS = 6  # one text moves F1 by far more
_DIGITS = 4  # of a logarithm: a hundredth of a per cent
# The parts of the environment that absolute times depend on.
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
    """The first line: the run, and its machine."""

    version: int
    suite: str
    checkpoint: str
    weights: str  # a hash of the checkpoint's origin
    device: str
    kind: str  # of the device: processor or GPU
    environment: dict[str, Any]
    environment_hash: str
    assumed_sd: float  # sd of a log ratio between rounds


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="text"):
    """A text, and a hash of the baseline extractor's answer to it."""

    id: str
    answer: str
    near: bool = False  # rounding alone may decide one of its spans, for example on another processor


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
    """The baseline of a run.

    Args:
        header: the run's.
        records: the run's.
        answers: the baseline extractor's, by text.
        near: the texts where rounding alone may decide a span.
        weights: a hash of the checkpoint's origin.
        assumed_sd: sd of a log ratio between rounds on this machine.
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
    """Write the file: one line for each text and each combination. The same run always gives the same file."""
    texts = [Text(name, answer, name in baseline.near) for name, answer in baseline.answers.items()]
    cells = [Line(**msgspec.structs.asdict(entry)) for entry in baseline.entries.values()]
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (baseline.origin, *texts, *cells)
    path.write_bytes(b"".join(msgspec.json.encode(line, order="sorted") + b"\n" for line in lines))


def read_baseline(path: Path) -> Baseline:
    """Read the file.

    Raises:
        InputError: it is missing or not a baseline, has an unknown version, or contains two lines about one thing.
    """
    try:
        lines = split_lines(read_text(path))
    except OSError as error:
        todo = f"`uiebench baseline update {path}` writes one"
        raise InputError(f"baseline {str(path)!r} cannot be read: {error.strerror}; {todo}") from None
    try:
        version = json.loads(lines[0])["version"]
    except (IndexError, KeyError, TypeError, ValueError, RecursionError):
        raise InputError(f"{path} is not a baseline: its first line does not name a version") from None
    if version not in (_WITHOUT_INSTRUCTION_SETS, BASELINE_VERSION):
        raise InputError(
            f"{path} is a baseline of version {version}, but this uiebench reads only {_WITHOUT_INSTRUCTION_SETS} and "
            f"{BASELINE_VERSION}; write it again with `uiebench baseline update {path}`"
        )
    origin, *rest = _decoded(path, lines)
    if not isinstance(origin, Origin):
        raise InputError(f"{path} is not a baseline: its first line does not describe a run")
    return Baseline(
        _said_so(origin) if version == _WITHOUT_INSTRUCTION_SETS else origin,
        {one.id: one.answer for one in rest if isinstance(one, Text)},
        frozenset(one.id for one in rest if isinstance(one, Text) and one.near),
        {one.combination: _as_read(one) for one in rest if isinstance(one, Line)},
    )


def why_no_ratios(origin: Origin, here: str, name: str) -> str | None:
    """Why times cannot be compared, not even as ratios to stock's; None if they can.

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
            "it again with `uiebench baseline update`"
        )
    return f"{name} was measured on another kind of device {kinds}, so ratios differ too"


def why_no_times(origin: Origin, here: Origin, name: str) -> str | None:
    """Why absolute times cannot be compared, if ratios can; None if times can be compared too."""
    if origin.environment_hash == here.environment_hash:
        return None
    was, now = origin.environment, here.environment
    parts = (part for part in {**was, **now} if was.get(part) != now.get(part))
    differing = "; ".join(f"{part} {was.get(part, 'not recorded')}, here {now.get(part)}" for part in parts)
    return f"{name} was measured in another environment ({differing})"


def _decoded(path: Path, lines: Sequence[str]) -> list[Origin | Text | Line]:
    """Read every line. Two lines about the same thing are an error."""
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
                f"{path}: lines {first} and {number} are both about {what}, perhaps because a merge kept both; remove "
                f"one, or write the file again with `uiebench baseline update {path}`"
            )
    return [one for _, one in found.values()]


def _names(one: Origin | Text | Line) -> str:
    """What a line is about."""
    if isinstance(one, Origin):
        return "the run"
    return f"the text {one.id!r}" if isinstance(one, Text) else f"the combination {one.combination!r}"


def changed_answers(new: Baseline, old: Baseline) -> list[str]:
    """The texts that only one side has, or that the baseline extractor answers differently, by more than rounding."""
    differing = (name for name in {**old.answers, **new.answers} if new.answers.get(name) != old.answers.get(name))
    return [name for name in differing if name not in old.near | new.near]


def _said_so(origin: Origin) -> Origin:
    """The origin of a file of version 1. Its kind of processor says that the instruction sets are not recorded."""
    if not origin.kind.startswith("cpu "):
        return origin
    return msgspec.structs.replace(origin, kind=f"cpu {kind(origin.kind.removeprefix('cpu '), '', ())}")


def _as_read(line: Line) -> Entry:
    """The figures of a line. A file without total times has a P95 over requests, which is left out."""
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

"""How this machine runs its cores and keeps its memory, read from /sys and /proc; what is hidden there is None."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.measure.cores import listed
from harness.tuning import Tuning

_CPUS = "sys/devices/system/cpu"
_MARKS = (".dockerenv", "run/.containerenv")  # Docker's and Podman's, in every container of theirs


def tuning(root: Path = Path("/"), cores: Sequence[int] | None = None) -> Tuning:
    """What the kernel tells.

    Args:
        root: where /sys and /proc lie.
        cores: that are used; those that this process may use if not given.
    """
    ours = sorted(os.sched_getaffinity(0) if cores is None else cores)
    frequency = [f"{_CPUS}/cpu{core}/cpufreq" for core in ours]
    return Tuning(
        governor=_each(root, frequency, "scaling_governor"),
        frequency_driver=_each(root, frequency, "scaling_driver"),
        frequency_mhz=_range(root, frequency),
        boost=_boost(root),
        siblings=_siblings(root, ours),
        cores=",".join(map(str, ours)),
        huge_pages=_chosen(_read(root / "sys/kernel/mm/transparent_hugepage/enabled")),
        address_randomisation=_number(_read(root / "proc/sys/kernel/randomize_va_space")),
        memory_nodes=_nodes(root, ours),
        swap=_swap(root),
        quota_cores=_quota(root),
        virtual_machine=_virtual(root),
        container=any((root / mark).exists() for mark in _MARKS),
    )


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):  # not there, hidden, or a setting that this kernel cannot tell
        return None


def _number(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"-?[0-9]{1,18}", text) else None


def _each(root: Path, directories: Sequence[str], name: str) -> str | None:
    return ", ".join(sorted({text for one in directories if (text := _read(root / one / name))})) or None


def _range(root: Path, directories: Sequence[str]) -> tuple[int, int] | None:
    least, most = (
        [khz // 1000 for one in directories if (khz := _number(_read(root / one / f"scaling_{end}_freq"))) is not None]
        for end in ("min", "max")
    )
    return (min(least), max(most)) if least and most else None


def _boost(root: Path) -> bool | None:
    off = _number(_read(root / _CPUS / "intel_pstate/no_turbo"))
    on = _number(_read(root / _CPUS / "cpufreq/boost"))
    return off == 0 if off is not None else None if on is None else on == 1


def _siblings(root: Path, ours: Sequence[int]) -> str | None:
    lists = [_read(root / _CPUS / f"cpu{core}/topology/thread_siblings_list") for core in ours]
    groups = sorted({tuple(listed(text)) for text in lists if text})
    return " ".join(",".join(map(str, group)) for group in groups if len(group) > 1) if groups else None


def _chosen(text: str | None) -> str | None:
    """Of all that could be chosen, what stands in brackets."""
    found = re.search(r"\[(\w+)\]", text or "")
    return found[1] if found else None


def _nodes(root: Path, ours: Sequence[int]) -> int | None:
    lists = [_read(path) for path in (root / "sys/devices/system/node").glob("node[0-9]*/cpulist")]
    return sum(not set(ours).isdisjoint(listed(text)) for text in lists if text) or None


def _swap(root: Path) -> bool | None:
    text = _read(root / "proc/swaps")
    if text is None:
        return None
    rows = [line.split() for line in text.split("\n")[1:]]  # file, type, size, used, priority
    return any(len(row) > 3 and (_number(row[3]) or 0) > 0 for row in rows)


def _quota(root: Path) -> float | None:
    """The least that a control group of ours, or one above it, may use, in cores; a container shows its own alone."""
    found = [cores for path in _groups(root) if (cores := _limit(path)) is not None]
    return min(found, default=None)


def _groups(root: Path) -> Iterator[Path]:
    for line in (_read(root / "proc/self/cgroup") or "").split("\n"):
        _, _, rest = line.partition(":")
        controllers, _, name = rest.partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        top = root / "sys/fs/cgroup" / ("cpu" if controllers else "")  # version 2 has one tree for all
        own = top / name.strip("/")
        yield from (own, *(above for above in own.parents if above.is_relative_to(top)))


def _limit(group: Path) -> float | None:
    written = (_read(group / "cpu.max") or "").split()  # version 2: the time, or max, and the period
    if len(written) != 2:
        written = [_read(group / f"cpu.cfs_{name}_us") or "" for name in ("quota", "period")]  # version 1; -1 is none
    time, period = map(_number, written)
    return round(time / period, 2) if time and period and time > 0 else None


def _virtual(root: Path) -> bool | None:
    """By the flag that x86 has for it; other kernels do not tell."""
    flags = re.search(r"^flags\s*:(.*)$", _read(root / "proc/cpuinfo") or "", re.MULTILINE)
    return "hypervisor" in flags[1].split() if flags else None

"""The settings of a machine's cores and memory, in words, and what to change before measuring."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, TypeAlias

import msgspec

TUNING = "tuning"  # where a run's environment holds it
_STEADY = "performance"  # the governor that asks for one clock whatever the load
_NUMBERS = "[0-9]{1,5}(,[0-9]{1,5})*"
_Cores: TypeAlias = Annotated[str, msgspec.Meta(pattern=f"^({_NUMBERS})?$")]
_Groups: TypeAlias = Annotated[str, msgspec.Meta(pattern=f"^({_NUMBERS}( {_NUMBERS})*)?$")]
_INTEL = ("intel_pstate", "intel_cpufreq")  # drivers with a switch of their own for boost
_SHOWN = 4  # cores in a sentence


class Tuning(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """As far as the kernel tells, of the cores that this process may use; None: it does not tell."""

    governor: str | None = None  # several with commas
    frequency_driver: str | None = None
    frequency_mhz: tuple[int, int] | None = None  # the least and the most that the governor may choose
    boost: bool | None = None  # beyond the nominal clock, while it is cool enough
    siblings: _Groups | None = None  # threads of one physical core, ours or not, as in "0,2 1,3"; "": one thread a core
    cores: _Cores | None = None  # ours, as in "0,1,2"
    huge_pages: str | None = None  # transparent ones: always, madvise, never
    address_randomisation: int | None = None  # 0 off, 1 without the heap, 2 full
    memory_nodes: int | None = None  # that our cores are on (NUMA)
    swap: bool | None = None  # whether anything is in it
    quota_cores: float | None = None  # that a control group may keep busy; None also where there is no such limit
    virtual_machine: bool | None = None
    container: bool | None = None

    @property
    def groups(self) -> list[list[int]]:
        """The threads of each physical core that has several."""
        return [[int(core) for core in group.split(",")] for group in (self.siblings or "").split()]

    @property
    def ours(self) -> list[int]:
        """Our cores."""
        return [int(core) for core in (self.cores or "").split(",") if core]


def in_words(found: Tuning) -> str:
    """All that is known, for a person; empty where nothing is."""
    return "; ".join((*_words_on_cores(found), *_words_on_memory(found), *_words_on_place(found)))


def advice(found: Tuning) -> Iterator[tuple[str, str]]:
    """What to change before measuring, and why: a heading and a sentence or two each; nothing where all is well."""
    yield from _of_clock(found)
    yield from _of_cores(found)
    yield from _of_memory(found)
    if found.virtual_machine:
        yield (
            "virtual machine",
            "other machines on the same host share its cores, and the host decides on the clock, the boost and the "
            "threads of a core: nothing can be changed about these from here. The time that others take is recorded. "
            "For steadier figures, use a machine, or an instance type, with cores of its own",
        )


def _words_on_cores(found: Tuning) -> Iterator[str]:
    if found.governor:
        yield f"governor {found.governor}{f' ({found.frequency_driver})' if found.frequency_driver else ''}"
    if found.frequency_mhz:
        yield f"{found.frequency_mhz[0]} to {found.frequency_mhz[1]} MHz"
    if found.boost is not None:
        yield f"boost {_on(found.boost)}"
    if found.groups:
        yield f"{max(map(len, found.groups))} threads per core"
    elif found.siblings is not None:
        yield "one thread per core"


def _words_on_memory(found: Tuning) -> Iterator[str]:
    if found.huge_pages:
        yield f"huge pages: {found.huge_pages}"
    if found.address_randomisation is not None:
        yield f"address randomisation {_on(found.address_randomisation > 0)}"
    if found.memory_nodes:
        yield f"cores on {found.memory_nodes} memory node{'s' if found.memory_nodes > 1 else ''}"
    if found.swap is not None:
        yield f"swap {'' if found.swap else 'not '}in use"


def _words_on_place(found: Tuning) -> Iterator[str]:
    if found.quota_cores is not None:
        yield f"at most {found.quota_cores:g} cores' time"
    if found.virtual_machine is not None:
        yield "a virtual machine" if found.virtual_machine else "no virtual machine"
    if found.container:
        yield "in a container"


def _of_clock(found: Tuning) -> Iterator[tuple[str, str]]:
    if found.governor is None and not found.virtual_machine:
        yield (
            "clock",
            "the kernel does not show here what sets it. See `cpupower frequency-info` on the host; if the firmware "
            "sets it, choose its performance profile",
        )
    if found.governor and found.governor != _STEADY:
        yield (
            "clock",
            f"the governor is {found.governor}: the clock follows the load, and so do the times. "
            f"{_command(found, 'sudo cpupower frequency-set --governor performance')}",
        )
    if found.boost:
        intel = found.frequency_driver in _INTEL
        switch = "1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo"
        other = "0 | sudo tee /sys/devices/system/cpu/cpufreq/boost"
        yield (
            "boost",
            "it is on, so the clock depends on the temperature and on how many cores are busy. "
            f"{_command(found, f'echo {switch if intel else other}')}",
        )


def _of_cores(found: Tuning) -> Iterator[tuple[str, str]]:
    off = _command(found, "echo off | sudo tee /sys/devices/system/cpu/smt/control")
    both = [both for group in found.groups if len(both := [core for core in group if core in found.ours]) > 1]
    if both:
        second = {core for group in both for core in group[1:]}
        first = ",".join(str(core) for core in found.ours if core not in second)
        yield (
            "threads of a core",
            f"{_named(both)} are one physical core each, and slow each other down. Use one of each, `taskset "
            f"--cpu-list {first} uiebench run`, and keep the others idle; or switch the second ones off. {off}",
        )
    elif found.groups:
        yield (
            "threads of a core",
            f"{_named(found.groups)} are one physical core each: programs on the other threads slow ours down. {off}",
        )
    if found.quota_cores is not None:
        yield (
            "CPU quota",
            f"a control group stops this process for the rest of a period once it has used the time of "
            f"{found.quota_cores:g} cores, perhaps in the middle of a request. Give the container cores of its own: "
            "`docker run --cpuset-cpus 0,1`, not `--cpus 2`",
        )


def _of_memory(found: Tuning) -> Iterator[tuple[str, str]]:
    if found.huge_pages == "always":
        yield (
            "huge pages",
            "every process gets them when they are free, so memory peaks and times vary from process to process. "
            f"{_command(found, 'echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled')}",
        )
    if found.address_randomisation == 0:
        yield (
            "random addresses",
            "they are off, so every process has the same memory layout. It may favour one combination, "
            f"and rounds do not average over it. {_command(found, 'sudo sysctl kernel.randomize_va_space=2')}",
        )
    if found.memory_nodes and found.memory_nodes > 1:
        yield (
            "memory nodes",
            f"the cores are on {found.memory_nodes}, and memory of another node is slower. "
            "`numactl --cpunodebind 0 --membind 0 uiebench run` keeps to one",
        )
    if found.swap:
        yield (
            "swap",
            "it is in use: memory that is read back from disk takes far longer, and is missing from the memory "
            f"peaks. End other programs first. {_command(found, 'sudo swapoff --all')}",
        )


def _command(found: Tuning, command: str) -> str:
    """What to type, and where."""
    return f"On the host, not in this container: `{command}`" if found.container else f"`{command}`"


def _named(groups: list[list[int]]) -> str:
    shown = ["+".join(map(str, group)) for group in groups[:_SHOWN]]
    return ", ".join(shown) + (f" and {len(groups) - _SHOWN} more pairs" if len(groups) > _SHOWN else "")


def _on(state: bool) -> str:
    return "on" if state else "off"

"""What a processor is: its name alone does not say which kernels run on it, and so how fast it multiplies."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

# Of all that a kernel lists, what math libraries choose their kernels by: vectors, and products of short numbers.
_DECIDES = {
    "flags": re.compile(r"sse4_[12]|fma|f16c|avx\w*|amx_\w+"),  # x86
    "features": re.compile(r"neon|asimd\w*|fphp|bf16|i8mm|sve\w*|sme\w*"),  # ARM
}
NOT_RECORDED = "instruction sets not recorded"
# The widest vectors first; a processor is named after the first of these that it has.
_VECTORS = {
    "avx512f": "AVX-512",
    "avx2": "AVX2",
    "avx": "AVX",
    "sse4_2": "SSE4",
    "sve2": "SVE2",
    "sve": "SVE",
    "asimd": "NEON",
    "neon": "NEON",
}
_NATIVE_BF16 = {"avx512_bf16", "amx_bf16", "bf16", "svebf16"}
# What multiplies numbers shorter than 32 bits, by the instruction sets that have it.
_SHORT = {
    "VNNI": {"avx512_vnni", "avx_vnni"},
    "dot products of 8 bits": {"asimddp"},
    "I8MM": {"i8mm", "svei8mm"},
    "BF16": _NATIVE_BF16,
    "FP16": {"avx512_fp16", "amx_fp16", "asimdhp"},
    "AMX": {"amx_tile"},
}


@dataclass(frozen=True)
class Processor:
    """As far as its kernel tells; what it does not tell is empty."""

    name: str  # what its maker, or a hypervisor, calls it: the same for many models
    model: str = ""  # family and model, or implementer and part
    stepping: str = ""
    instruction_sets: tuple[str, ...] = ()  # those that decide which kernels run, sorted
    caches: Mapping[str, str] = field(default_factory=dict)  # sizes by level and kind, of the first core

    @property
    def multiplies_bfloat16(self) -> bool:
        """Whether it does so by itself; others go by way of float32, and are slower for it."""
        return not _NATIVE_BF16.isdisjoint(self.instruction_sets)


def parse_cpuinfo(text: str, machine: str, caches: Mapping[str, str]) -> Processor:
    """The processor that /proc/cpuinfo describes.

    Args:
        text: the file's; the first core stands for all.
        machine: the architecture, the name where the file has none.
        caches: their sizes by level and kind.
    """
    found = _fields(text)
    model, stepping = _arm_model(found) if "cpu part" in found else _x86_model(found)
    sets = {one for key, decides in _DECIDES.items() for one in found.get(key, "").split() if decides.fullmatch(one)}
    return Processor(found.get("model name") or machine, model, stepping, tuple(sorted(sets)), dict(caches))


def kind(name: str, model: str, instruction_sets: Collection[str]) -> str:
    """What two processors have in common that run the same kernels at about the same speed.

    Args:
        name: what its maker calls it.
        model: empty where it is not known.
        instruction_sets: none where they are not known.
    """
    return f"{name} ({'; '.join(filter(None, (model, in_words(instruction_sets) or NOT_RECORDED)))})"


def in_words(instruction_sets: Collection[str]) -> str:
    """What a person compares processors by, such as ``AVX-512, VNNI, BF16``; empty where nothing is known."""
    widest = next((word for name, word in _VECTORS.items() if name in instruction_sets), None)
    short = [word for word, names in _SHORT.items() if not names.isdisjoint(instruction_sets)]
    return ", ".join([*([widest] if widest else []), *short])


def _fields(text: str) -> dict[str, str]:
    """The first core's, by their names in lower case."""
    found: dict[str, str] = {}
    for line in text.split("\n"):
        name, colon, value = line.partition(":")
        if colon:
            found.setdefault(name.strip().lower(), value.strip())
    return found


def _x86_model(found: Mapping[str, str]) -> tuple[str, str]:
    named = [f"{word} {found[key]}" for key, word in (("cpu family", "family"), ("model", "model")) if found.get(key)]
    return ", ".join(named), found.get("stepping", "")


def _arm_model(found: Mapping[str, str]) -> tuple[str, str]:
    implementer, part = (found.get(f"cpu {key}", "?") for key in ("implementer", "part"))
    variant, revision = (found.get(f"cpu {key}", "?") for key in ("variant", "revision"))
    return f"implementer {implementer}, part {part}", f"variant {variant}, revision {revision}"

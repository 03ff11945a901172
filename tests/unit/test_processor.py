"""What the kernel tells of a processor, from samples of its file for four kinds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness import hardware
from harness.processor import NOT_RECORDED, Processor, in_words, kind, parse_cpuinfo

SAMPLES = Path(__file__).parents[1] / "data" / "cpuinfo"


def sample(name: str, machine: str = "x86_64") -> Processor:
    return parse_cpuinfo((SAMPLES / f"{name}.txt").read_text(), machine, {"L2": "1024K"})


@pytest.mark.parametrize(
    ("name", "said", "bfloat16"),
    [
        ("epyc_rome_avx2", "AMD EPYC 7R32 (family 23, model 49; AVX2)", False),
        ("epyc_zen5_avx512", "AMD EPYC (family 26, model 2; AVX-512, VNNI, BF16)", True),
        ("xeon_amx", "Intel(R) Xeon(R) Platinum 8488C (family 6, model 143; AVX-512, VNNI, BF16, FP16, AMX)", True),
        (
            "graviton3_sve",
            "aarch64 (implementer 0x41, part 0xd40; SVE, dot products of 8 bits, I8MM, BF16, FP16)",
            True,
        ),
    ],
)
def test_a_processor_is_named_with_its_model_and_instruction_sets(name: str, said: str, bfloat16: bool) -> None:
    found = sample(name, "aarch64" if "graviton" in name else "x86_64")
    assert kind(found.name, found.model, found.instruction_sets) == said
    assert found.multiplies_bfloat16 == bfloat16
    assert found.caches == {"L2": "1024K"}


def test_the_first_core_stands_for_all() -> None:
    assert "avx512f" not in sample("epyc_rome_avx2").instruction_sets  # the second core of this sample has it


def test_only_the_instruction_sets_that_decide_kernels_are_kept() -> None:
    assert sample("epyc_rome_avx2").instruction_sets == ("avx", "avx2", "f16c", "fma", "sse4_1", "sse4_2")
    amx = sample("xeon_amx").instruction_sets
    assert {"amx_bf16", "amx_int8", "amx_tile", "avx512_fp16", "avx_vnni"} <= set(amx)
    assert amx == tuple(sorted(amx))
    assert set(sample("graviton3_sve").instruction_sets) == {
        *("asimd", "asimddp", "asimdfhm", "asimdhp", "asimdrdm", "bf16", "fphp", "i8mm", "sve", "svebf16", "svei8mm"),
    }


def test_steppings_of_a_model_are_of_one_kind() -> None:
    assert (sample("epyc_zen5_avx512").stepping, sample("graviton3_sve").stepping) == ("1", "variant 0x1, revision 1")
    other = parse_cpuinfo(
        re.sub(r"(stepping\s*: )1", r"\g<1>2", (SAMPLES / "epyc_zen5_avx512.txt").read_text()), "x86_64", {}
    )
    assert other.stepping == "2"
    assert other.model == sample("epyc_zen5_avx512").model


@pytest.mark.parametrize("text", ["", "processor\t: 0\n", "no colons at all\n", "flags\t\t:\nmodel name\t:\n"])
def test_what_the_kernel_does_not_tell_is_empty(text: str) -> None:
    found = parse_cpuinfo(text, "riscv64", {})
    assert found == Processor("riscv64")
    assert in_words(found.instruction_sets) == ""
    assert kind(found.name, found.model, found.instruction_sets) == f"riscv64 ({NOT_RECORDED})"


def test_caches_are_those_that_the_kernel_lists(tmp_path: Path) -> None:
    for place, (level, sort, size) in enumerate(
        [("1", "Data", "48K"), ("1", "Instruction", "32K"), ("2", "Unified", "1024K"), ("3", "Unified", "32768K")]
    ):
        index = tmp_path / f"index{place}"
        index.mkdir()
        for name, text in (("level", level), ("type", sort), ("size", size)):
            (index / name).write_text(f"{text}\n")
    (tmp_path / "index3" / "size").unlink()  # as some hypervisors leave it
    assert hardware.caches(tmp_path) == {"L1d": "48K", "L1i": "32K", "L2": "1024K"}
    assert hardware.caches(tmp_path / "none") == {}


def test_where_the_kernel_has_no_such_file_the_processor_has_a_name_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardware, "_CPUINFO", tmp_path / "none")
    assert hardware.processor().name
    assert hardware.processor().instruction_sets == ()


def test_variables_that_change_kernels_are_told_where_they_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in hardware.kernel_variables():
        monkeypatch.delenv(name)
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    assert hardware.kernel_variables() == {"ONEDNN_MAX_CPU_ISA": "AVX2"}

"""What is recorded of how a machine runs, from made-up /sys and /proc, and what is said to change on it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
from made_up import HEADER, RECORDS
from msgspec import structs

from harness import doctor
from harness.analyse.runs import side_by_side
from harness.analyse.view import view
from harness.measure.tuning import tuning
from harness.report import html, markdown
from harness.run.environment import environment
from harness.run.sound import header_fault
from harness.tuning import Tuning, advice, in_words

CPU = "sys/devices/system/cpu"
LAPTOP = {
    **{
        f"{CPU}/cpu{core}/{name}": text
        for core in range(4)
        for name, text in {
            "cpufreq/scaling_governor": "powersave\n",
            "cpufreq/scaling_driver": "intel_pstate\n",
            "cpufreq/scaling_min_freq": "800000\n",
            "cpufreq/scaling_max_freq": "3500000\n",
            "topology/thread_siblings_list": "0,2\n" if core % 2 == 0 else "1,3\n",
        }.items()
    },
    f"{CPU}/intel_pstate/no_turbo": "0\n",
    "sys/kernel/mm/transparent_hugepage/enabled": "[always] madvise never\n",
    "proc/sys/kernel/randomize_va_space": "0\n",
    "proc/swaps": "Filename Type Size Used Priority\n/swapfile file 2097148 51200 -2\n",
    "proc/cpuinfo": "processor\t: 0\nflags\t\t: fpu sse4_2 avx2\n",
    "sys/devices/system/node/node0/cpulist": "0-1\n",
    "sys/devices/system/node/node1/cpulist": "2-3\n",
    "proc/self/cgroup": "0::/user.slice/mine\n",
    "sys/fs/cgroup/user.slice/mine/cpu.max": "max 100000\n",
    "sys/fs/cgroup/user.slice/cpu.max": "150000 100000\n",
}
SERVER = LAPTOP | {
    **{f"{CPU}/cpu{core}/cpufreq/scaling_governor": "performance\n" for core in range(4)},
    **{f"{CPU}/cpu{core}/cpufreq/scaling_driver": "acpi-cpufreq\n" for core in range(4)},
    **{f"{CPU}/cpu{core}/topology/thread_siblings_list": f"{core}\n" for core in range(4)},
    f"{CPU}/intel_pstate/no_turbo": "1\n",
    "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
    "proc/sys/kernel/randomize_va_space": "2\n",
    "proc/swaps": "Filename Type Size Used Priority\n",
    "sys/devices/system/node/node0/cpulist": "0-3\n",
    "sys/devices/system/node/node1/cpulist": "\n",
    "sys/fs/cgroup/user.slice/cpu.max": "max 100000\n",
}


def machine(root: Path, files: Mapping[str, str], cores: tuple[int, ...] = (0, 1, 2)) -> Tuning:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tuning(root, cores)


def test_everything_that_the_kernel_tells_is_recorded(tmp_path: Path) -> None:
    assert machine(tmp_path, LAPTOP) == Tuning(
        governor="powersave",
        frequency_driver="intel_pstate",
        frequency_mhz=(800, 3500),
        boost=True,
        siblings="0,2 1,3",
        cores="0,1,2",
        huge_pages="always",
        address_randomisation=0,
        memory_nodes=2,
        swap=True,
        quota_cores=1.5,
        virtual_machine=False,
        container=False,
    )


def test_each_setting_that_is_in_the_way_is_named_with_the_command_that_changes_it(tmp_path: Path) -> None:
    said = dict(advice(machine(tmp_path, LAPTOP)))
    commands = {
        "clock": "`sudo cpupower frequency-set --governor performance`",
        "boost": "`echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo`",
        "threads of a core": "`taskset --cpu-list 0,1 uiebench run`",
        "CPU quota": "`docker run --cpuset-cpus 0,1`",
        "huge pages": "`echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled`",
        "random addresses": "`sudo sysctl kernel.randomize_va_space=2`",
        "memory nodes": "`numactl --cpunodebind 0 --membind 0 uiebench run`",
        "swap": "`sudo swapoff --all`",
    }
    assert list(said) == list(commands)
    for about, command in commands.items():
        assert command in said[about], about
    assert "0+2 are one physical core each" in said["threads of a core"]
    assert "the time of 1.5 cores" in said["CPU quota"]


def test_a_machine_that_is_set_up_well_needs_no_advice(tmp_path: Path) -> None:
    found = machine(tmp_path, SERVER)
    assert list(advice(found)) == []
    assert in_words(found) == (
        "governor performance (acpi-cpufreq); 800 to 3500 MHz; boost off; one thread per core; huge pages: madvise; "
        "address randomisation on; cores on 1 memory node; swap not in use; no virtual machine"
    )


def test_the_other_thread_of_a_core_that_is_not_ours_is_in_the_way_too(tmp_path: Path) -> None:
    found = machine(tmp_path, SERVER | {f"{CPU}/cpu0/topology/thread_siblings_list": "0,64\n"}, cores=(0, 1))
    ((about, said),) = advice(found)
    assert about == "threads of a core"
    assert "programs on the other threads slow ours down" in said
    assert "smt/control" in said


def test_of_many_pairs_of_threads_some_are_named(tmp_path: Path) -> None:
    pairs = {f"{CPU}/cpu{core}/topology/thread_siblings_list": f"{core},{core + 64}\n" for core in range(64)}
    found = machine(tmp_path, SERVER | pairs, cores=tuple(range(64)))
    assert "2 threads per core" in in_words(found)
    ((_, said),) = advice(found)
    assert said.startswith("0+64, 1+65, 2+66, 3+67 and 60 more pairs are one physical core each")


def test_boost_is_switched_off_where_the_driver_has_its_switch(tmp_path: Path) -> None:
    files = {name: text for name, text in SERVER.items() if "no_turbo" not in name}
    ((about, said),) = advice(machine(tmp_path, files | {f"{CPU}/cpufreq/boost": "1\n"}))
    assert (about, "`echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost`" in said) == ("boost", True)


def test_in_a_container_what_to_change_is_changed_on_the_host(tmp_path: Path) -> None:
    said = dict(advice(machine(tmp_path, {**LAPTOP, ".dockerenv": ""})))
    assert "On the host, not in this container: `sudo cpupower" in said["clock"]
    assert "On the host" not in said["memory nodes"]


def test_a_virtual_machine_says_what_nothing_can_be_done_about(tmp_path: Path) -> None:
    ((about, said),) = advice(machine(tmp_path, {"proc/cpuinfo": "flags : fpu hypervisor avx2\n"}))
    assert about == "virtual machine"
    assert "nothing can be changed about these from here" in said


def test_what_is_hidden_is_left_out_and_breaks_nothing(tmp_path: Path) -> None:
    found = machine(tmp_path, {})
    assert msgspec.to_builtins(found) == {"cores": "0,1,2", "container": False}
    assert in_words(found) == ""
    ((about, said),) = advice(found)
    assert (about, "does not show here" in said) == ("clock", True)


@pytest.mark.parametrize("text", ["", "\n", "garbage", "<unsupported>", "-1", "0 0", "1 0", "9" * 5000])
def test_a_file_that_says_something_else_is_taken_as_if_it_were_not_there(tmp_path: Path, text: str) -> None:
    found = machine(tmp_path, {**dict.fromkeys(LAPTOP, text), "proc/self/cgroup": "0::/user.slice/mine\n"})
    assert found.quota_cores is None
    assert found.huge_pages is None
    assert header_fault(structs.replace(HEADER, environment={"tuning": msgspec.to_builtins(found)})) is None


def test_a_quota_of_the_older_control_groups_is_read(tmp_path: Path) -> None:
    files = {"proc/self/cgroup": "5:devices:/\n4:cpu,cpuacct:/docker/1f\n1:name=systemd:/\n"}
    inside = {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"}
    assert machine(tmp_path, files | inside).quota_cores == 0.5
    assert machine(tmp_path, {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n"}).quota_cores is None


def test_a_run_records_it_and_its_reports_and_comparisons_say_it(tmp_path: Path) -> None:
    assert msgspec.convert(environment()["tuning"], Tuning) == tuning()
    one, other = (
        view(
            structs.replace(HEADER, environment={**HEADER.environment, "tuning": msgspec.to_builtins(found)}),
            RECORDS,
            [],
        )
        for found in (machine(tmp_path / "1", LAPTOP), machine(tmp_path / "2", SERVER))
    )
    assert "Governor powersave (intel_pstate); 800 to 3500 MHz; boost on; 2 threads per core" in (markdown.render(one))
    assert "Governor powersave (intel_pstate); 800 to 3500 MHz; boost on" in html.render(one, {}, None)
    differing = side_by_side({"1": one, "2": other}).differing
    assert differing["tuning.governor"] == ("powersave", "performance")
    assert differing["tuning.boost"] == ("true", "false")


@pytest.mark.parametrize(
    ("wrong", "said"), [({"boost": "yes"}, "Expected `bool | null`"), ({"siblings": "0,a"}, "regex")]
)
def test_a_record_that_says_it_wrongly_is_refused(wrong: dict[str, object], said: str) -> None:
    fault = header_fault(structs.replace(HEADER, environment={"tuning": wrong}))
    assert fault is not None
    assert fault.startswith("environment.tuning: ")
    assert said in fault


def test_doctor_says_it_before_anything_is_tried(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = machine(tmp_path, LAPTOP)
    monkeypatch.setattr(doctor, "tuning", lambda: found)
    seen = {one.about: one for one in doctor.examine("no/where", "cpu", None)}
    assert seen["settings"].said == in_words(found)
    assert seen["before you measure, swap"].state == "note"
    monkeypatch.setattr(doctor, "tuning", lambda: structs.replace(found, swap=False))
    assert not [one for one in doctor.examine("no/where", "cpu", None) if "swap" in one.about]

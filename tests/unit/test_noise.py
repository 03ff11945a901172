from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace

import psutil
import pytest

from harness.analyse.noise import caution, noise
from harness.conditions import Conditions, GpuConditions
from harness.measure import noise as measured
from harness.measure.noise import conditions, look
from harness.record import Cell, ColdStart, Measured, Record

BUSY = "import time\nend = time.monotonic() + 20\nwhile time.monotonic() < end: pass"


def rounds(*found: Conditions | None) -> list[Record]:
    return [Measured(Cell("a", "cold_start", "texts", "cpu"), i, ColdStart(), one) for i, one in enumerate(found)]


def test_cores_are_seconds_of_others_over_the_wall_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def at(wall: float, everyone: float, stolen: float, each_of_ours: float) -> measured.Reading:
        times = SimpleNamespace(user=everyone, nice=0.0, system=1.0, irq=0.0, softirq=0.0, steal=stolen)
        monkeypatch.setattr("psutil.cpu_times", lambda: times)
        own = SimpleNamespace(user=each_of_ours, system=0.0)
        process = SimpleNamespace(cpu_times=lambda: own, children=lambda **_: [])
        monkeypatch.setattr("psutil.Process", lambda _: process)
        monkeypatch.setattr("time.monotonic", lambda: wall)
        return look((1, 2), None)

    found = conditions([at(100.0, 50.0, 5.0, 10.0), at(110.0, 68.0, 6.0, 14.0)])
    assert found.foreign_cores == pytest.approx((18 - 3 * 4) / 10)
    assert found.stolen_cores == pytest.approx(0.1)


def test_the_worst_stretch_between_readings_is_kept_and_is_at_least_a_second_long() -> None:
    def at(wall: float, others: float, stolen: float) -> measured.Reading:
        return measured.Reading(wall, busy_s=others, stolen_s=stolen, ours_s=0.0, load_average=0.5, gpu=None)

    readings = [at(0, 0, 0), at(0.5, 0.5, 0), at(2, 0.5, 0.1), at(4, 2.0, 0.2), at(8, 2.0, 0.2)]
    found = conditions(readings)
    assert found.foreign_cores == pytest.approx(2 / 8)
    assert found.worst_cores == pytest.approx(1.6 / 2)
    assert conditions(readings[:3]).worst_cores is None  # one stretch is the round


def test_our_own_work_is_no_noise_but_another_programs_is() -> None:
    with subprocess.Popen([sys.executable, "-c", BUSY]) as other:
        time.sleep(0.2)
        before, before_as_ours = look((), None), look((other.pid,), None)
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            pass
        after, after_as_ours = look((), None), look((other.pid,), None)
        other.kill()
    foreign = conditions([before, after]).foreign_cores
    without = conditions([before_as_ours, after_as_ours]).foreign_cores
    assert foreign > without
    assert conditions([before, after]).load_average == pytest.approx(os.getloadavg()[0], abs=1)


def test_a_process_that_ended_is_left_out() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    assert look((ended.pid,), None).ours_s > 0


class NVMLError(Exception):
    """As pynvml's."""


def fake_nvml(monkeypatch: pytest.MonkeyPatch, *, reasons: int, users: Sequence[int], energy: int | None) -> None:
    def consumed(_: str) -> int:
        if energy is None:
            raise NVMLError("Not Supported")
        return energy

    fake = SimpleNamespace(
        NVMLError=NVMLError,
        NVML_CLOCK_SM=1,
        nvmlInit=lambda: None,
        nvmlShutdown=lambda: None,
        nvmlDeviceGetHandleByUUID=lambda uuid: uuid,
        nvmlDeviceGetClockInfo=lambda _, __: 1980,
        nvmlDeviceGetCurrentClocksThrottleReasons=lambda _: reasons,
        nvmlDeviceGetComputeRunningProcesses=lambda _: [SimpleNamespace(pid=pid) for pid in users],
        nvmlDeviceGetTotalEnergyConsumption=consumed,
        **{name: 1 << bit for bit, name in enumerate(measured._THROTTLING.values(), start=1)},
    )
    monkeypatch.setitem(sys.modules, "pynvml", fake)


def test_a_gpus_clocks_users_and_energy_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = (os.getpid(), os.getpid())
    monkeypatch.setattr(measured, "family", lambda pid: (pid,))
    fake_nvml(monkeypatch, reasons=0, users=(1, 2), energy=1_000)
    before = look(ours, "GPU-1", ours)
    assert before.gpu is not None
    fake_nvml(monkeypatch, reasons=0b10, users=(1, 2, 3), energy=43_000)
    between = replace(before, gpu=replace(before.gpu, mhz=1410, foreign=0))
    found = conditions([before, between, look(ours, "GPU-1", ours)]).gpu
    assert found == GpuConditions(mhz=[1980, 1410, 1980], throttled=["power cap"], foreign_processes=1, energy_j=42.0)


STARTS_ANOTHER = """
import subprocess, sys
with subprocess.Popen([sys.executable, "-c", sys.argv[1]]) as child:
    print(child.pid, flush=True)
"""


def test_what_our_processes_started_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    command = [sys.executable, "-c", STARTS_ANOTHER, BUSY]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        child = int(worker.stdout.readline())
        found = []
        for users in ((worker.pid, child), (worker.pid, child, 1), (5, 6), (5, 6, 7)):  # by other ids in a container
            fake_nvml(monkeypatch, reasons=0, users=users, energy=0)
            found.append(look((worker.pid,), "GPU-1", (worker.pid,)))
        worker_alone = psutil.Process(worker.pid).cpu_times().user
        os.kill(child, signal.SIGKILL)
    assert [one.gpu.foreign for one in found if one.gpu] == [0, 1, 0, 1]
    assert found[-1].ours_s > psutil.Process().cpu_times().user + worker_alone


def test_in_a_container_one_of_ours_on_the_cpu_hides_no_other_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "family", lambda pid: (pid,))
    fake_nvml(monkeypatch, reasons=0, users=(5, 6), energy=0)  # by ids of the host's
    on_cpu, on_gpu = os.getpid(), os.getppid()
    found = look((on_cpu, on_gpu), "GPU-1", (on_gpu,)).gpu
    assert found is not None
    assert found.foreign == 1


def test_a_gpu_that_counts_no_energy_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_nvml(monkeypatch, reasons=1, users=(), energy=None)
    found = conditions([look((), "GPU-1"), look((), "GPU-1")]).gpu
    assert found == GpuConditions(mhz=[1980, 1980], throttled=[], foreign_processes=0, energy_j=None)


def test_what_disturbed_a_run_is_said_with_what_to_do() -> None:
    quiet, hot = Conditions(0.01, 0.0, 0.2), GpuConditions([1980, 1200], ["thermal slowdown"], 2, None)
    said = noise(rounds(quiet, Conditions(0.4, 0.0, 1.0), Conditions(0.0, 0.2, 0.2), Conditions(0.0, 0.0, 0.1, hot)))
    assert [line.split(":")[0] for line in said] == [
        "Other programs took more than 5% of a core in 1 of 4 rounds (up to 40%)",
        "The hypervisor gave other machines more than 5% of a core in 1 of 4 rounds (up to 20%)",
        "The GPU slowed itself down in 1 of 4 rounds (thermal slowdown)",
        "Other processes used the GPU in 1 of 4 rounds (up to 2)",
    ]


def on_gpu(*clocks: list[int], throttled: Sequence[str] = ()) -> list[Record]:
    return rounds(*(Conditions(0.0, 0.0, 0.1, GpuConditions(mhz, list(throttled), 0, None)) for mhz in clocks))


def test_a_small_cards_power_cap_is_how_it_works_while_the_clocks_of_rounds_agree() -> None:
    capped = [[1065, 900, 1080], [990, 1050, 1110], [1000, 1200, 1005]]
    found = on_gpu(*capped, throttled=["power cap"])
    assert noise(found) == ["Nothing else took more than 5% of a core in any of the 3 rounds."]
    assert caution(found[:1]) == ""
    (said,) = noise(on_gpu(*capped, [810, 840, 1005], throttled=["power cap"]))
    assert said.startswith(
        "The GPU's clock was more than 10% away from the run's median of 1005 MHz in 1 of 4 rounds (840 to"
    )


@pytest.mark.parametrize("cores", [None, 1, 2])
def test_another_program_counts_on_a_machine_of_few_cores(cores: int | None) -> None:
    found = rounds(Conditions(0.3, 0.0, 0.3))
    assert noise(found, cores)[0].startswith("Other programs took more than 5% of a core in 1 of 1 rounds (up to 30%)")
    assert caution(found, cores)


def test_the_more_cores_there_are_the_more_may_others_take() -> None:
    found = rounds(Conditions(0.3, 0.0, 0.3))
    assert noise(found, 16) == ["Nothing else took more than 40% of a core in the only round."]
    assert caution(found, 16) == ""
    assert noise(found, 8)[0].startswith("Other programs took more than 20% of a core")


def test_more_programs_than_cores_are_said_where_the_cores_are_known() -> None:
    found = rounds(Conditions(0.0, 0.0, 2.0), Conditions(0.0, 0.0, 3.5))
    (said,) = noise(found, 2)
    assert said == (
        "In the minute before 1 of 2 rounds, more programs wanted to run than there are cores (2; load average up to "
        "3.5): end them, or use fewer --threads."
    )
    assert noise(found) == ["Nothing else took more than 5% of a core in any of the 2 rounds."]
    assert noise(found, 4) == ["Nothing else took more than 10% of a core in any of the 2 rounds."]


@pytest.mark.parametrize(("third", "is_said"), [(1782, False), (1781, True), (2178, False), (2179, True)])
def test_a_rounds_clock_may_be_a_tenth_off_the_runs(third: int, is_said: bool) -> None:
    said = noise(on_gpu([1980, 1980], [1980, 1980], [third, third]))
    assert (
        said[0].startswith("The GPU's clock was more than 10% away from the run's median of 1980 MHz in 1 of 3")
        == is_said
    )


def test_a_quiet_run_says_that_it_was() -> None:
    assert noise(rounds(Conditions(0.01, 0.02, 0.2))) == ["Nothing else took more than 5% of a core in the only round."]
    assert noise(rounds(None)) == []


def test_a_verdict_from_one_disturbed_round_each_is_given_with_care() -> None:
    quiet, busy = Conditions(0.01, 0.02, 0.2), Conditions(0.0, 0.06, 0.2)
    throttled = Conditions(0.0, 0.0, 0.1, GpuConditions([1980, 1980], ["power brake"], 0, None))

    def once(*found: Conditions) -> list[Record]:
        return [Measured(Cell(str(i), "cold_start", "t", "cpu"), 0, ColdStart(), one) for i, one in enumerate(found)]

    assert caution(once(quiet, busy, throttled)).startswith("Be careful: 2 of 3 rounds were disturbed.")
    assert caution(once(quiet, busy)).startswith("Be careful: 1 of 2 rounds was disturbed.")
    assert caution(once(quiet, quiet)) == ""
    assert caution(rounds(busy, busy)) == ""  # two rounds of one combination: their spread is in the interval
    assert caution(rounds(None)) == ""

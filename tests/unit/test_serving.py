"""What is heard from a worker whose process, or whose pipe, is misused."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from harness.errors import InputError, UnavailableError
from harness.run import pipe, python
from harness.run import protocol as say
from harness.run.process import WorkerError, WorkerProcess

ROOT = Path(__file__).parents[2]
# A worker that is up and answers each command with so many warm-up requests; `misuse` is called before the second one.
SERVES = f"""
import os, subprocess, sys
sys.path.insert(0, {str(ROOT)!r})
from harness.record import StartUp
from harness.run import protocol as say
from harness.run.serving import run

class Worker:
    start, facts = StartUp(1, 1, 1), {{}}

count = 0

def obey(line, worker):
    global count
    count += 1
    if count == 2:
        misuse()
    return worker and say.Warm(count, True) or Worker()

def pipe(mode):  # found as by somebody who looks for it; stdin and the log are no pipes
    for name in os.listdir("/proc/self/fd"):
        try:
            if os.readlink(f"/proc/self/fd/{{name}}").startswith("pipe:") and mode == (
                int(open(f"/proc/self/fdinfo/{{name}}").read().split()[3], 8) & 3
            ):
                return int(name)
        except FileNotFoundError:  # of the listing itself
            pass

def write(data):
    while data:
        data = data[os.write(pipe(os.O_WRONLY), data):]
"""
GARBAGE = "what came from the worker is not a reply"
CLOSED = "a plugin may have"


def speaking(monkeypatch: pytest.MonkeyPatch, log: Path, misuse: str, seconds: float = 20) -> WorkerProcess:
    program = f"{SERVES}\ndef misuse():\n    {misuse}\n\nrun(int(sys.argv[1]), int(sys.argv[2]), obey)"

    def command(_: str, arguments: Sequence[str], __: Path | None) -> list[str]:
        return [sys.executable, "-S", "-c", program, *arguments]

    monkeypatch.setattr(python, "command", command)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    return WorkerProcess(log, time.monotonic() + seconds)


def heard(worker: WorkerProcess) -> WorkerError:
    """What ends the second command, or the third: what is left in the pipe is found by the next one."""
    try:
        worker.ask(say.WarmUp(), say.Ready)
        worker.ask(say.WarmUp(), say.Warm)
        worker.ask(say.WarmUp(), say.Warm)
    except WorkerError as error:
        return error
    finally:
        worker.close()
    return pytest.fail("nothing was told")


@pytest.mark.parametrize(
    ("misuse", "kind", "said"),
    [
        ("write(b'5\\n')", "error", GARBAGE),
        ("write(b'\\n')", "error", GARBAGE),
        ("write(b'progress: ')", "error", "'progress: {"),
        ("write(b'x' * (1 << 20))", "error", "xxxx"),
        ("write(b'\\xff\\x1b[2J\\n')", "error", r"\\xff\x1b[2J"),
        ("write(b'[' * 100_000 + b'\\n')", "error", GARBAGE),
        ("write(say.to_line(say.Ready(Worker.start, {})))", "error", "replied Ready instead of Warm"),
        ("os._exit(0)", "crash", "exit status 0"),
        ("os.kill(os.getpid(), 9)", "crash", "SIGKILL"),
        ("os.fork() or __import__('time').sleep(60); os._exit(7)", "crash", "exit status 7"),
        ("os.close(pipe(os.O_WRONLY))", "crash", CLOSED),
        ("os.close(pipe(os.O_RDONLY))", "crash", "exit status 1"),
        ("os.closerange(0, 1000)", "crash", "exit status"),
        ("print('last words', file=sys.stderr, flush=True); os._exit(1)", "crash", "last words"),
        ("sys.exit(0)", "error", "SystemExit: 0"),
        ("sys.stderr.close(); 1 / 0", "error", "ZeroDivisionError"),
        ("sys.stderr = None; 1 / 0", "error", "ZeroDivisionError"),
    ],
)
def test_misuse_is_told_for_what_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, misuse: str, kind: str, said: str
) -> None:
    error = heard(speaking(monkeypatch, tmp_path / "log", misuse))
    assert said in str(error)
    assert error.kind == kind
    assert len(str(error)) < 2000


@pytest.mark.parametrize(
    "harmless",
    [
        "os.closerange(3, 200)",  # as who makes a daemon does
        "os.fork()",  # and both go on: only one of them may serve
        "os.chdir('/')",
        "[os.write(one, b'garbage') for one in (1, 2)]",
        "subprocess.run(['/bin/sh', '-c', 'for i in 3 4 5 6 7 8 9; do echo garbage >&$i; done'])",
        "__import__('threading').Thread(target=__import__('time').sleep, args=(60,)).start()",
    ],
)
def test_what_does_not_concern_the_pipe_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, harmless: str
) -> None:
    worker = speaking(monkeypatch, tmp_path / "log", harmless)
    try:
        worker.ask(say.WarmUp(), say.Ready)
        assert [worker.ask(say.WarmUp(), say.Warm).requests for _ in range(3)] == [2, 3, 4]
    finally:
        worker.close()


SCRIPTED = f"""The following operation failed in the TorchScript interpreter.
Traceback of TorchScript (most recent call last):
{"  File 'model.py', line 1, in forward" * 200}
RuntimeError: {{}}
"""


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB."),
        torch.AcceleratorError("CUDA error: out of memory\nSearch for `cudaErrorMemoryAllocation' in …"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError(SCRIPTED.format("CUDA out of memory. Tried to allocate 20.00 MiB.")),
        RuntimeError(SCRIPTED.format("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory")),
        UnavailableError("torchscript: the trace of cross differs (CUDA out of memory. Tried to allocate 20.00 MiB.)"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_memory_that_has_run_out_is_told_as_that_however_it_is_said(error: Exception) -> None:
    assert pipe.fault(error)[0] == "out_of_memory"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (torch.AcceleratorError("CUDA error: an illegal memory access was encountered"), "error"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED"), "error"),
        (InputError("the text 'CUDA out of memory' holds no schema"), "input"),
        (UnavailableError("the GPU has no units for bfloat16"), "unavailable"),
    ],
    ids=lambda found: found if isinstance(found, str) else type(found).__name__,
)
def test_other_errors_are_none_of_memory(error: Exception, kind: str) -> None:
    assert pipe.fault(error)[0] == kind


def test_of_a_long_message_the_end_is_kept_too() -> None:
    _, said = pipe.fault(RuntimeError(f"first {'x' * 100_000} last"))
    assert len(said) < 4100
    assert said.startswith("RuntimeError: first")
    assert said.endswith("last")

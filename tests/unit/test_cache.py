from __future__ import annotations

import multiprocessing
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from safetensors import SafetensorError

from harness import Extractor
from harness.embedded.cache import VARIABLE, cache_directory, cached, clear, entries
from harness.errors import InputError, UnavailableError
from harness.plan.registry import find_optimizations
from harness.run.machine import remember


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


def write(directory: Path) -> None:
    (directory / "first").write_text("1")
    time.sleep(0.2)
    (directory / "second").write_text("2")


def test_an_entry_is_made_once() -> None:
    made: list[Path] = []

    def make(directory: Path) -> None:
        made.append(directory)
        write(directory)

    assert cached("x", make) == cached("x", make) == cache_directory() / "x"
    assert len(made) == 1
    assert [(entry.name, entry.bytes) for entry in entries()] == [("x", 2)]


def test_what_failed_half_way_is_no_entry() -> None:
    def fail(directory: Path) -> None:
        (directory / "first").write_text("1")
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        cached("x", fail)
    assert entries() == []
    assert (cached("x", write) / "second").read_text() == "2"


def test_what_a_killed_process_left_is_no_entry_and_is_cleared(own_cache: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=cached, args=("x", _hang))
    process.start()
    while not list(own_cache.glob(".x.*/first")):
        time.sleep(0.02)
        assert process.is_alive()
    process.kill()
    process.join()
    assert not (own_cache / "x").exists()
    assert (cached("x", write) / "second").is_file()
    assert clear() == 3
    assert list(own_cache.iterdir()) == []


def test_two_processes_may_make_it_at_once(own_cache: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        found = pool.starmap(cached, [("x", write)] * 2, chunksize=1)
    assert found == [own_cache / "x"] * 2
    assert sorted(path.name for path in own_cache.iterdir()) == ["x"]
    assert (own_cache / "x" / "second").is_file()


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(VARIABLE, str(tmp_path / "file" / "below"))
    with pytest.raises(InputError, match=VARIABLE):
        cached("x", write)


FULL = [
    OSError(28, "No space left on device"),
    RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 576 vs 534"),
    RuntimeError("PytorchStreamWriter failed writing file data/0: file write failed"),
    SafetensorError("Error while serializing: I/O error: File too large (os error 27)"),
]


@pytest.mark.parametrize("error", FULL, ids=lambda error: type(error).__name__)
def test_a_disk_that_is_full_is_a_cache_that_cannot_be_written(error: Exception) -> None:
    def fail(_: Path) -> None:
        raise error

    with pytest.raises(InputError, match=rf"make room there, or name another folder with {VARIABLE}"):
        cached("x", fail)
    assert entries() == []


def test_whatever_fails_where_no_room_is_left_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Path) -> None:
        raise RuntimeError("basic_ios::clear: iostream error")

    with pytest.raises(RuntimeError, match="iostream"):
        cached("x", fail)
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=4096))
    with pytest.raises(InputError, match="iostream"):
        cached("x", fail)


def test_what_says_itself_what_to_do_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Path) -> None:
        raise UnavailableError("it needs a GPU")

    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=0))
    with pytest.raises(UnavailableError):
        cached("x", fail)


def _hang(directory: Path) -> None:
    (directory / "first").write_text("1")
    time.sleep(600)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def nested(directory: Path) -> None:
    (directory / "inner").mkdir()
    (directory / "inner" / "file").write_text("1")


@pytest.fixture(params=[0o022, 0o002, 0], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_the_cache_and_its_folders_are_made_for_the_user_alone(own_cache: Path) -> None:
    entry = cached("x", nested)
    assert [mode(path) for path in (own_cache, entry, entry / "inner")] == [0o700] * 3
    assert mode(entry / "inner" / "file") & 0o077 == 0
    assert cached("x", nested) == entry


def test_a_cache_of_an_older_version_is_closed_to_readers(own_cache: Path) -> None:
    (own_cache / "x").mkdir(parents=True)
    for path in (own_cache, own_cache / "x"):
        path.chmod(0o755)
    cached("x", write)
    assert [mode(own_cache), mode(own_cache / "x")] == [0o700, 0o700]


@pytest.mark.parametrize("place", [".", "x", "x/inner", "x/inner/file"])
@pytest.mark.parametrize("bit", [0o020, 0o002], ids=oct)
def test_what_others_may_write_is_not_read_from_the_cache(own_cache: Path, place: str, bit: int) -> None:
    cached("x", nested)
    found = own_cache / place
    found.chmod(mode(found) | bit)
    with pytest.raises(InputError, match=rf"can be written by other users.*chmod -R go-rwx {own_cache}; or name"):
        cached("x", nested)


def test_nothing_is_made_in_a_cache_that_others_may_write(own_cache: Path) -> None:
    own_cache.mkdir()
    own_cache.chmod(0o777)
    for use in (lambda: cached("x", write), lambda: remember("cpu", 1, 0.1)):
        with pytest.raises(InputError, match="can be written by other users"):
            use()
    assert list(own_cache.iterdir()) == []


def test_a_place_for_all_users_is_no_cache_and_stays_as_it_is(own_cache: Path) -> None:
    own_cache.mkdir()
    own_cache.chmod(0o1777)
    with pytest.raises(InputError, match=f"as a program; name a folder of your own with {VARIABLE}"):
        cached("x", write)
    assert mode(own_cache) == 0o777 | stat.S_ISVTX


@pytest.mark.parametrize("place", [".", "x", "x/inner/file"])
def test_another_users_cache_is_not_used(own_cache: Path, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cached("x", nested)
    real = Path.lstat, Path.stat

    def others(number: int) -> Callable[..., os.stat_result]:
        def status(path: Path, **options: Any) -> os.stat_result:
            found = list(real[number](path, **options))
            if path == own_cache / place:
                found[stat.ST_UID] = os.geteuid() + 1
            return os.stat_result(found)

        return status

    monkeypatch.setattr(Path, "lstat", others(0))
    monkeypatch.setattr(Path, "stat", others(1))
    with pytest.raises(InputError, match=rf"to user {os.geteuid() + 1} and not to you.*chown -R {os.geteuid()} "):
        cached("x", nested)


def test_a_cache_may_be_a_link_to_another_disk(own_cache: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    own_cache.symlink_to(tmp_path / "disk")
    assert (cached("x", nested) / "inner" / "file").is_file()


def test_the_users_home_stays_readable_where_it_is_the_cache(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = own_cache / "me"
    home.mkdir(parents=True)
    own_cache.chmod(0o755)
    monkeypatch.setenv("HOME", str(home))
    cached("x", nested)
    assert mode(own_cache) == 0o755
    assert mode(own_cache / "x") == 0o700


def test_traces_that_others_may_have_written_are_not_run(
    own_cache: Path, golden: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    baseline = Extractor.load(golden, start="baseline")
    torchscript = find_optimizations()["torchscript"].apply
    torchscript(baseline)
    (trace,) = own_cache.glob("torchscript-*/*.pt")
    trace.chmod(0o666)
    monkeypatch.setattr("torch.jit.load", lambda *_, **__: pytest.fail("it was run"))
    with pytest.raises(InputError, match="can be written by other users"):
        torchscript(baseline)

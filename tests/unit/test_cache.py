from __future__ import annotations

import multiprocessing
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from safetensors import SafetensorError

from harness.embedded.cache import VARIABLE, cache_directory, cached, clear, entries
from harness.errors import InputError, UnavailableError


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

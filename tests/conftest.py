from __future__ import annotations

import ctypes
import os
from pathlib import Path

import pytest
from fuzzing import fuzz, pytest_terminal_summary
from hypothesis import settings
from light import light_start

from harness import Extractor
from harness.baseline.loading import plain_plan, stock_plan
from harness.compose import compose
from harness.embedded.cache import VARIABLE
from harness.plan.registry import find_optimizations

__all__ = ["fuzz", "light_start", "pytest_terminal_summary"]  # found here by pytest

# A first call may import scipy, on a machine that is busy with other things: how long it takes says nothing.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# The C library's allocator gives what big tensors held back to the kernel and asks for it again at the next request,
# which costs a seventh of the time of a forward here; what the tests' own process frees may stay with it.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # glibc's malloc.h
if (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)) is not None:  # other C libraries have none
    mallopt(M_TRIM_THRESHOLD, 1 << 30)
    mallopt(M_MMAP_THRESHOLD, 32 << 20)  # glibc takes no more

COMBINATIONS = {
    "baseline": [],
    "baseline+dynamic_truncation": ["dynamic_truncation"],
    "baseline+flash_attention": ["flash_attention"],
    "baseline+batching": ["batching"],
    "baseline+lean_startup": ["lean_startup"],
    "baseline+segmented_forward": ["segmented_forward"],
    "baseline+torchscript": ["torchscript"],
    "baseline+torchscript+segmented_forward": ["segmented_forward", "torchscript"],
    "baseline+all": [
        "batching",
        "dynamic_truncation",
        "flash_attention",
        "lean_startup",
        "segmented_forward",
        "torchscript",
    ],
}


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user's cache is not the tests' to read or write."""
    cache = tmp_path_factory.mktemp("cache")
    os.environ[VARIABLE] = str(cache)
    return cache


@pytest.fixture(scope="session")
def golden() -> Path:
    """A random checkpoint: it extracts nonsense, but always the same."""
    return Path(__file__).parent / "golden" / "checkpoint"


@pytest.fixture(scope="session")
def stock(golden: Path) -> Extractor:
    return stock_plan(golden, device="cpu", start="stock").load()


@pytest.fixture(scope="session")
def baseline(golden: Path) -> Extractor:
    return Extractor.load(golden, start="baseline")


@pytest.fixture(scope="session", params=["stock", *COMBINATIONS])
def extractor(request: pytest.FixtureRequest, golden: Path, stock: Extractor) -> Extractor:
    """Every extractor that must give the reference's answers, one after the other."""
    if request.param == "stock":
        return stock
    registry = find_optimizations()
    chosen = [(registry[name], dict[str, object]()) for name in COMBINATIONS[request.param]]
    return compose(plain_plan(golden, device="cpu", start="baseline"), chosen)

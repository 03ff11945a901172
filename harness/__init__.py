"""uiebench: which inference optimizations make an extractor faster without changing a single answer.

The rooms, in the way the data flows:

    plan/      suite file -> cells                    baseline/      the extractor that everything starts from
    run/       cells -> records, in fresh processes   plugin.py      what an optimization may import
    measure/   clocks, memory, start-up, answers      compose.py     optimizations folded over the baseline
    analyse/   records -> rows                        data/          texts, schemas, gold spans
    report/    rows -> tables                         cli/           arguments in, text out, exit status
"""

from __future__ import annotations

import sys

# `python -m harness` looks for every module in the working directory first. There this package may lie; a `queue.py` or
# `random.py` that lies there too is no part of the standard library. So before any other import what is ours is put
# after that, and a directory that is not ours is taken out.
if sys.argv[:1] == ["-m"] and "harness" in sys.orig_argv and not sys.flags.safe_path:
    _first, _ours = sys.path.pop(0), __file__.removesuffix("/harness/__init__.py")
    if _first == _ours:
        _ends = ("site-packages", "dist-packages")
        sys.path.insert(next((i for i, path in enumerate(sys.path) if path.endswith(_ends)), len(sys.path)), _ours)

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.baseline.extractor import Extractor

__all__ = ["Extractor", "__version__"]
__version__ = "0.1.0"


def _is_only_our_data() -> bool:
    """Whether `import datasets` would find nothing but the data folders of checkouts, each beside its `harness`."""
    spec = None if "datasets" in sys.modules else find_spec("datasets")
    if spec is None or spec.origin is not None:
        return False
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
    return all((folder.parent / "harness" / "__init__.py").is_file() for folder in folders)


# Run from a checkout, our data folder `datasets/` looks like an empty namespace package, and transformers would take
# it for Hugging Face's library. `None` makes `import datasets` fail as if nothing of that name were there.
if _is_only_our_data():
    sys.modules["datasets"] = None  # type: ignore[assignment]


def __getattr__(name: str) -> Any:
    if name == "Extractor":  # imports torch, which planning and analysis never need
        from harness.baseline.extractor import Extractor

        return Extractor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

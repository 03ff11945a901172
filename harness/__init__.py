"""uiebench: which inference optimizations make an extractor faster without changing a single answer.

The rooms, in the way the data flows; each imports only from those below it (`pyproject.toml` has the exact order):

    __main__.py        the command line from a bare checkout, `python -m harness`
    cli/               one file per command: arguments in, text and exit status out
    pytest_plugin.py   fixtures and a marker for other repositories' tests
    testing/           the conformance kit that every optimization has to pass
    selfcheck/         the harness measured by itself: false alarms, planted faults, what this machine can resolve
    doctor.py          what works on this machine, and why other things do not
    tune/              a search over combinations and their parameters
    gate/              CI gates: this code against another revision, or against a committed baseline
    peers/             other programs for the same work, each in an environment of its own
    report/            rows -> tables, charts, pages and formats of other programs
    run/               cells -> records, each round in a fresh pair of processes
    analyse/           records -> rows: ratios with intervals, effects, verdicts, recommendations
    measure/           clocks, memory, start-up, load and answers, measured
    deploy.py          a combination as an extractor, by name or from a file
    plan/              suite file -> cells, without importing torch
    compose.py         optimizations folded over the baseline, in stage order
    plugin.py          all that an optimization may import
    embedded/          the checkpoints that come with the tool, and the cache in which they lie
    training/          how the embedded checkpoint is made
    data/              texts, schemas and gold spans, read from files of many formats
    baseline/          the extractor that every combination starts from
    figures.py         the table of figures that targets, rules and recommendations are about
    scenarios/         the scenarios, one file each: how a cell is measured, and what its figures are called
    record.py          the words that every room speaks: cells, records, answers
    resources.py       where data files lie, installed or in a checkout
    tomlfile.py        TOML files
    hardware.py        this machine's processor, and the variables that make libraries choose other kernels
    conditions.py      what else happened while a round was measured, and where its time went
    profile.py         where the time of requests and the memory of a process went
    work.py            what a computation costs at least, and what a device can do at most
    units.py           units of measure, with how a person reads them
    processor.py       which kernels run on a processor; its name alone does not say
    tuning.py          settings of a machine's cores and memory, and what to change before measuring
    operators.py       the operators of torch that some code calls
    extensions.py      finds what can be added by one file, here or in another distribution
    textfile.py        text files, line by line
    jsontext.py        JSON text that a user wrote
    plain.py           checks that a value is one that a record can hold
    neutral.py         text from elsewhere, without anything that steers a terminal
    groups.py          sequences cut into consecutive groups
    members.py         a combination as it is written, taken apart
    errors.py          errors that a user can correct
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

"""The processes of a round as two revisions of the code."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from msgspec import structs

from harness.errors import InputError
from harness.gate.worktree import Revision
from harness.plan.cells import Planned
from harness.record import BASELINE, Failed, Measured, Record
from harness.run import protocol, python
from harness.run.ablation import Options
from harness.run.executors.local import LocalExecutor, Settings
from harness.run.executors.recorded import Reference

_PROTOCOL = re.compile(r"^PROTOCOL = (\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Other:
    """A revision that is checked out."""

    tree: Path
    revision: Revision

    @property
    def name(self) -> str:
        """As findings name it."""
        return f"{self.revision.written} ({self.revision.commit[:9]})"

    def there(self, path: Path) -> Path:
        """Where a file of the repository lies in the checkout; a file from elsewhere is the same for both.

        Raises:
            InputError: the revision has no such file.
        """
        if not path.resolve().is_relative_to(self.revision.repository.resolve()):
            return path.resolve()
        found = self.tree / path.resolve().relative_to(self.revision.repository.resolve())
        if not found.exists():
            raise InputError(f"{self.name} has no file {str(path)!r}; compare with a later revision")
        return found

    def plan(self, options: Options) -> dict[str, str | None]:
        """The combinations that its own code and its own suite file plan, each with why it cannot run here.

        Raises:
            InputError: it is older than this tool, cannot plan the suite, or has no code that would run.
        """
        self._check_protocol()
        suite = options.suite if not options.suite.endswith(".toml") else str(self.there(Path(options.suite)))
        plugins = [str(self.there(path)) for path in options.plugins]
        job = json.dumps({"suite": suite, "plugins": plugins, "device": options.device})
        done = subprocess.run(
            python.command("harness.gate.planned", (job,), self.tree),
            env=python.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = (done.stderr.strip().splitlines() or ["no word"])[-1]
            raise InputError(f"{self.name} does not start: {said}")
        reply: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        if "error" in reply:
            raise InputError(f"{self.name} cannot plan the suite: {reply['error']} (a plugin file needs --plugin)")
        if not any(Path(file).is_relative_to(self.tree) for file in reply["files"]):
            raise InputError(
                f"nothing in {str(self.revision.repository)!r} is run by the suite {Path(options.suite).stem!r}: "
                "uiebench and the optimizations of all its combinations are installed elsewhere, so both revisions "
                "would be the same. Name a suite with combinations of the repository's own optimizations, from a "
                "plugin file (--plugin) or a package at the top or in src/; or compare with --against BASELINE"
            )
        return dict(reply["combinations"])

    def _check_protocol(self) -> None:
        if not (self.tree / "harness" / "__init__.py").is_file():
            return  # the repository is a user's: both revisions run this tool as it is installed
        try:
            found = _PROTOCOL.search((self.tree / "harness" / "run" / "protocol.py").read_text(encoding="utf-8"))
        except OSError:
            found = None
        if found is None or int(found[1]) != protocol.PROTOCOL:
            raise InputError(
                f"{self.name} has a uiebench with another worker protocol; compare with a later revision, "
                "or with --against BASELINE"
            )


class AgainstOther:
    """Runs rounds whose second process is the same combination in the other revision's code."""

    def __init__(self, settings: Settings, other: Other, reasons: Mapping[str, str | None]) -> None:
        """Run rounds.

        Args:
            settings: of the run.
            other: the revision.
            reasons: why a combination cannot run there, as it was planned.
        """
        plugins = tuple(str(other.there(Path(path))) for path in settings.plugins)
        self._local = LocalExecutor(replace(settings, other_code=other.tree, other_plugins=plugins))
        self._other, self._reasons = other, reasons

    def reference(self) -> tuple[Reference, dict[str, Any]]:
        """As in every run; and the other revision has to come up.

        Raises:
            InputError: it does not.
        """
        found = self._local.reference()
        if problem := self._local.other_problem(BASELINE, answering=False):
            raise InputError(f"{self._other.name} does not start: {problem}")
        return found

    def round(self, planned: Planned, number: int, reference: Reference) -> list[Record]:
        """One round; where this tree's process gives nothing, the record also says whether the other's does."""
        records = self._local.round(planned, number, reference)
        if all(isinstance(record, Measured) for record in records):
            return records
        if any(isinstance(record, Failed) and record.kind == "partner" for record in records):
            return [
                structs.replace(record, kind="other", other="failed there") if isinstance(record, Failed) else record
                for record in records
            ]
        reason = self._reasons.get(planned.combination)
        other = f"skipped: {reason}" if reason else self._local.other_problem(planned.combination)
        return [record if isinstance(record, Measured) else structs.replace(record, other=other) for record in records]

"""The processes of a round as two revisions of the code."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.errors import InputError
from harness.gate.worktree import Revision
from harness.plan.cells import Planned
from harness.record import BASELINE, Record
from harness.run import protocol
from harness.run.ablation import Options
from harness.run.executors.local import LocalExecutor, Reference, Settings
from harness.run.process import WorkerError, python_path

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

    def plan(self, options: Options) -> list[str]:
        """The combinations that its own code and its own suite file plan.

        Raises:
            InputError: it is older than this tool, or cannot plan the suite.
        """
        self._check_protocol()
        suite = options.suite if not options.suite.endswith(".toml") else str(self.there(Path(options.suite)))
        plugins = [str(self.there(path)) for path in options.plugins]
        job = json.dumps({"suite": suite, "plugins": plugins, "device": options.device})
        done = subprocess.run(
            [sys.executable, "-m", "harness.gate.planned", job],
            cwd=self.tree,
            env={**os.environ, "PYTHONPATH": python_path(self.tree)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = (done.stderr.strip().splitlines() or ["no word"])[-1]
            raise InputError(f"{self.name} does not come up: {said}")
        reply: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        if "error" in reply:
            raise InputError(f"{self.name} cannot plan the suite: {reply['error']}")
        return list(reply["combinations"])

    def _check_protocol(self) -> None:
        if not (self.tree / "harness" / "__init__.py").is_file():
            return  # the repository is a user's: both revisions run this tool as it is installed
        try:
            found = _PROTOCOL.search((self.tree / "harness" / "run" / "protocol.py").read_text(encoding="utf-8"))
        except OSError:
            found = None
        if found is None or int(found[1]) != protocol.PROTOCOL:
            raise InputError(
                f"{self.name} is of a uiebench whose processes this one cannot talk to; compare with a later revision, "
                "or with --against BASELINE"
            )


class AgainstOther:
    """Runs rounds whose second process is the same combination in the other revision's code."""

    def __init__(self, settings: Settings, other: Other) -> None:
        plugins = tuple(str(other.there(Path(path))) for path in settings.plugins)
        self._local = LocalExecutor(replace(settings, other_code=other.tree, other_plugins=plugins))
        self._other = other

    def reference(self) -> tuple[Reference, dict[str, Any]]:
        """As in every run; and the other revision has to come up.

        Raises:
            InputError: it does not.
        """
        found = self._local.reference()
        try:
            self._local.comes_up(BASELINE)
        except WorkerError as error:
            raise InputError(f"{self._other.name} does not come up ({error.kind}): {error}") from None
        return found

    def round(self, planned: Planned, number: int, reference: Reference) -> list[Record]:
        """One round."""
        return self._local.round(planned, number, reference)

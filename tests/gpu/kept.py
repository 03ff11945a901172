"""What the steps gave, in one folder, and packed in one file that travels."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

LARGEST_BYTES = 16 << 20  # of the packed file
# Reports for a browser and charts are made again from the records: `uiebench report`.
MADE_AGAIN = (".html", ".svg", ".png")


@dataclass(frozen=True)
class Outcome:
    """How a step ended."""

    status: int | None  # its exit status; None where its limit ended it
    seconds: float  # over all slices
    whole: bool  # whether nothing of it is left to do


class Kept:
    """A folder with what the steps gave, and the packed file beside it."""

    def __init__(self, folder: Path) -> None:
        """Take up what an earlier slice left: the folder, or else the packed file."""
        self.folder, self.packed = folder, folder.with_name(f"{folder.name}.tar.gz")
        if not folder.exists() and self.packed.exists():
            with tarfile.open(self.packed) as archive:
                archive.extractall(folder.parent, filter="data")
        self.runs.mkdir(parents=True, exist_ok=True)

    @property
    def runs(self) -> Path:
        """Of all steps."""
        return self.folder / "runs"

    def of(self, step: str) -> Path:
        """A step's own folder."""
        found = self.folder / "steps" / step
        found.mkdir(parents=True, exist_ok=True)
        return found

    def outcome(self, step: str) -> Outcome | None:
        """How it ended; None where it was not begun."""
        file = self.of(step) / "outcome.json"
        return Outcome(**json.loads(file.read_text(encoding="utf-8"))) if file.exists() else None

    def keep(self, step: str, outcome: Outcome) -> None:
        """Write it down."""
        (self.of(step) / "outcome.json").write_text(json.dumps(asdict(outcome)), encoding="utf-8")

    def forget(self, step: str) -> None:
        """So that it is done anew."""
        shutil.rmtree(self.of(step))

    def pack(self, largest_bytes: int = LARGEST_BYTES) -> list[str]:
        """Write the packed file; what is left out of it because it would be too large, the largest files first."""
        files = sorted(self._files(), key=lambda path: -path.stat().st_size)
        left_out: list[str] = []
        while len(packed := self._archive(files)) > largest_bytes:
            left_out.append(str(files.pop(0).relative_to(self.folder)))
        half = self.packed.with_suffix(".half")
        half.write_bytes(packed)
        half.replace(self.packed)
        return left_out

    def _files(self) -> Iterator[Path]:
        return (path for path in self.folder.rglob("*") if path.is_file() and path.suffix not in MADE_AGAIN)

    def _archive(self, files: Iterable[Path]) -> bytes:
        written = io.BytesIO()
        with tarfile.open(fileobj=written, mode="w:gz") as archive:
            for path in sorted(files):
                archive.add(path, path.relative_to(self.folder.parent))
        return written.getvalue()

"""A peer's process as the runner has it, without a run."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.plan.peers import find_peers
from harness.run import protocol as say
from harness.run.peers import Launch
from harness.run.process import WorkerProcess

PEER = "peer:modelscope"


@contextmanager
def up(
    python: Path,
    checkpoint: Path,
    here: Path,
    texts: Sequence[str],
    schemas: Sequence[Any],
    *,
    timed: int | None = None,
    file: Path | None = None,
    seconds: float = 30,
) -> Iterator[WorkerProcess]:
    """The process with its job told; its reply is still to be heard."""
    launch = Launch(str(python), file or find_peers()["modelscope"], 1, here)
    worker = WorkerProcess(here / "log", time.monotonic() + seconds, peer=launch)
    try:
        worker.tell(
            say.Job(
                combination=PEER,
                checkpoint=str(checkpoint),
                device="cpu",
                threads=1,
                plugins=[],
                texts=list(texts),
                schemas=[json.dumps(schema, ensure_ascii=False) for schema in schemas],
                timed=len(texts) if timed is None else timed,
                spawned_ns=time.monotonic_ns(),
            )
        )
        yield worker
    finally:
        worker.close()

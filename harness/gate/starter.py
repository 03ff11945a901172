"""What a repository starts gating with: rules, and a job for its CI."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from harness.errors import InputError

_TEMPLATES = Path(__file__).parent / "templates"
RULES = "uiebench-gate.toml"
BASELINE = "uiebench-baseline.jsonl"
JOBS = {"github": ".github/workflows/uiebench.yml", "gitlab": "uiebench.gitlab-ci.yml"}  # by the kind of CI


def write_starter(
    directory: Path, ci: str | None, *, checkpoint: str, device: str, plugins: Sequence[Path] = ()
) -> list[Path]:
    """Write the files; none where any is there already.

    Args:
        directory: the repository's top.
        ci: a key of ``JOBS``; None for no job.
        checkpoint: what the rules measure.
        device: where.
        plugins: files with optimizations.

    Returns:
        What was written.

    Raises:
        InputError: a file is there already, the baseline's included.
    """
    rules = template("rules.toml")
    for name, value in (("checkpoint", checkpoint), ("device", device)):
        default = {"checkpoint": '"mini"', "device": '"cpu"'}[name]
        rules = rules.replace(f"{name} = {default}", f"{name} = {json.dumps(value, ensure_ascii=False)}")
    if plugins:
        written = json.dumps([str(path) for path in plugins], ensure_ascii=False)
        rules = rules.replace("rounds = ", f"plugins = {written}\nrounds = ", 1)
    files = {directory / RULES: rules}
    if ci is not None:
        files[directory / JOBS[ci]] = template(f"{ci}.yml")
    if there := [path for path in (*files, directory / BASELINE) if path.exists()]:
        raise InputError(f"{str(there[0])!r} is there already, and is not overwritten; move it away, or edit it")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(files)


def template(name: str) -> str:
    """A file as it is written for the embedded checkpoint."""
    return (_TEMPLATES / name).read_text(encoding="utf-8")

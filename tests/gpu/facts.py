"""What is known of the machine and its GPU (`python -m gpu.facts`)."""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path
from typing import Any

import torch

from harness.run.environment import environment

SAID_BY = {  # by the file that it goes into
    "nvidia-smi.txt": ["nvidia-smi"],
    "nvidia-smi-q.txt": ["nvidia-smi", "-q"],
    "topology.txt": ["nvidia-smi", "topo", "-m"],
}
PATIENCE_S = 15


def facts(device: str) -> dict[str, Any]:
    """The environment as a run records it, and what torch says of the device."""
    found = {**environment(), "torch_built_for_cuda": torch.version.cuda, "device": device}
    if device.startswith("cuda"):
        properties = torch.cuda.get_device_properties(torch.device(device))
        names = [name for name in dir(properties) if not name.startswith("_")]
        found["properties"] = {name: str(getattr(properties, name)) for name in names}
        found["bfloat16"] = torch.cuda.is_bf16_supported()
    return found


def said(command: list[str]) -> str:
    """What a program prints, or why it does not."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{command[0]}: {error}\n"
    return done.stdout + done.stderr


def main() -> None:
    """Write them down, and print those of torch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", required=True)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    found = facts(asked.device)
    written = json.dumps(found, indent=1, ensure_ascii=False)
    (asked.out / "facts.json").write_text(written, encoding="utf-8")
    for name, command in SAID_BY.items():
        (asked.out / name).write_text(said(command), encoding="utf-8")
    print(written)


if __name__ == "__main__":
    main()

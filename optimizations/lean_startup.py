"""Come up without what an extractor does not need."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.plugin import Evidence, Probe, Stage, optimization

if TYPE_CHECKING:
    from harness.baseline.checkpoint import Checkpoint
    from harness.baseline.model import SiameseUIE
    from harness.plugin import LoadPlan

_HEAVY = ("transformers", "torch._dynamo", "sympy", "matplotlib", "scipy", "pandas")


def imports_left_out(_: Probe) -> Evidence:
    """Look for the heavy packages among what the process has imported."""
    loaded = [name for name in _HEAVY if name in sys.modules]
    return Evidence(
        optimization="lean_startup",
        active="transformers" not in sys.modules,
        summary=f"of {', '.join(_HEAVY)} imported: {', '.join(loaded) or 'none'}",
        figures={"modules": len(sys.modules)},
    )


@optimization(Stage.LOAD, exact=True, evidence=imports_left_out)
def lean_startup(plan: LoadPlan) -> LoadPlan:
    """Read the weights from safetensors straight onto the device, and import no more than answering takes.

    Cheaper: a process's way to its first answer. No transformers (tokenizer and configuration are read without it), no
    random weights that are overwritten at once (the model is made on the meta device and takes the tensors as they
    are), no unpickling: a pickle is converted once into the user's cache. It changes nothing about a process that is
    up. Source: step 6 of the guide, which installs fewer packages and imports the same.
    """
    from harness.baseline.config import read_config
    from harness.baseline.tokenize import from_vocabulary

    def read_model(checkpoint: Checkpoint, config: dict[str, Any]) -> SiameseUIE:
        from harness.baseline.loading import adopt
        from harness.embedded.checkpoints import as_safetensors

        return adopt(as_safetensors(checkpoint), config, plan.device)

    return replace(plan, read_tokenizer=from_vocabulary, read_config=read_config, read_model=read_model, imports=())

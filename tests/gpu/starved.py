"""An optimization that leaves its process no room on the device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.plugin import Evidence, Probe, Stage, optimization

if TYPE_CHECKING:
    from harness.plugin import Extractor


def has_no_room(_: Probe) -> Evidence:
    """Whoever asks has found room."""
    return Evidence("starved", active=False, summary="there was room for all of it")


def why_not(device: Any) -> str | None:
    """A CPU's memory is not torch's to ration."""
    return None if device.type == "cuda" else f"it takes away device memory, and this is {device.type}"


@optimization(Stage.BATCH, exact=True, evidence=has_no_room, unavailable=why_not)
def starved(extractor: Extractor) -> Extractor:
    """Let torch reserve no more of the device than the model takes already."""
    import torch

    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(extractor.device).total_memory
    share = torch.cuda.memory_reserved(extractor.device) / total
    torch.cuda.set_per_process_memory_fraction(share, extractor.device)
    return extractor

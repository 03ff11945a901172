"""The guide's flash attention: a patch that calls no kernel."""

from __future__ import annotations

from types import MethodType
from typing import TYPE_CHECKING, Any

from harness.plugin import Evidence, Probe, Stage, optimization

if TYPE_CHECKING:
    from harness.plugin import Extractor

_LAYER = "Layer"  # in the class name of what the patch flags; transformers calls it BertLayer


def patched_layers(probe: Probe) -> Evidence:
    """Count the layers that carry the patch; no text is answered, since the first one raises."""
    layers = list(probe.extractor.model.plm.encoder.layer)
    patched = sum(_is_patched(layer) for layer in layers)
    return Evidence(
        optimization="flash_attention_as_published",
        active=patched > 0,
        summary=f"{patched} of the text tower's {len(layers)} layers patched; the patch calls no flash kernel",
        figures={"layers_patched": patched, "layers": len(layers), "fused_calls": 0},
    )


@optimization(Stage.ATTENTION, exact=False, evidence=patched_layers, conflicts=["flash_attention"])
def flash_attention_as_published(extractor: Extractor) -> Extractor:
    """Patch the first layer's forward with one that sets a flag and calls ``torch.nn.Module.forward``.

    Cheaper: nothing; ``Module.forward`` is the one that raises NotImplementedError, so the first request fails. No
    flash kernel is called. The patch is bound to layer 0 of the tower alone.
    Source: step 2 of the guide, as published.
    """
    model = extractor.model.twin()
    layer: Any = model.plm.encoder.layer[0]
    layer.forward = MethodType(_forward, layer)
    return extractor.with_model(model)


def _forward(self: Any, *inputs: Any, **named: Any) -> Any:
    import torch

    for module in self.modules():
        if _LAYER in type(module).__name__:
            module.use_flash_attention = True  # read by nothing
    return torch.nn.Module.forward(self, *inputs, **named)


def _is_patched(layer: Any) -> bool:
    return getattr(vars(layer).get("forward"), "__func__", None) is _forward

"""What no answer depends on left out, and what many rows share computed once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.plugin import Evidence, Probe, Stage, optimization

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from harness.plugin import Extractor


def products_saved(probe: Probe) -> Evidence:
    """Look at how wide the text tower's output is, what the linear layers give with the last one whole, and at masks.

    The layers with the last one whole are torch's own, and their masks are looked at: a graph always has one. Where
    another runtime computes the others, they are those that its graph was made from.
    """
    extractor = replace(probe.extractor, screen=None)  # what screens goes the same way
    widths: list[int] = []
    probe.watch(lambda name, _, given: widths.extend([given.shape[-1]] if name == "encode_text" else []), extractor)
    ops, empty = extractor.model.ops, list[bool]()

    def masking(kept: Tensor, dtype: torch.dtype) -> Any:
        empty.append(bool(kept.all()))
        return ops.masking(kept, dtype)

    whole = extractor.with_ops(replace(ops, last_for_text=False, masking=masking))
    ours, theirs = (probe.product_elements(one) for one in (extractor, whole))
    where = ""
    if ours == 0:  # another runtime computes them, from a graph made of these eager layers and compared with them
        ours = probe.product_elements(extractor.with_ops(ops))
        where = " (of the layers that were exported)"
    return Evidence(
        optimization="dead_work",
        active=min(widths) > extractor.model.config.hidden and ours < theirs and not any(empty),
        summary=f"the text tower gives {min(widths)} numbers a token, {extractor.model.config.hidden} of them hidden "
        f"states; the linear layers give {1 - ours / theirs:.1%} fewer than with the last one whole{where}; "
        f"{sum(empty)} masks masked nothing",
        figures={"width": min(widths), "elements": ours, "elements_without": theirs, "empty_masks": sum(empty)},
    )


@optimization(Stage.ATTENTION, exact=True, evidence=products_saved)
def dead_work(extractor: Extractor) -> Extractor:
    """Leave out what no answer depends on in the cross layers, and compute once what is the same for many rows.

    Cheaper: in the first cross layer a text's query, key and value are the same under every prompt, and a prompt's
    with every text. They are computed once, right after the towers. In the last one nobody reads what comes of the
    prompts' tokens, so it is computed for the text's tokens alone: attention's rows, its output projection and the
    feed-forward block. Of six cross layers this is about a tenth for short texts with many prompts, and less for long
    ones. Where nothing is padded the layers are given no mask, which a fused kernel takes more easily; a trace or an
    export is given one always. The numbers are those that the whole layers give, so no answer changes.

    Costs: what is kept of an encoded text is four times as wide.
    """
    less = replace(extractor.model.ops, projects_ahead=True, last_for_text=True, masks_padding_alone=True)
    return extractor.with_ops(less)

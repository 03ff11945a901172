"""What no answer depends on left out, and what many rows share computed once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from harness.plugin import Evidence, Probe, Stage, optimization

if TYPE_CHECKING:
    from harness.plugin import Extractor


def products_saved(probe: Probe) -> Evidence:
    """Compare what the linear layers put out with and without it, in a profile."""
    extractor = probe.extractor
    whole = extractor.with_ops(replace(extractor.model.ops, projects_ahead=False, last_for_text=False))
    ours, theirs = (sum(product.allocated_bytes for product in probe.products(one)) for one in (extractor, whole))
    return Evidence(
        optimization="dead_work",
        active=0 < ours < theirs,
        summary=f"the linear layers put out {ours / 2**20:.1f} MiB instead of {theirs / 2**20:.1f} MiB",
        figures={"bytes": ours, "bytes_without": theirs},
    )


@optimization(Stage.ATTENTION, exact=True, evidence=products_saved)
def dead_work(extractor: Extractor) -> Extractor:
    """Leave out what no answer depends on in the cross layers, and compute once what is the same for many rows.

    Cheaper: in the first cross layer a text's query, key and value are the same under every prompt, and a prompt's
    with every text. They are computed once, right after the towers. In the last one nobody reads what comes of the
    prompts' tokens, so it is computed for the text's tokens alone: attention's rows, its output projection and the
    feed-forward block. Of six cross layers this is about a tenth for short texts with many prompts, and less for long
    ones. The numbers are those that the whole layers give, so no answer changes.

    Costs: what is kept of an encoded text is four times as wide.
    """
    return extractor.with_ops(replace(extractor.model.ops, projects_ahead=True, last_for_text=True))

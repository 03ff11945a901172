from __future__ import annotations

import pytest
import torch

from harness.baseline.model import ModelConfig, SiameseUIE
from harness.baseline.widen import widen

SMALL = ModelConfig(50, hidden=8, heads=2, feed_forward=16, tower_layers=1, cross_layers=2)
BIG = ModelConfig(60, hidden=24, heads=6, feed_forward=48, tower_layers=3, cross_layers=4)


def small() -> SiameseUIE:
    torch.manual_seed(0)
    model = SiameseUIE(SMALL)
    for name, value in model.named_parameters():
        if not name.endswith(("encoder.layer.0.output.LayerNorm.weight", "encoder.layer.0.output.LayerNorm.bias")):
            torch.nn.init.normal_(value, mean=float("LayerNorm.weight" in name), std=0.3)
    torch.nn.init.ones_(model.get_parameter("crossattention.layer.1.output.LayerNorm.weight"))
    torch.nn.init.zeros_(model.get_parameter("crossattention.layer.1.output.LayerNorm.bias"))
    return model


@torch.inference_mode()
def logits(model: SiameseUIE) -> torch.Tensor:
    ids, prompt = torch.randint(0, 50, (3, 9), generator=torch.Generator().manual_seed(1)), torch.tensor([[3, 4, 5]])
    mask, prompt_mask = torch.ones_like(ids, dtype=torch.bool), torch.ones(3, 3, dtype=torch.bool)
    hidden = model.encode_prompt(prompt.expand(3, -1), prompt_mask, torch.tensor([9, 9, 9]))
    return model.cross(model.encode_text(ids, mask), mask, hidden, prompt_mask)


def test_a_deeper_and_wider_model_computes_the_same() -> None:
    model, big = small(), SiameseUIE(BIG)
    big.load_state_dict(widen(SMALL, model.state_dict(), BIG))
    torch.testing.assert_close(logits(big), logits(model), rtol=0, atol=1e-5)


def test_no_matrix_is_degenerate() -> None:
    weights = widen(SMALL, small().state_dict(), BIG)
    for name, value in weights.items():
        if value.ndim == 2 and not name.endswith("_embeddings.weight"):
            assert len(torch.unique(value)) > 0.99 * value.numel(), name


def test_another_seed_gives_other_weights_of_the_same_function() -> None:
    model, big = small(), SiameseUIE(BIG)
    one, other = (widen(SMALL, model.state_dict(), BIG, seed) for seed in (1, 2))
    assert not torch.equal(one["head_clsf.weight"], other["head_clsf.weight"])
    big.load_state_dict(other)
    torch.testing.assert_close(logits(big), logits(model), rtol=0, atol=1e-5)


def test_sizes_that_are_no_multiple_are_refused() -> None:
    with pytest.raises(ValueError, match="are not a common multiple"):
        widen(SMALL, small().state_dict(), ModelConfig(60, 24, 4, 48, 3, 4))


def test_a_norm_that_would_be_applied_twice_is_refused() -> None:
    weights = small().state_dict()
    weights["crossattention.layer.1.output.LayerNorm.bias"] += 0.1
    with pytest.raises(ValueError, match=r"crossattention.layer.1.output.LayerNorm"):
        widen(SMALL, weights, BIG)

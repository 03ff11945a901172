"""A checkpoint with the shape and the oddities of the published directory, at a tiny width."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Tensor, nn

from harness.baseline.model import ModelConfig, SiameseUIE

TOKENS = 21_128
SIZES = ModelConfig(TOKENS, hidden=8, heads=2, feed_forward=16, tower_layers=6, cross_layers=6)
LINE_SEPARATOR = "\u2028"


def vocabulary() -> list[str]:
    """As many tokens, those that ``str.splitlines`` stumbles over before all Chinese characters."""
    special = ["[PAD]", *(f"[unused{i}]" for i in range(1, 100)), "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<S>", "<T>"]
    ascii_ = [chr(code) for code in range(0x21, 0x7F) if not chr(code).isupper()]
    odd = [*"，。：；！？（）《》、“”", LINE_SEPARATOR, f"##{LINE_SEPARATOR}"]
    chinese = [chr(code) for code in range(0x4E00, 0x9FA6)]
    rest = TOKENS - len(special) - len(ascii_) - len(odd) - len(chinese)
    return [*special, *ascii_, *odd, *chinese, *(f"##{i}" for i in range(rest))]


def weights() -> dict[str, Tensor]:
    """Random ones that find something, with what old transformers saved beside the model's own."""
    torch.manual_seed(1)
    model = SiameseUIE(SIZES)
    for name, module in model.named_modules():  # what a token is decides more than its layers do
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.1 if "layer" in name else 1)
    unused = {
        "plm.embeddings.position_ids": torch.arange(SIZES.positions)[None],
        "plm.pooler.dense.weight": torch.randn(SIZES.hidden, SIZES.hidden),
        "plm.pooler.dense.bias": torch.zeros(SIZES.hidden),
    }
    return {**unused, **model.state_dict()}


def write_published(directory: Path) -> Path:
    """Write the directory, with all that a download leaves beside the model."""
    directory.mkdir()
    (directory / "vocab.txt").write_bytes("".join(f"{token}\n" for token in vocabulary()).encode())
    torch.save(weights(), directory / "pytorch_model.bin")
    config = {
        "architectures": ["SiameseUieModel"],
        "attention_probs_dropout_prob": 0.1,
        "classifier_dropout": None,
        "directionality": "bidi",
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "hidden_size": SIZES.hidden,
        "initializer_range": 0.02,
        "intermediate_size": SIZES.feed_forward,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": SIZES.positions,
        "model_type": "bert",
        "num_attention_heads": SIZES.heads,
        "num_hidden_layers": SIZES.tower_layers + SIZES.cross_layers,
        "pad_token_id": 0,
        "pooler_type": "first_token_transform",
        "position_embedding_type": "absolute",
        "torch_dtype": "float32",
        "transformers_version": "4.21.0",
        "type_vocab_size": SIZES.token_types,
        "use_cache": True,
        "vocab_size": TOKENS,
    }
    (directory / "config.json").write_text(json.dumps(config, indent=2))
    task = {
        "framework": "pytorch",
        "task": "siamese-uie",
        "model": {"type": "bert"},
        "pipeline": {"type": "siamese-uie"},
    }
    (directory / "configuration.json").write_text(json.dumps(task))
    (directory / "README.md").write_text("---\ntasks:\n- siamese-uie\n---\n# SiameseUIE\n", encoding="utf-8")
    (directory / "model.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    (directory / ".msc").write_bytes(b"\x80\x04]\x94.")
    (directory / ".mdl").write_bytes(b"\x80\x04}\x94.")
    (directory / ".mv").write_text("Revision:v1.2,CreatedAt:1690000000")
    (directory / "._____temp").mkdir()
    (directory / "resources").mkdir()
    (directory / "resources" / "config.json").write_text("{}")
    (directory / "gone.json").symlink_to("no/longer/there")
    return directory

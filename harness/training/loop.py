"""Training: one seed, one command, and a state on disk that a later call goes on from."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.baseline.decode import THRESHOLD
from harness.baseline.model import AddAndNorm, Embeddings, Ops, SiameseUIE
from harness.baseline.tokenize import TextTokenizer
from harness.errors import InputError
from harness.training.corpus import Domain
from harness.training.pairs import Batch, Row, collate, row, types

BLOCK = 32  # batches drawn together, so that texts of like length share one
BATCH_TEXTS = 16
BATCH_TOKENS = 1280  # padded text tokens of a batch, at most
SAVED_EVERY = 25  # blocks


@dataclass(frozen=True)
class Recipe:
    """How a model is trained; the same recipe and seed give the same weights on the same machine."""

    blocks: int = 260
    seed: int = 0
    peak_lr: float = 2e-3
    warmup: float = 0.03  # of the blocks
    weight_decay: float = 0.01
    dropout: float = 0.05
    masked: float = 0.04  # of the text's tokens are replaced, so that the context decides
    averaging: float = 0.998  # of the averaged weights are kept at each step
    threads: int = 1  # sums over several threads come out otherwise, and after some steps so does everything


def train(
    model: SiameseUIE,
    domains: list[Domain],
    tokenizer: TextTokenizer,
    recipe: Recipe,
    state: Path,
    on_block: Callable[[int, float], None],
) -> SiameseUIE:
    """Train a model in place, from the state on disk if there is one.

    Args:
        model: with fresh weights of the recipe's seed.
        domains: where the texts come from.
        tokenizer: the model's.
        recipe: how to train.
        state: the file that a later call goes on from; written every 25 blocks.
        on_block: told the number of blocks done and the last block's mean loss.

    Returns:
        A model with the averaged weights.
    """
    names = sorted(set().union(*(types(domain.schema) for domain in domains)))
    torch.manual_seed(recipe.seed)
    student = Student(model, nn.Linear(model.config.hidden, 2 * len(names)))
    optimizer = torch.optim.AdamW(_groups(student, recipe), lr=recipe.peak_lr, fused=True)
    average = {name: value.detach().clone() for name, value in model.state_dict().items()}
    done = _resume(state, student, optimizer, average, recipe)
    on_block(done, math.nan)
    with _reproducible(recipe.threads), _dropout(model, recipe.dropout):
        for block in range(done, recipe.blocks):
            torch.manual_seed(recipe.seed * 1_000_003 + block)
            for group in optimizer.param_groups:
                group["lr"] = recipe.peak_lr * _schedule(block / recipe.blocks, recipe.warmup)
            losses = []
            for batch in block_of_batches(domains, names, tokenizer, random.Random(f"{recipe.seed}/{block}")):
                losses.append(_step(student, optimizer, batch, recipe))
                for name, value in model.state_dict().items():
                    average[name].lerp_(value, 1 - recipe.averaging)
            on_block(block + 1, sum(losses) / len(losses))
            if (block + 1) % SAVED_EVERY == 0 or block + 1 == recipe.blocks:
                _save(state, student, optimizer, average, block + 1, recipe)
    model.load_state_dict(average)
    return model


def block_of_batches(
    domains: list[Domain], names: Sequence[str], tokenizer: TextTokenizer, rng: random.Random
) -> list[Batch]:
    """New random texts, the ones of like length in one batch; the batches in random order."""
    rows: list[Row] = []
    for _ in range(BLOCK * BATCH_TEXTS):
        domain = rng.choice(domains)
        rows.append(row(domain.draw(rng), domain.schema, tokenizer, rng))
    batches = [collate(group, names) for group in _groups_of_like_length(rows)]
    rng.shuffle(batches)
    return batches


class Student(nn.Module):
    """The model, and a linear tagger on its text tower that only training knows.

    The tagger is asked for all types of a text at once, where each prompt asks the model for one: so the tower learns
    from every span of every text.
    """

    def __init__(self, model: SiameseUIE, tagger: nn.Linear) -> None:
        super().__init__()
        self.model = model
        self.tagger = tagger


def circle_loss(logits: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Sun et al.'s circle loss in its multi-label form, with the threshold that decoding uses.

    Args:
        logits: of each token. (…, 2, T)
        target: True where a span begins or ends. bool (…, 2, T)
        mask: False on padding; broadcast to the others. bool (…, 1, T)

    Returns:
        The loss of each row and part. (…, 2)
    """
    over = logits.float() - THRESHOLD
    lowest = torch.finfo(over.dtype).min
    wrong = over.masked_fill(target | ~mask, lowest)
    right = (-over).masked_fill(~target, lowest)
    zero = torch.zeros_like(over[..., :1])
    return torch.cat((wrong, zero), -1).logsumexp(-1) + torch.cat((right, zero), -1).logsumexp(-1)


def fused_attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    """PyTorch's own kernel: training has no answers to keep."""
    return F.scaled_dot_product_attention(query, key, value, attn_mask=mask)


def _step(student: Student, optimizer: torch.optim.Optimizer, batch: Batch, recipe: Recipe) -> float:
    """One step; returns the loss of the prompts, without the tagger's."""
    forward = student.model.with_ops(Ops(attention=fused_attention))
    text_mask, prompt_mask = batch.text != 0, batch.prompt != 0
    with torch.autocast("cpu", dtype=torch.bfloat16):
        text = forward.encode_text(_masked(batch.text, recipe.masked, forward.config.vocabulary), text_mask)
        prompt = forward.encode_prompt(batch.prompt, prompt_mask, batch.start)
        logits = forward.cross(text[batch.of_text], text_mask[batch.of_text], prompt, prompt_mask)
        tags = student.tagger(text).transpose(1, 2).unflatten(1, (-1, 2))  # (texts, types, 2, T)
    loss = circle_loss(logits, batch.target, text_mask[batch.of_text][:, None]).mean()
    of_tagger = circle_loss(tags, batch.tags, text_mask[:, None, None])[batch.tagged].mean()
    optimizer.zero_grad()
    (loss + of_tagger).backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(student.parameters(), 1.0)
    optimizer.step()
    return loss.item()


def _masked(ids: Tensor, share: float, vocabulary: int) -> Tensor:
    """Other token ids in some places, but never for [PAD], [CLS] and [SEP]."""
    first = 5  # the special tokens come before it
    places = (torch.rand(ids.shape) < share) & (ids >= first)
    return torch.where(places, torch.randint(first, vocabulary, ids.shape), ids)


def _groups_of_like_length(rows: list[Row]) -> Iterator[list[Row]]:
    group: list[Row] = []
    for one in sorted(rows, key=lambda one: len(one.ids)):
        if group and (len(group) == BATCH_TEXTS or (len(group) + 1) * len(one.ids) > BATCH_TOKENS):
            yield group
            group = []
        group.append(one)
    yield group


def _schedule(progress: float, warmup: float) -> float:
    """The share of the peak learning rate: up in a line, down in half a cosine."""
    if progress < warmup:
        return (progress + 1e-3) / warmup
    return 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup)))


def _groups(model: Student, recipe: Recipe) -> list[dict[str, Any]]:
    """Weight decay on matrices only."""
    trained = [value for value in model.parameters() if value.requires_grad]
    matrices = [value for value in trained if value.ndim > 1]
    vectors = [value for value in trained if value.ndim == 1]
    return [{"params": matrices, "weight_decay": recipe.weight_decay}, {"params": vectors, "weight_decay": 0.0}]


@contextmanager
def _reproducible(threads: int) -> Iterator[None]:
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(mode=True)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(mode=before[1])


@contextmanager
def _dropout(model: SiameseUIE, share: float) -> Iterator[None]:
    """Dropout where BERT has it; the model itself knows none, because an extractor never trains."""

    def drop(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
        return F.dropout(output, share)

    hooks = [
        (module.dense if isinstance(module, AddAndNorm) else module).register_forward_hook(drop)
        for module in model.modules()
        if isinstance(module, AddAndNorm | Embeddings)
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _save(
    path: Path,
    student: Student,
    optimizer: torch.optim.Optimizer,
    average: dict[str, Tensor],
    done: int,
    recipe: Recipe,
) -> None:
    state = {
        "student": student.state_dict(),
        "optimizer": optimizer.state_dict(),
        "average": average,
        "done": done,
        "recipe": asdict(recipe),
    }
    half = path.with_suffix(".half")
    torch.save(state, half)
    half.replace(path)


def _resume(
    path: Path, student: Student, optimizer: torch.optim.Optimizer, average: dict[str, Tensor], recipe: Recipe
) -> int:
    if not path.is_file():
        return 0
    try:
        state = torch.load(path, weights_only=True)
        same = state["recipe"] == asdict(recipe)
        if same:
            student.load_state_dict(state["student"])
            optimizer.load_state_dict(state["optimizer"])
            average.update(state["average"])
        done, other = int(state["done"]), state["recipe"]
    except Exception:  # torch, pickle and zipfile have errors of their own, whose advice is to trust the file
        raise InputError(
            f"{path} is not an interrupted training, or is damaged; delete it, and the training begins anew"
        ) from None
    if not same:
        raise InputError(
            f"{path} holds a training with another recipe ({other}); delete it, or choose another directory"
        )
    return done

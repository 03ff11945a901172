"""Passes rows of token ids through the model's three forward callables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, takewhile
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from harness.baseline.batch import Batch, Chunk, Numbers, chosen
from harness.baseline.decode import THRESHOLD, Scores
from harness.baseline.kept import Kept
from harness.baseline.model import SiameseUIE
from harness.baseline.precision import Precision
from harness.baseline.slots import Ask, Batching, Document, MicroBatches, Padding, Prompted, Row
from harness.baseline.windows import merge


@dataclass(frozen=True)
class Forwards:
    """The slot ``forwards``: the model's three callables, eager unless an optimization replaced them.

    ``encode_text(ids, mask) -> hidden``, ``encode_prompt(ids, mask, starts) -> hidden`` and ``cross(text, text_mask,
    prompt, prompt_mask) -> logits``; shapes as in :class:`harness.baseline.model.SiameseUIE`.
    """

    encode_text: Callable[[Tensor, Tensor], Tensor]
    encode_prompt: Callable[[Tensor, Tensor, Tensor], Tensor]
    cross: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
    # The model that they belong to; None until an extractor takes them.
    model: SiameseUIE | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, model: SiameseUIE) -> Forwards:
        """The model's own, eager."""
        return cls(model.encode_text, model.encode_prompt, model.cross, model)

    def by_name(self) -> dict[str, Callable[..., Tensor]]:
        """The three callables."""
        return {"encode_text": self.encode_text, "encode_prompt": self.encode_prompt, "cross": self.cross}

    def constants(self) -> Iterator[Tensor]:
        """The tensors that forwards in TorchScript hold, mainly frozen weights; one may be repeated."""
        for forward in self.by_name().values():
            graph: Any = getattr(forward, "graph", None)
            for node in graph.findAllNodes("prim::Constant") if hasattr(graph, "findAllNodes") else ():
                if node.hasAttribute("value") and node.kindOf("value") == "t":
                    yield node.t("value")


@dataclass(frozen=True, eq=False)
class EncodedTexts:
    """The text tower's output for all windows of some documents, one document after another."""

    hidden: Tensor  # (windows, tokens, hidden)
    mask: Tensor  # bool (windows, tokens)
    documents: Sequence[Document]

    @property
    def nbytes(self) -> int:
        """Bytes on the device."""
        return self.hidden.nbytes + self.mask.nbytes

    def of(self, document: Document) -> EncodedTexts:
        """One document's windows; a copy if there are other documents."""
        if len(self.documents) == 1:
            return self
        begin = sum(len(one.windows) for one in takewhile(lambda one: one is not document, self.documents))
        rows = slice(begin, begin + len(document.windows))
        return EncodedTexts(self.hidden[rows].clone(), self.mask[rows].clone(), [document])

    @staticmethod
    def together(parts: Sequence[EncodedTexts]) -> EncodedTexts:
        """Several joined into one, padded to the longest."""
        if len(parts) == 1:
            return parts[0]
        longest = max(part.mask.shape[1] for part in parts)
        missing = [longest - part.mask.shape[1] for part in parts]
        return EncodedTexts(
            torch.cat([F.pad(part.hidden, (0, 0, 0, more)) for part, more in zip(parts, missing, strict=True)]),
            torch.cat([F.pad(part.mask, (0, more)) for part, more in zip(parts, missing, strict=True)]),
            [document for part in parts for document in part.documents],
        )


@dataclass(frozen=True, eq=False)
class Picked:
    """Rows of a tower's output. They are gathered per micro-batch, so that few copies exist at a time."""

    hidden: Tensor
    mask: Tensor
    index: Tensor | None  # None if no gathering is needed

    def __getitem__(self, rows: slice) -> Picked:
        """Some of them."""
        if self.index is None:
            return Picked(self.hidden[rows], self.mask[rows], None)
        return replace(self, index=self.index[rows])

    def gathered(self) -> tuple[Tensor, Tensor]:
        """The hidden states and the mask."""
        return (self.hidden, self.mask) if self.index is None else (self.hidden[self.index], self.mask[self.index])


@dataclass(frozen=True)
class Scorer:
    """Scores asks: the part of an extractor that runs on the device.

    The inputs of a unit of asks go to the device in one copy before anything is computed. The results come back in one
    copy, which is all that the host waits for.
    """

    forwards: Forwards
    padding: Padding
    batching: Batching
    micro_batches: MicroBatches
    precision: Precision
    shared: bool
    device: torch.device
    texts: Kept[Document, EncodedTexts] | None  # the text tower's outputs so far; None if they are not kept
    prompts_once: bool  # whether equal prompts on the same text are scored once per level

    @torch.inference_mode()
    def score(self, nodes: Sequence[Sequence[Ask]], *, answers_only: bool = False) -> dict[Ask, Scores]:
        """Head and tail logits of every ask of a level over its document's tokens: (2, tokens) each.

        Args:
            nodes: the asks of each schema node.
            answers_only: whether it is enough to know which logits are over the threshold.
        """
        if not self.prompts_once:
            return self._score(nodes, answers_only)
        first: dict[Prompted, Ask] = {}
        for ask in (ask for node in nodes for ask in node):
            first.setdefault(ask.prompted, ask)
        different = [new for node in nodes if (new := [ask for ask in node if first[ask.prompted] is ask])]
        scored = self._score(different, answers_only)
        return {ask: scored[first[ask.prompted]] for node in nodes for ask in node}

    def _score(self, nodes: Sequence[Sequence[Ask]], answers_only: bool) -> dict[Ask, Scores]:
        scores: dict[Ask, Scores] = {}
        for unit in self.batching.units(nodes):
            windows = self._score_unit(unit, answers_only)
            for ask in unit:
                parts = [windows[ask, window] for window in range(len(ask.document.windows))]
                scores[ask] = merge(ask.document.windows, parts)
        return scores

    def _score_unit(self, unit: Sequence[Ask], answers_only: bool) -> dict[tuple[Ask, int], Scores]:
        """As :meth:`score`, by window, for asks whose texts are encoded together."""
        documents = list(dict.fromkeys(ask.document for ask in unit))
        asked = {} if self.texts is None else {one: self.texts.get(one) for one in documents}
        kept = {one: found for one, found in asked.items() if found is not None}
        new = [one for one in documents if one not in kept]
        texts = self._batch(new) if new else None
        place = {key: i for i, key in enumerate((one, j) for one in documents for j in range(len(one.windows)))}
        rows = [Row(ask, window) for ask in unit for window in range(len(ask.document.windows))]
        chunks = [self._chunk(chunk, place) for chunk in self.batching.chunks(rows)]
        batches = [*([] if texts is None else [texts]), *(chunk.prompts for chunk in chunks)]
        numbers = [np.arange(max(one.ids.shape[1] for one in batches))]
        numbers += [] if texts is None else [texts.ids, texts.lengths]
        numbers += [one for chunk in chunks for one in chunk.numbers]
        with self.precision.block(self.device):
            steps, *rest = self.to_device(numbers)
            sent = iter(rest)
            if texts is None:
                encoded = EncodedTexts.together(list(kept.values()))
            else:
                encoded = self._with_kept(documents, kept, self._encode(new, texts, sent, steps))
        with self.precision.block(self.device):
            logits = [self._score_rows(chunk, encoded, sent, steps) for chunk in chunks]
        # If windows overlap, their mean is compared with the threshold, so the logits are needed.
        in_one_window = all(len(one.windows) == 1 for one in documents)
        scored = self.to_host(logits, answers_only=answers_only and in_one_window)
        return {
            (row.ask, row.window): values
            for chunk, found in zip(chunks, scored, strict=True)
            for row, values in zip(chunk.rows, found, strict=True)
        }

    def _with_kept(
        self, documents: Sequence[Document], kept: dict[Document, EncodedTexts], encoded: EncodedTexts
    ) -> EncodedTexts:
        """New and kept encodings in the documents' order; the new ones are kept too."""
        if self.texts is None:
            return encoded
        parts = {one: kept[one] if one in kept else encoded.of(one) for one in documents}
        for one in encoded.documents:
            self.texts.put(one, parts[one])
        return EncodedTexts.together(list(parts.values())) if kept else encoded

    def _batch(self, documents: Sequence[Document]) -> Batch:
        """All windows of the documents, padded to the same length."""
        windows = [window.ids for document in documents for window in document.windows]
        characters = max(len(document.text) for document in documents)
        return Batch.of(windows, self.padding.text(max(map(len, windows)), characters))

    def _chunk(self, rows: Sequence[Row], place: dict[tuple[Document, int], int]) -> Chunk:
        """Rows with their prompts; ``place`` is each window's row in the encoded texts."""
        # Two rows share an encoded prompt only if its position ids are the same too.
        keys = [(row.ask.prompt, row.ask.document.prompt_start) for row in rows]
        asked = list(dict.fromkeys(keys)) if self.shared else keys
        prompts = Batch.of([one for one, _ in asked], self.padding.prompt(max(len(one) for one, _ in asked)))
        starts = np.array([start for _, start in asked])
        of_text = [place[row.ask.document, row.window] for row in rows]
        if not self.shared:
            return Chunk(rows, prompts, starts, np.array(of_text), None)
        number = {key: i for i, key in enumerate(asked)}
        of_prompt = [number[key] for key in keys]
        return Chunk(rows, prompts, starts, chosen(of_text, len(place)), chosen(of_prompt, len(asked)))

    def to_device(self, numbers: Sequence[Numbers]) -> list[Tensor]:
        """Integer arrays, in one copy that the host does not wait for."""
        if self.device.type == "cpu":
            return [torch.from_numpy(one) for one in numbers]
        sizes = [one.size for one in numbers]
        packed = torch.empty(sum(sizes), dtype=torch.int64, pin_memory=True)
        np.concatenate([one.ravel() for one in numbers], out=packed.numpy())
        sent = torch.split(packed.to(self.device, non_blocking=True), sizes)
        return [one.view(*array.shape) for one, array in zip(sent, numbers, strict=True)]

    def to_host(self, logits: Sequence[Tensor], *, answers_only: bool) -> list[Scores]:
        """Copy the logits to the host at once; waits for the device.

        With ``answers_only``, whether each is over the threshold instead, unless one of them is not finite. On a CPU
        the logits are returned without a copy.
        """
        if self.device.type == "cpu":
            return [one.float().numpy() for one in logits]
        parts = [one.float().flatten() for one in logits]
        flat = parts[0] if len(parts) == 1 else torch.cat(parts)
        found = _over_the_threshold(flat) if answers_only else None
        every: Scores = flat.cpu().numpy() if found is None else found
        ends = np.cumsum([one.numel() for one in logits])
        return [part.reshape(one.shape) for part, one in zip(np.split(every, ends[:-1]), logits, strict=True)]

    def _encode(
        self, documents: Sequence[Document], texts: Batch, sent: Iterator[Tensor], steps: Tensor
    ) -> EncodedTexts:
        """Run the text tower over all windows of the documents."""
        ids, lengths = next(sent), next(sent)
        mask = _mask(lengths, steps[: ids.shape[1]])
        given = ids, self._needed(self.forwards.encode_text, mask, padded=texts.padded)
        return EncodedTexts(self._forward(self.forwards.encode_text, ids.shape, *given), mask, documents)

    def _score_rows(self, chunk: Chunk, texts: EncodedTexts, sent: Iterator[Tensor], steps: Tensor) -> Tensor:
        """Head and tail logits of the rows: (rows, 2, text tokens padded for the longest of these rows)."""
        ids, lengths, starts = next(sent), next(sent), next(sent)
        of_text, of_prompt = (None if one is None else next(sent) for one in (chunk.of_text, chunk.of_prompt))
        mask = _mask(lengths, steps[: ids.shape[1]])
        given = ids, self._needed(self.forwards.encode_prompt, mask, padded=chunk.prompts.padded), starts
        hidden = self._forward(self.forwards.encode_prompt, ids.shape, *given)
        # The texts may have been encoded together with a longer one that is not among these rows.
        tokens = [len(row.ask.document.windows[row.window].ids) for row in chunk.rows]
        characters = max(len(row.ask.document.text) for row in chunk.rows)
        length = min(self.padding.text(max(tokens), characters), texts.mask.shape[1])
        padded = chunk.prompts.padded or min(tokens) < length
        count = len(chunk.rows)
        text = _picked(texts.hidden[:, :length], texts.mask[:, :length], of_text, count)
        prompt = _picked(hidden, mask, of_prompt, count)

        def cross(text: Picked, prompt: Picked) -> Tensor:
            given: list[Any] = []
            for hidden, mask in (text.gathered(), prompt.gathered()):
                given += [hidden, self._needed(self.forwards.cross, mask, padded=padded)]
            return self.forwards.cross(*given)

        if not self.shared:
            text = Picked(*text.gathered(), None)  # each row has its own copy
        return self._forward(cross, (count, length + ids.shape[1]), text, prompt)

    @staticmethod
    def _needed(forward: Callable[..., Tensor], mask: Tensor, *, padded: bool) -> Tensor | None:
        """The mask; None if nothing is padded and the forward is that of a model that then needs no mask."""
        model = getattr(forward, "__self__", None)
        spared = isinstance(model, SiameseUIE) and model.ops.masks_padding_alone and not padded
        return None if spared else mask

    def _forward(self, forward: Callable[..., Tensor], shape: Sequence[int], *inputs: Any) -> Tensor:
        """One forward, or one per micro-batch with the rows joined again. shape: (rows, tokens)."""
        sizes = self.micro_batches.sizes(*shape)
        if len(sizes) == 1:
            return forward(*inputs)
        parts = [slice(end - size, end) for size, end in zip(sizes, accumulate(sizes), strict=True)]
        return torch.cat([forward(*(one if one is None else one[part] for one in inputs)) for part in parts])


def _mask(lengths: Tensor, steps: Tensor) -> Tensor:
    """True on tokens. lengths: (rows), steps: 0, 1, 2, … (tokens) -> bool (rows, tokens)."""
    return steps < lengths[:, None]


def _picked(hidden: Tensor, mask: Tensor, index: Tensor | None, rows: int) -> Picked:
    """This many rows; without an index, all rows in order, or the only row repeated."""
    if index is None:
        hidden, mask = hidden.expand(rows, -1, -1), mask.expand(rows, -1)
    return Picked(hidden, mask, index)


def _over_the_threshold(logits: Tensor) -> NDArray[np.bool_] | None:
    """Whether each logit is over the threshold, in a quarter of the bytes; None if one is not finite. (n)."""
    total = logits.sum(dim=0, keepdim=True)  # not finite if one of them is not
    packed = torch.cat(((logits > THRESHOLD).view(torch.uint8), total.view(torch.uint8))).cpu().numpy()
    over, last = np.split(packed, [len(logits)])
    return over.view(np.bool_) if np.isfinite(last.view(np.float32)).all() else None

"""Rows of token ids through the model's three forward callables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

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
    # Whose they are; None until an extractor takes them.
    model: SiameseUIE | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, model: SiameseUIE) -> Forwards:
        """The model's own, eager."""
        return cls(model.encode_text, model.encode_prompt, model.cross, model)

    def by_name(self) -> dict[str, Callable[..., Tensor]]:
        """The three callables."""
        return {"encode_text": self.encode_text, "encode_prompt": self.encode_prompt, "cross": self.cross}

    def constants(self) -> Iterator[Tensor]:
        """The tensors that forwards in TorchScript hold, frozen weights above all; one may come several times."""
        for forward in self.by_name().values():
            graph: Any = getattr(forward, "graph", None)
            for node in graph.findAllNodes("prim::Constant") if hasattr(graph, "findAllNodes") else ():
                if node.hasAttribute("value") and node.kindOf("value") == "t":
                    yield node.t("value")


@dataclass(frozen=True, eq=False)
class EncodedTexts:
    """The text tower's output for several windows, and which row each window has."""

    hidden: Tensor  # (windows, tokens, hidden)
    mask: Tensor  # bool (windows, tokens)
    row: dict[tuple[Document, int], int]

    @property
    def nbytes(self) -> int:
        """Bytes on the device."""
        return self.hidden.nbytes + self.mask.nbytes

    def of(self, document: Document) -> EncodedTexts:
        """One document's windows, which lie together; a copy where there are others."""
        places = [place for place in self.row if place[0] is document]
        if len(places) == len(self.row):
            return self
        rows = slice(self.row[places[0]], self.row[places[-1]] + 1)
        return EncodedTexts(self.hidden[rows].clone(), self.mask[rows].clone(), {place: place[1] for place in places})

    @staticmethod
    def together(parts: Sequence[EncodedTexts]) -> EncodedTexts:
        """Several as one, padded to the longest of them."""
        if len(parts) == 1:
            return parts[0]
        longest = max(part.mask.shape[1] for part in parts)
        missing = [longest - part.mask.shape[1] for part in parts]
        places = (place for part in parts for place in part.row)
        return EncodedTexts(
            torch.cat([F.pad(part.hidden, (0, 0, 0, more)) for part, more in zip(parts, missing, strict=True)]),
            torch.cat([F.pad(part.mask, (0, more)) for part, more in zip(parts, missing, strict=True)]),
            {place: i for i, place in enumerate(places)},
        )


@dataclass(frozen=True)
class Scorer:
    """Scores asks: what of an extractor runs on the device."""

    forwards: Forwards
    padding: Padding
    batching: Batching
    micro_batches: MicroBatches
    precision: Precision
    shared: bool
    device: torch.device
    texts: Kept[Document, EncodedTexts] | None  # what the text tower gave so far; None where nothing is kept
    prompts_once: bool  # whether a level's prompts that are the same to the same text are scored once

    @torch.inference_mode()
    def score(self, nodes: Sequence[Sequence[Ask]]) -> dict[Ask, NDArray[np.float32]]:
        """Head and tail logits of every ask of a level, over its document's tokens. (2, tokens) each."""
        if not self.prompts_once:
            return self._score(nodes)
        first: dict[Prompted, Ask] = {}
        for ask in (ask for node in nodes for ask in node):
            first.setdefault(ask.prompted, ask)
        scored = self._score([new for node in nodes if (new := [ask for ask in node if first[ask.prompted] is ask])])
        return {ask: scored[first[ask.prompted]] for node in nodes for ask in node}

    def _score(self, nodes: Sequence[Sequence[Ask]]) -> dict[Ask, NDArray[np.float32]]:
        logits: dict[Ask, NDArray[np.float32]] = {}
        for unit in self.batching.units(nodes):
            with self.precision.block(self.device):
                texts = self.encode_texts(dict.fromkeys(ask.document for ask in unit))
            windows: dict[tuple[Ask, int], NDArray[np.float32]] = {}
            rows = [Row(ask, window) for ask in unit for window in range(len(ask.document.windows))]
            with self.precision.block(self.device):
                for chunk in self.batching.chunks(rows):
                    scored = self._score_rows(chunk, texts)
                    windows.update({(row.ask, row.window): values for row, values in zip(chunk, scored, strict=True)})
            for ask in unit:
                parts = [windows[ask, window] for window in range(len(ask.document.windows))]
                logits[ask] = merge(ask.document.windows, parts)
        return logits

    def encode_texts(self, documents: Iterable[Document]) -> EncodedTexts:
        """The text tower's output for all windows of the documents; those that were kept are not encoded again."""
        if self.texts is None:
            return self._encode(documents)
        found = {document: self.texts.get(document) for document in documents}
        if new := [document for document, kept in found.items() if kept is None]:
            encoded = self._encode(new)
            for document in new:
                found[document] = part = encoded.of(document)
                self.texts.put(document, part)
            if len(new) == len(found):
                return encoded
        return EncodedTexts.together([part for part in found.values() if part is not None])

    def _encode(self, documents: Iterable[Document]) -> EncodedTexts:
        """Run the text tower over all windows of the documents, padded alike."""
        places = [(document, j) for document in documents for j in range(len(document.windows))]
        batch = [document.windows[j].ids for document, j in places]
        characters = max(len(document.text) for document, _ in places)
        ids, mask = self.to_device(batch, self.padding.text(max(map(len, batch)), characters))
        hidden = self._forward(self.forwards.encode_text, ids.shape[1], ids, mask)
        return EncodedTexts(hidden, mask, {place: i for i, place in enumerate(places)})

    def to_host(self, logits: Tensor) -> NDArray[np.float32]:
        """The same numbers; waits for the device."""
        found: NDArray[np.float32] = logits.float().cpu().numpy()
        return found

    def to_device(self, rows: Sequence[tuple[int, ...]], length: int) -> tuple[Tensor, Tensor]:
        """Token ids padded with 0, and the mask that is True on tokens; both are (rows, length)."""
        ids = np.zeros((len(rows), length), dtype=np.int64)
        mask = np.zeros((len(rows), length), dtype=np.bool_)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = row
            mask[i, : len(row)] = True
        return torch.from_numpy(ids).to(self.device), torch.from_numpy(mask).to(self.device)

    def _score_rows(self, rows: Sequence[Row], texts: EncodedTexts) -> NDArray[np.float32]:
        """Head and tail logits of the rows: (rows, 2, text tokens as padded for the longest of them)."""
        # Two rows share an encoded prompt only where its position ids are the same too.
        keys = [(row.ask.prompt, row.ask.document.prompt_start) for row in rows]
        asked = list(dict.fromkeys(keys)) if self.shared else keys
        prompts = [prompt for prompt, _ in asked]
        ids, mask = self.to_device(prompts, self.padding.prompt(max(map(len, prompts))))
        starts = self._index([start for _, start in asked])
        hidden = self._forward(self.forwards.encode_prompt, ids.shape[1], ids, mask, starts)
        of_text = self._index([texts.row[row.ask.document, row.window] for row in rows])
        # The texts were encoded with others, of which a longer one may not be among these rows.
        longest = max(len(row.ask.document.windows[row.window].ids) for row in rows)
        characters = max(len(row.ask.document.text) for row in rows)
        length = min(self.padding.text(longest, characters), texts.mask.shape[1])
        tokens = length + mask.shape[1]
        if not self.shared:
            copies = texts.hidden[of_text, :length], texts.mask[of_text, :length], hidden, mask
            return self.to_host(self._forward(self.forwards.cross, tokens, *copies))
        place = {key: i for i, key in enumerate(asked)}
        of_prompt = self._index([place[key] for key in keys])

        def cross(of_text: Tensor, of_prompt: Tensor) -> Tensor:
            # Gathered per micro-batch, so that a text's hidden states are repeated for few rows at a time.
            text = texts.hidden[of_text, :length], texts.mask[of_text, :length]
            return self.forwards.cross(*text, hidden[of_prompt], mask[of_prompt])

        return self.to_host(self._forward(cross, tokens, of_text, of_prompt))

    def _forward(self, forward: Callable[..., Tensor], tokens: int, *inputs: Tensor) -> Tensor:
        """One forward, or as many as the slot wants, their rows put together again."""
        sizes = self.micro_batches.sizes(len(inputs[0]), tokens)
        if len(sizes) == 1:
            return forward(*inputs)
        return torch.cat([forward(*parts) for parts in zip(*(torch.split(one, sizes) for one in inputs), strict=True)])

    def _index(self, values: list[int]) -> Tensor:
        return torch.tensor(values, device=self.device)

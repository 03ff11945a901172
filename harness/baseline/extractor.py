"""The extractor: a text and a schema in, chains of spans out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from harness.baseline.finite import not_finite
from harness.baseline.flow import Node, Observe, Request, answer, chains, document, marks, prompt
from harness.baseline.forward import Forwards, Scorer
from harness.baseline.kept import NO_REUSE, Kept, Reuse
from harness.baseline.model import Ops, SiameseUIE
from harness.baseline.precision import FULL, Precision
from harness.baseline.schema import check_list, check_schema, check_text
from harness.baseline.screening import Rounding, Screen, ScreeningScorer
from harness.baseline.slots import WHOLE_BATCH, Ask, Batching, MicroBatches, Padding
from harness.baseline.tokenize import TextTokenizer
from harness.errors import InputError, NonFiniteError
from harness.record import Chains, Mark


@dataclass(frozen=True)
class Observed:
    """An answer, and the logits behind it."""

    chains: Chains
    marks: list[Mark]  # every logit within 1e-4 of the threshold; rounding alone may decide these
    logits: dict[str, NDArray[np.float32]]  # by prompt, head and tail over the text's tokens: (2, tokens)


@dataclass(frozen=True)
class Extractor:
    """A model with the slots that optimizations change; the flow from text to spans is always the same.

    An extractor holds no state of a request, so threads may share one.
    """

    model: SiameseUIE
    tokenizer: TextTokenizer
    forwards: Forwards
    padding: Padding
    batching: Batching
    device: torch.device
    micro_batches: MicroBatches = WHOLE_BATCH
    precision: Precision = FULL
    shared: bool = True  # whether rows of a forward share texts and prompts; if not, each has a copy
    reuse: Reuse = NO_REUSE
    screen: Screen | None = None

    def __post_init__(self) -> None:
        """Tie the forwards to one model: that of the first extractor that has them.

        Raises:
            InputError: the model was replaced and the forwards were not.
        """
        if self.forwards.model is None:
            object.__setattr__(self, "forwards", replace(self.forwards, model=self.model))
        elif self.forwards.model is not self.model:
            raise InputError(
                "the extractor's forwards still compute another model than its own, so the new one would change "
                "nothing; instead of replace(extractor, model=model), write extractor.with_model(model)"
            )

    @staticmethod
    def load(checkpoint: Path | str, *, device: str = "cpu", start: str = "plain") -> Extractor:
        """Load an extractor from a ModelScope checkpoint directory.

        Args:
            checkpoint: a directory with config.json, vocab.txt and the weights.
            device: ``cpu``, ``cuda`` or ``cuda:N``.
            start: ``plain`` (no unnecessary padding), ``baseline`` (padded to the model's full length) or
                ``stock`` (as the reference's pipeline). All give the same answers, except that stock may differ on
                CUDA, where it computes in half precision as the reference does.

        Raises:
            CheckpointError: the directory is not a complete SiameseUIE; no weight is ever left random.
            PlatformError: the device does not exist.
        """
        from harness.baseline.loading import plain_plan

        return plain_plan(checkpoint, device=device, start=start).load()

    def extract(self, text: str, schema: Any, output_all_prefix: bool = False) -> Chains:
        """Extract the spans that a schema asks for from one text.

        Args:
            text: any string; an empty one gives no spans.
            schema: a nested dict of types whose leaves are None, or the JSON text of one.
            output_all_prefix: also return the chains that end at inner nodes.

        Returns:
            One chain per leaf found, depth-first; a chain is a list of ``{"type", "span", "offset": [start, end]}``
            with offsets in code points, end exclusive.

        Raises:
            InputError: the text or the schema cannot be used.
            NonFiniteError: a logit is not finite; the message names the first layer whose output is not.
        """
        return self.extract_batch([text], [schema], output_all_prefix)[0]

    def extract_batch(
        self,
        texts: Sequence[str],
        schemas: Sequence[Any],
        output_all_prefix: bool = False,
    ) -> list[Chains]:
        """Extract from several texts, each with its own schema; as :meth:`extract`, one answer per text."""
        asked, wanted = check_list(texts, "texts"), check_list(schemas, "schemas")
        if len(asked) != len(wanted):
            raise InputError(
                f"extract_batch takes a schema for each text; got {len(asked)} texts, {len(wanted)} schemas"
            )
        return self._answer(asked, wanted, inner=output_all_prefix, observe=None)

    def extract_observed(self, text: str, schema: Any) -> Observed:
        """As :meth:`extract`, with the logits behind the answer.

        Raises:
            NonFiniteError: as :meth:`extract`.
        """
        marked: list[Mark] = []
        logits: dict[str, NDArray[np.float32]] = {}

        def observe(node: Node, key: str, head: NDArray[np.float32], tail: NDArray[np.float32]) -> None:
            logits[prompt(node.path, key)] = np.stack((head, tail))
            marked.extend(marks(node, key, head, tail))

        return Observed(self._answer([text], [schema], inner=False, observe=observe)[0], marked, logits)

    def logits(self, text: str, prompts: Sequence[str]) -> NDArray[np.float32]:
        """Head and tail logits of each prompt over the text's tokens: (prompts, 2, tokens).

        Raises:
            InputError: the text or a prompt cannot be used, or there is no prompt.
        """
        asked = document(check_text(text), self.tokenizer)
        asks = [Ask(asked, self.tokenizer.prompt(check_text(one, "prompt"))) for one in check_list(prompts, "prompts")]
        if not asks:
            raise InputError("logits takes at least one prompt, like '产品名称: '")
        scores = self.scorer().score([asks])
        return np.stack([scores[ask] for ask in asks])

    def with_model(self, model: SiameseUIE) -> Extractor:
        """The same extractor with another model; its forwards are that model's own, eager."""
        return replace(self, model=model, forwards=Forwards.of(model))

    def with_ops(self, ops: Ops) -> Extractor:
        """The same extractor with its layers computed by other operators; its forwards are eager again."""
        return self.with_model(self.model.with_ops(ops))

    def rounded(self) -> Extractor:
        """An extractor that uses the screening model alone; this one if nothing screens."""
        if self.screen is None:
            return self
        return replace(self, screen=None).with_model(self.screen.model.with_ops(self.model.ops))

    def roundings(self, text: str, schema: Any) -> list[Rounding]:
        """How the screening model rounds the logits of each prompt that the exact model is asked about a text."""
        exact = replace(self, screen=None).extract_observed(text, schema).logits
        return [
            Rounding.of(*both) for both in zip(exact.values(), self.rounded().logits(text, list(exact)), strict=True)
        ]

    def scorer(self) -> Scorer | ScreeningScorer:
        """The part that runs on the device, made for one call; the encoded texts that it keeps are freed with it."""
        if self.screen is None:
            return self._scorer()
        return ScreeningScorer(self.screen, self.rounded()._scorer(), self._scorer())

    def _scorer(self) -> Scorer:
        limit = self.reuse.encoded_texts
        return Scorer(
            self.forwards,
            self.padding,
            self.batching,
            self.micro_batches,
            self.precision,
            self.shared,
            self.device,
            None if limit is None else Kept(limit, lambda encoded: encoded.nbytes),
            self.reuse.prompts_once,
        )

    def _answer(
        self, texts: Sequence[str], schemas: Sequence[Any], *, inner: bool, observe: Observe | None
    ) -> list[Chains]:
        def not_a_number(node: Node, key: str) -> NonFiniteError:
            eager = replace(self, screen=None, forwards=Forwards.of(self.model))
            return not_finite(self.model, eager.logits, node.document.text, prompt(node.path, key))

        requests = [
            Request(check_text(text), check_schema(schema)) for text, schema in zip(texts, schemas, strict=True)
        ]
        return [
            list(chains(root, inner=inner))
            for group in self.batching.requests(requests)
            for root in answer(group, self.tokenizer, self.scorer(), observe, not_a_number)
        ]

"""What a request's work is, counted where it is done."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from harness.work import PassWork, Work

if TYPE_CHECKING:
    from torch import Tensor

    from harness.baseline.extractor import Extractor


class Counter:
    """An extractor that answers as it did, and counts the work of its forwards."""

    def __init__(self, extractor: Extractor) -> None:
        from harness.baseline.forward import Forwards

        self._model, self._true, self._executed = extractor.model, Work(0, 0), Work(0, 0)
        self._half = extractor.precision.half_dtype(extractor.device)
        own = extractor.forwards

        def encode_text(ids: Tensor, mask: Tensor) -> Tensor:
            self._tower(mask)
            return own.encode_text(ids, mask)

        def encode_prompt(ids: Tensor, mask: Tensor, starts: Tensor) -> Tensor:
            self._tower(mask)
            return own.encode_prompt(ids, mask, starts)

        def cross(text: Tensor, text_mask: Tensor, prompt: Tensor, prompt_mask: Tensor) -> Tensor:
            self._cross(text_mask, prompt_mask)
            return own.cross(text, text_mask, prompt, prompt_mask)

        self.extractor = replace(extractor, forwards=Forwards(encode_text, encode_prompt, cross))

    @property
    def work(self) -> PassWork:
        """Of all requests so far."""
        from harness.baseline.work import product_dtype

        dtype = product_dtype(self._model) if self._half is None else str(self._half).removeprefix("torch.")
        return PassWork(self._true, self._executed, dtype)

    def _tower(self, mask: Tensor) -> None:
        from harness.baseline.work import tower_work

        self._true += tower_work(self._model, _tokens(mask))
        self._executed += tower_work(self._model, _padded(mask))

    def _cross(self, text: Tensor, prompt: Tensor) -> None:
        from harness.baseline.work import cross_work

        self._true += cross_work(self._model, _tokens(text), _tokens(prompt))
        self._executed += cross_work(self._model, _padded(text), _padded(prompt))


def _tokens(mask: Tensor) -> list[int]:
    counts: list[int] = mask.sum(dim=1).tolist()
    return counts


def _padded(mask: Tensor) -> list[int]:
    return [mask.shape[1]] * mask.shape[0]

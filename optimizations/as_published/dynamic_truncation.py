"""The guide's dynamic truncation: pad and cut at twice the characters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.plugin import Evidence, Probe, Stage, optimization

if TYPE_CHECKING:
    from harness.baseline.tokenize import TextTokenizer, TokenizedText
    from harness.plugin import Extractor

# Source: the guide's formula, in tokens.
_SHORTEST = 128
_LONGEST = 512
_PER_CHARACTER = 2


def max_length(characters: int) -> int:
    """The guide's token length for a text of this many characters, at most what the prompt leaves of the 512."""
    from harness.baseline.windows import TEXT_TOKENS

    return min(TEXT_TOKENS, _LONGEST, max(_SHORTEST, _PER_CHARACTER * characters))


@dataclass(frozen=True)
class Cutting:
    """The slot ``tokenizer``: texts are cut at the guide's length, [SEP] kept as the last token."""

    whole: TextTokenizer

    def text(self, text: str) -> TokenizedText:
        """Tokenize a text and drop what is over its length."""
        from harness.baseline.tokenize import TokenizedText

        tokens, length = self.whole.text(text), max_length(len(text))
        if len(tokens.ids) <= length:
            return tokens
        kept = [*range(length - 1), len(tokens.ids) - 1]
        return TokenizedText(tuple(tokens.ids[place] for place in kept), tokens.offsets[kept])

    def tokens_cut(self, text: str) -> int:
        """How many tokens of a text are dropped."""
        return len(self.whole.text(text).ids) - len(self.text(text).ids)

    def prompt(self, prompt: str) -> tuple[int, ...]:
        """Tokenize a prompt as the baseline does."""
        return self.whole.prompt(prompt)


@dataclass(frozen=True)
class PadToTwiceTheCharacters:
    """The slot ``padding``: the guide's length for texts, the baseline's for prompts."""

    def text(self, longest: int, characters: int, /) -> int:
        """Twice the characters of the longest text, within the guide's bounds."""
        return max(longest, max_length(characters))

    def prompt(self, longest: int) -> int:
        """128, whatever the prompts."""
        from harness.baseline.windows import PROMPT_TOKENS

        return max(longest, PROMPT_TOKENS)


def cut_and_padded(probe: Probe) -> Evidence:
    """Count the tokens that the text tower was given, those of them that are padding, and those that were cut."""
    from harness.baseline.windows import TEXT_TOKENS

    shapes = [shape for shape in probe.shapes() if shape.forward == "encode_text"]
    executed = sum(shape.rows * shape.length for shape in shapes)
    padding = executed - sum(shape.tokens for shape in shapes)
    tokenizer = probe.extractor.tokenizer
    cut = sum(tokenizer.tokens_cut(text) for text in probe.texts) if isinstance(tokenizer, Cutting) else 0
    full = TEXT_TOKENS * sum(shape.rows for shape in shapes)
    return Evidence(
        optimization="dynamic_truncation_as_published",
        active=isinstance(tokenizer, Cutting) and isinstance(probe.extractor.padding, PadToTwiceTheCharacters),
        summary=f"{executed} text tokens instead of {full}, {padding} of them padding; {cut} tokens cut off",
        figures={"text_tokens": executed, "text_tokens_fully_padded": full, "padding": padding, "tokens_cut": cut},
    )


@optimization(Stage.INPUT, exact=False, evidence=cut_and_padded, conflicts=["dynamic_truncation"])
def dynamic_truncation_as_published(extractor: Extractor) -> Extractor:
    """Pad and cut a text at ``min(512, max(128, 2 * characters))`` tokens.

    Cheaper: texts under 192 characters, whose padding to 384 tokens is shortened; a Chinese character is about one
    token, so half of what remains is padding still. A text over 384 tokens is cut there, since text and prompt share
    the model's 512, and the answers in its end are lost: there are no windows. Prompts stay padded to 128.
    Source: step 3 of the guide, as published.
    """
    return replace(extractor, tokenizer=Cutting(extractor.tokenizer), padding=PadToTwiceTheCharacters())

"""What is known of a text before anything is chosen."""

from __future__ import annotations

from dataclasses import dataclass

from semtoken.datamodels import Encoding, IntArray, Segmentation
from semtoken.tokenizer import TokenizedText


@dataclass(frozen=True, slots=True)
class Analysis:
    """A segmented, tokenised and encoded text; depends on the text, its pins and the encoder alone."""

    segmentation: Segmentation
    encoding: Encoding
    tokenized: TokenizedText
    costs: IntArray
    """(n,) served-model tokens of each unit."""
    timings_ms: dict[str, float]

    @property
    def tokens(self) -> int:
        """Tokens of the text in the served model's tokenizer."""
        return len(self.tokenized)

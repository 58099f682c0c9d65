"""Text: the kept ranges as they stand, one behind the other."""

from __future__ import annotations

from semtoken.datamodels import IntArray
from semtoken.realise.base import Realised
from semtoken.tokenizer import ServedTokenizer, TokenizedText


class TextRealiser:
    """Concatenates the kept ranges; the engine tokenises the result itself."""

    def realise(self, text: str, ranges: IntArray, tokenized: TokenizedText, tokenizer: ServedTokenizer) -> Realised:
        """See :class:`semtoken.realise.base.Realiser`; the ids are those of the new text."""
        del tokenized
        joined = "".join(text[start:end] for start, end in ranges.tolist())
        return Realised(joined, tuple(tokenizer.ids(joined)))

"""Token ids: the original's own tokens; only what is cut out of a token is tokenised anew."""

from __future__ import annotations

from semtoken.datamodels import IntArray
from semtoken.realise.base import Realised
from semtoken.realise.seams import kept_tokens
from semtoken.tokenizer import ServedTokenizer, TokenizedText


class TokensRealiser:
    """Forwards the ids of the tokens in the kept ranges."""

    def realise(self, text: str, ranges: IntArray, tokenized: TokenizedText, tokenizer: ServedTokenizer) -> Realised:
        """See :class:`semtoken.realise.base.Realiser`; the ids decode to the new text."""
        ids = kept_tokens(ranges, tokenized, text, tokenizer).ids
        joined = "".join(text[start:end] for start, end in ranges.tolist())
        return Realised(joined, tuple(ids.tolist()))

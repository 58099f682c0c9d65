"""Token ids: the original's own tokens, so that no seam is tokenised anew."""

from __future__ import annotations

from semtoken.datamodels import IntArray
from semtoken.realise.base import Realised
from semtoken.realise.ranges import kept_tokens
from semtoken.tokenizer import ServedTokenizer, TokenizedText


class TokensRealiser:
    """Forwards the ids of the tokens that start inside the kept ranges."""

    def realise(self, text: str, ranges: IntArray, tokenized: TokenizedText, tokenizer: ServedTokenizer) -> Realised:
        """See :class:`semtoken.realise.base.Realiser`; ``text`` is for the eye, the ids count."""
        del tokenizer
        ids = tokenized.ids[kept_tokens(ranges, tokenized, text)]
        joined = "".join(text[start:end] for start, end in ranges.tolist())
        return Realised(joined, tuple(ids.tolist()))

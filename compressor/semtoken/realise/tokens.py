"""Token ids: the original's own tokens, so that no seam is tokenised anew."""

from __future__ import annotations

import numpy as np

from semtoken.datamodels import IntArray
from semtoken.realise.base import Realised
from semtoken.tokenizer import ServedTokenizer, TokenizedText


class TokensRealiser:
    """Forwards the ids of the tokens that start inside the kept ranges."""

    def realise(self, text: str, ranges: IntArray, tokenized: TokenizedText, tokenizer: ServedTokenizer) -> Realised:
        """See :class:`semtoken.realise.base.Realiser`; ``text`` is for the eye, the ids count."""
        del tokenizer
        edges = np.searchsorted(tokenized.starts, ranges.ravel())
        if len(edges) and ranges[0, 0] == 0:
            edges[0] = 0  # a first token may start behind leading white space
        if len(edges) and ranges[-1, 1] == len(text):
            edges[-1] = len(tokenized)
        steps = np.zeros(len(tokenized) + 1, dtype=np.int64)
        np.add.at(steps, edges[0::2], 1)
        np.add.at(steps, edges[1::2], -1)
        ids = tokenized.ids[np.cumsum(steps[:-1]) > 0]
        joined = "".join(text[start:end] for start, end in ranges.tolist())
        return Realised(joined, tuple(ids.tolist()))

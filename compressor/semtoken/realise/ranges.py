"""Units that stay, joined into character ranges, and the tokens in these."""

from __future__ import annotations

import numpy as np

from semtoken.datamodels import BoolArray, IntArray
from semtoken.tokenizer import TokenizedText


def kept_ranges(starts: IntArray, ends: IntArray, keep: BoolArray) -> IntArray:
    """Character ranges (r, 2) of the units that stay; neighbours become one range.

    ``starts`` and ``ends`` (n,) tile the text or a part of it, ``keep`` (n,).
    """
    rows = np.flatnonzero(keep)
    if not len(rows):
        return np.zeros((0, 2), dtype=np.int64)
    breaks = np.flatnonzero(starts[rows[1:]] != ends[rows[:-1]])
    firsts = rows[np.append(0, breaks + 1)]
    lasts = rows[np.append(breaks, len(rows) - 1)]
    return np.stack((starts[firsts], ends[lasts]), axis=1)


def kept_tokens(ranges: IntArray, tokenized: TokenizedText, length: int) -> BoolArray:
    """Whether each token (t,) starts inside ``ranges`` (r, 2), rising and disjoint.

    ``length`` is the text's, in characters.
    """
    edges = np.searchsorted(tokenized.starts, ranges.ravel())
    if len(edges) and ranges[0, 0] == 0:
        edges[0] = 0  # a first token may start behind leading white space
    if len(edges) and ranges[-1, 1] == length:
        edges[-1] = len(tokenized)
    steps = np.zeros(len(tokenized) + 1, dtype=np.int64)
    np.add.at(steps, edges[0::2], 1)
    np.add.at(steps, edges[1::2], -1)
    return np.cumsum(steps[:-1]) > 0

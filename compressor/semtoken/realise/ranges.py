"""Units that stay, joined into character ranges, and the tokens in these."""

from __future__ import annotations

import numpy as np

from semtoken.datamodels import BoolArray, IntArray
from semtoken.tokenizer import TokenizedText

_WHITE: BoolArray = np.array([chr(code).isspace() for code in range(0x3002)])
"""By code point; the last one stands for all that come after it."""


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


def kept_tokens(ranges: IntArray, tokenized: TokenizedText, text: str) -> BoolArray:
    """Whether each token (t,) of ``text`` starts inside ``ranges`` (r, 2), rising and disjoint.

    A token starts where its first character stands that is no white space: the space before a word is often part of
    the word's token, but belongs to the unit before it.
    """
    edges = np.searchsorted(_word_starts(tokenized, text), ranges.ravel())
    if len(edges) and ranges[0, 0] == 0:
        edges[0] = 0  # a first token may start behind leading white space
    if len(edges) and ranges[-1, 1] == len(text):
        edges[-1] = len(tokenized)
    steps = np.zeros(len(tokenized) + 1, dtype=np.int64)
    np.add.at(steps, edges[0::2], 1)
    np.add.at(steps, edges[1::2], -1)
    return np.cumsum(steps[:-1]) > 0


def _word_starts(tokenized: TokenizedText, text: str) -> IntArray:
    """Where each token's first character stands that is no white space; its start where it has none, (t,)."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    written = np.append(np.flatnonzero(~_WHITE[np.minimum(codes, len(_WHITE) - 1)]), len(text))
    first: IntArray = written[np.searchsorted(written, tokenized.starts)]
    return np.where(first < tokenized.ends, first, tokenized.starts)

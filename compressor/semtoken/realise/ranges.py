"""Units that stay, joined into character ranges."""

from __future__ import annotations

import numpy as np

from semtoken.datamodels import BoolArray, IntArray


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

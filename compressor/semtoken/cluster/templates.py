"""Log templates, mined with Drain3 (He et al., ICWS 2017)."""

from __future__ import annotations

import re

import numpy as np
from drain3 import TemplateMiner
from drain3.template_miner_config import TemplateMinerConfig

from semtoken.datamodels import BoolArray, FloatArray, IntArray, Segmentation, UnitKind

_LINE_BREAK = re.compile(r"\n")


def log_templates(segmentation: Segmentation) -> tuple[BoolArray, FloatArray]:
    """Which log lines are the first of their template (n,), and each line's template rarity (n,).

    A long line is of several units, which have the line's own. Rarity is -log(lines of the template /
    log lines); 0 for units that are no log lines.
    """
    n = len(segmentation)
    first = np.zeros(n, dtype=np.bool_)
    rarity = np.zeros(n, dtype=np.float32)
    lines = np.flatnonzero(segmentation.kinds == UnitKind.LOG_LINE)
    if not len(lines):
        return first, rarity
    miner = TemplateMiner(config=TemplateMinerConfig())
    begins, ends = _line_bounds(segmentation, lines)
    numbers = np.cumsum(np.append(True, begins[1:] != begins[:-1])) - 1
    ids = np.array(
        [
            miner.add_log_message(segmentation.text[begin:end].strip())["cluster_id"]
            for begin, end in zip(np.unique(begins).tolist(), np.unique(ends).tolist(), strict=True)
        ],
        dtype=np.int64,
    )
    _, firsts, inverse, counts = np.unique(ids, return_index=True, return_inverse=True, return_counts=True)
    first[lines] = np.isin(numbers, firsts)
    rarity[lines] = -np.log(counts[inverse] / len(ids))[numbers]
    return first, rarity


def _line_bounds(segmentation: Segmentation, units: IntArray) -> tuple[IntArray, IntArray]:
    """Begin and end (u,) of the line that holds each of ``units``: a long line is of several."""
    breaks = np.array([match.start() for match in _LINE_BREAK.finditer(segmentation.text)], dtype=np.int64)
    after = np.searchsorted(breaks, segmentation.starts[units])
    edges = np.concatenate(([-1], breaks, [len(segmentation.text)]))
    return edges[after] + 1, edges[after + 1]

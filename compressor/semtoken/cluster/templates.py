"""Log templates, mined with Drain3 (He et al., ICWS 2017)."""

from __future__ import annotations

import numpy as np
from drain3 import TemplateMiner
from drain3.template_miner_config import TemplateMinerConfig

from semtoken.datamodels import BoolArray, FloatArray, Segmentation, UnitKind


def log_templates(segmentation: Segmentation) -> tuple[BoolArray, FloatArray]:
    """Which log lines are the first of their template (n,), and each line's template rarity (n,).

    Rarity is -log(lines of the template / log lines); 0 for units that are no log lines.
    """
    n = len(segmentation)
    first = np.zeros(n, dtype=np.bool_)
    rarity = np.zeros(n, dtype=np.float32)
    lines = np.flatnonzero(segmentation.kinds == UnitKind.LOG_LINE)
    if not len(lines):
        return first, rarity
    miner = TemplateMiner(config=TemplateMinerConfig())
    ids = np.empty(len(lines), dtype=np.int64)
    for row, index in enumerate(lines.tolist()):
        line = segmentation.text[segmentation.starts[index] : segmentation.ends[index]].strip()
        ids[row] = miner.add_log_message(line)["cluster_id"]
    _, first_rows, inverse, counts = np.unique(ids, return_index=True, return_inverse=True, return_counts=True)
    first[lines[first_rows]] = True
    rarity[lines] = -np.log(counts[inverse] / len(lines))
    return first, rarity

"""Log templates, mined with Drain3 (He et al., ICWS 2017)."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from drain3.drain import Drain, LogCluster

from semtoken.datamodels import BoolArray, FloatArray, IntArray, Segmentation, UnitKind
from semtoken.deadline import Deadline

MOST_ALIKE = 256
"""Templates with as many words and the same first one that a line is compared with. What fits none of so many is of no
template: otherwise the time grew with the square of lines that have nothing in common."""
MOST_ALONE = 0.5
"""Share of lines that are alone of their template in a log. Of real logs of 100 lines or more up to 0.33 are, of
transcripts with time stamps 0.69 and more."""
NONE = 0

_LINE_BREAK = re.compile(r"\n")


def log_templates(segmentation: Segmentation, deadline: Deadline | None = None) -> tuple[BoolArray, FloatArray]:
    """Which log lines are the first of their template (n,), and each line's template rarity (n,).

    A long line is of several units, which have the line's own. Rarity is -log(lines of the template /
    log lines); 0 for units that are no log lines. Lines that are mostly alone of their template are no log, as in
    a transcript with time stamps: none of them is the first of anything. Raises ``DeadlineExceededError``.
    """
    n = len(segmentation)
    first = np.zeros(n, dtype=np.bool_)
    rarity = np.zeros(n, dtype=np.float32)
    units = np.flatnonzero(segmentation.kinds == UnitKind.LOG_LINE)
    if not len(units):
        return first, rarity
    begins, ends = _line_bounds(segmentation, units)
    numbers = np.cumsum(np.append(True, begins[1:] != begins[:-1])) - 1
    bounds = zip(np.unique(begins).tolist(), np.unique(ends).tolist(), strict=True)
    templates = _mined([segmentation.text[begin:end] for begin, end in bounds], deadline)
    sizes = np.where(templates == NONE, 1, np.bincount(templates)[templates])
    if np.mean(sizes == 1) > MOST_ALONE:
        return first, rarity
    found, firsts = np.unique(templates, return_index=True)
    first[units] = np.isin(numbers, firsts[found != NONE])
    rarity[units] = -np.log(sizes / len(templates))[numbers]
    return first, rarity


def _mined(lines: Sequence[str], deadline: Deadline | None) -> IntArray:
    """Number of each line's template, from 1 on, or ``NONE`` (lines,)."""
    drain = _BoundedDrain()
    templates = np.zeros(len(lines), dtype=np.int64)
    for index, line in enumerate(lines):
        if deadline is not None:
            deadline.check()
        try:
            templates[index] = drain.add_log_message(line)[0].cluster_id
        except _FullError:
            templates[index] = NONE
    return templates


class _FullError(Exception):
    """A line fits none of as many templates as it may be compared with."""


class _BoundedDrain(Drain):  # type: ignore[misc]  # drain3 comes without types
    """Drain with at most ``MOST_ALIKE`` templates in a leaf of its tree."""

    def fast_match(
        self, cluster_ids: Sequence[int], tokens: list[str], sim_th: float, include_params: bool
    ) -> LogCluster | None:
        match: LogCluster | None = super().fast_match(cluster_ids, tokens, sim_th, include_params)
        if match is None and len(cluster_ids) >= MOST_ALIKE:
            raise _FullError
        return match


def _line_bounds(segmentation: Segmentation, units: IntArray) -> tuple[IntArray, IntArray]:
    """Begin and end (u,) of the line that holds each of ``units``: a long line is of several."""
    breaks = np.array([match.start() for match in _LINE_BREAK.finditer(segmentation.text)], dtype=np.int64)
    after = np.searchsorted(breaks, segmentation.starts[units])
    edges = np.concatenate(([-1], breaks, [len(segmentation.text)]))
    return edges[after] + 1, edges[after + 1]

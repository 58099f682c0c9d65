"""Quality against ratio as an SVG image, drawn by matplotlib, which comes with the extra `eval`."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from semtoken.evaluation.rows import NONE, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIZE = (5.2, 3.2)
_OURS = "semtoken"


def quality_plot(rows: Sequence[Row], key: str, title: str, scale: float = 1.0) -> bytes:
    """``key`` (times ``scale``) of one task's rows against the ratio, one line a method, as SVG.

    The ratio's axis is logarithmic. No compression is where every line begins; a method without a
    value is left out.
    """
    import matplotlib as mpl  # noqa: PLC0415 - an extra
    from matplotlib.figure import Figure  # noqa: PLC0415

    # Letters stay letters, and the same rows give the same bytes.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": _OURS, "font.size": 9.0, "axes.grid": True}):
        figure = Figure(figsize=_SIZE, layout="constrained")
        axes = figure.subplots()
        _draw(axes, [row for row in rows if row[key] is not None], key, scale)
        axes.set_title(title)
        image = io.BytesIO()
        figure.savefig(image, format="svg", metadata={"Date": None})
    return image.getvalue()


def _draw(axes: Axes, rows: Sequence[Row], key: str, scale: float) -> None:
    start = [row for row in rows if row["method"] == NONE]
    for method in dict.fromkeys(row["method"] for row in rows if row["method"] != NONE):
        own = [*start, *(row for row in rows if row["method"] == method)]
        points = sorted((row["ratio_asked"], row[key] * scale) for row in own)
        width = 2.5 if method == _OURS else 1.2
        axes.plot(*zip(*points, strict=True), marker="o", markersize=3, linewidth=width, label=method)
    ratios = sorted({row["ratio_asked"] for row in rows})
    axes.set_xscale("log")
    axes.set_xticks(ratios, [f"{ratio:g}x" for ratio in ratios])
    axes.minorticks_off()
    if axes.lines:
        axes.legend(fontsize="small")

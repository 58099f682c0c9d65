"""Plots against the offered rate as SVG."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from loadtest.comparison.figures import PERCENTILES, Row
from loadtest.comparison.plan import MODES

_SIZE = (5.6, 3.4)
_COLOURS = {"off": "#b3541e", "on": "#1f6f54"}
_STYLES = dict(zip((f"p{quantile}" for quantile in PERCENTILES), ("-", "--", "-.", ":"), strict=True))
_TIMES = {"ttft_s": "Time to first token", "inter_token_s": "Time between tokens", "total_s": "Total time"}


@dataclass(frozen=True, slots=True)
class Image:
    """A plot that a page holds inside itself."""

    title: str
    svg: bytes

    @property
    def source(self) -> str:
        """A ``data:`` address: inline SVG would share its ids with the page's other plots."""
        return f"data:image/svg+xml;base64,{base64.b64encode(self.svg).decode()}"


def plots(rows: Sequence[Row], loop: str) -> list[Image]:
    """Each kind of time by percentile, and goodput, of one loop's rows; none where there are no rows."""
    own = [row for row in rows if row["loop"] == loop]
    if not own:
        return []
    load = "offered rate [requests/s]" if loop == "open" else "users"
    images = [_image(f"{title} against {load}", own, load, "s", name) for name, title in _TIMES.items()]
    return [*images, _goodput(own, load)]


def _image(title: str, rows: Sequence[Row], load: str, unit: str, name: str) -> Image:
    figure, axes = _figure(title, load, unit)
    for mode in MODES:
        for quantile, style in _STYLES.items():
            points = [(row["load"], row[name][quantile]) for row in rows if row["mode"] == mode and row[name]]
            if points:
                label = f"{mode} {quantile}"
                axes.plot(
                    *zip(*points, strict=True), style, color=_COLOURS[mode], marker="o", markersize=3, label=label
                )
    return Image(title, _svg(figure, axes))


def _goodput(rows: Sequence[Row], load: str) -> Image:
    title = f"Goodput under the SLO against {load}"
    figure, axes = _figure(title, load, "good requests/s")
    for mode in MODES:
        points = [(row["load"], row["goodput_per_s"]) for row in rows if row["mode"] == mode]
        axes.plot(*zip(*points, strict=True), color=_COLOURS[mode], marker="o", markersize=3, label=f"{mode}, good")
        sent = [(row["load"], row["sent_per_s"]) for row in rows if row["mode"] == mode]
        axes.plot(*zip(*sent, strict=True), ":", color=_COLOURS[mode], label=f"{mode}, sent")
    return Image(title, _svg(figure, axes))


def _figure(title: str, load: str, unit: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=_SIZE, layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(load)
    axes.set_ylabel(unit)
    axes.grid(visible=True, alpha=0.4)
    return figure, axes


def _svg(figure: Figure, axes: Axes) -> bytes:
    axes.set_ylim(bottom=0)
    if axes.lines:
        axes.legend(fontsize="x-small", ncols=2)
    image = io.BytesIO()
    # Letters stay letters, and the same rows give the same bytes.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "semtoken"}):
        figure.savefig(image, format="svg", metadata={"Date": None})
    return image.getvalue()

"""Quality against ratio as coordinates of a small SVG line plot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from semtoken.evaluation.rows import Row

WIDTH, HEIGHT = 460, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 12, 34
_TICKS = 4
_COLOURS = ("#0b6e4f", "#c1292e", "#235789", "#e08e0b", "#7b2d8b", "#4d5057", "#1b998b", "#a44a3f")


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis: pixel position and label."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Line:
    """One method's points, in pixels."""

    method: str
    colour: str
    points: tuple[tuple[float, float], ...]

    @property
    def path(self) -> str:
        """The ``points`` attribute of an SVG polyline."""
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in self.points)


@dataclass(frozen=True, slots=True)
class Plot:
    """One score of every method against the ratio (logarithmic), no compression as the line's start."""

    title: str
    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


def quality_plot(rows: Sequence[Row], key: str, title: str, scale: float) -> Plot:
    """Plot ``key`` (times ``scale``) of one task's rows; methods without a value are left out."""
    known = [(row["method"], row["ratio_asked"], row[key] * scale) for row in rows if row[key] is not None]
    ratios = sorted({ratio for _, ratio, _ in known})
    values = [value for _, _, value in known]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    margin = (high - low) * 0.05 or 0.5
    low, high = low - margin, high + margin
    widest = math.log(max(ratios, default=1.0)) or 1.0

    def place(ratio: float, value: float) -> tuple[float, float]:
        across = _LEFT + (WIDTH - _LEFT - _RIGHT) * math.log(ratio) / widest
        return across, _TOP + (HEIGHT - _TOP - _BOTTOM) * (high - value) / (high - low)

    start = [(ratio, value) for method, ratio, value in known if method == "none"]
    methods = [method for method in dict.fromkeys(method for method, _, _ in known) if method != "none"]
    lines = []
    for number, method in enumerate(methods):
        own = [(ratio, value) for name, ratio, value in known if name == method]
        points = tuple(place(ratio, value) for ratio, value in [*start, *own])
        lines.append(Line(method, _COLOURS[number % len(_COLOURS)], points))
    levels = [low + (high - low) * i / _TICKS for i in range(_TICKS + 1)]
    return Plot(
        title=title,
        lines=tuple(lines),
        x_ticks=tuple(Tick(place(ratio, low)[0], f"{ratio:g}x") for ratio in ratios),
        y_ticks=tuple(Tick(place(1.0, level)[1], f"{level:.3g}") for level in levels),
    )

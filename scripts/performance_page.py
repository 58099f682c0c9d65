"""Fill docs/performance.md with the targets and what was reached, from what `make bench` wrote to docs/performance.

In the page, `<!-- targets -->` up to `<!-- end -->` holds the table; the plots lie beside the results. With a
folder as its argument the table of that folder's results is printed and nothing is written.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import orjson
from matplotlib.figure import Figure

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE = DOCS / "performance.md"
RESULTS = DOCS / "performance"

_BLOCK = re.compile(r"<!-- targets -->\n.*?<!-- end -->", re.DOTALL)
_TOKENS = 4096

Result = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """A measure, what it should be, and how to read it from the result of that name."""

    measure: str
    wanted: str
    result: str
    reached: Callable[[Result], tuple[str, bool]]
    """What it is, and whether that is enough."""


def at_least(read: Callable[[Result], float], wanted: float, unit: str = "x") -> Callable[[Result], tuple[str, bool]]:
    """Enough from ``wanted`` on."""
    return lambda result: (f"{read(result):.2f}{unit}", read(result) >= wanted)


def at_most(read: Callable[[Result], float], wanted: float, unit: str) -> Callable[[Result], tuple[str, bool]]:
    """Enough up to ``wanted``."""
    return lambda result: (f"{read(result):.1f}{unit}", read(result) <= wanted)


def near(read: Callable[[Result], float], wanted: float) -> Callable[[Result], tuple[str, bool]]:
    """Enough from ``wanted`` points below on: more hits than without compression are no fault."""
    return lambda result: (f"{read(result):+.2f} points", read(result) >= -wanted)


def row(result: Result, method: str, tokens: int) -> dict[str, Any]:
    """The row of a method at a length, batch 1."""
    return next(r for r in result["rows"] if (r["method"], r["tokens"], r["batch"]) == (method, tokens, 1))


def times_faster(result: Result) -> float:
    """Time of LLMLingua over ours, per token."""
    ours, theirs = (row(result, name, _TOKENS)["ms_per_1k_tokens"] for name in ("semtoken", "llmlingua"))
    return float(theirs / ours)


def growth(result: Result) -> float:
    """Time per token at the longest text over that at 4,096 tokens, in percent more."""
    longest = max(r["tokens"] for r in result["rows"])
    long, short = (row(result, "semtoken", size)["ms_per_1k_tokens"] for size in (longest, _TOKENS))
    return 100.0 * (float(long) / float(short) - 1.0)


def outside_encoder(result: Result) -> float:
    """Share of the time spent elsewhere, in percent."""
    return 100.0 * (1.0 - float(row(result, "semtoken", _TOKENS)["encoder_share"]))


TARGETS = (
    Target(
        "time to first token, 4,096 tokens, off over on",
        "3.2x",
        "gateway",
        at_least(lambda r: r["speedup"]["ttft"], 3.2),
    ),
    Target(
        "whole request with 64 output tokens, off over on",
        "2.3x",
        "gateway",
        at_least(lambda r: r["speedup"]["total"], 2.3),
    ),
    Target(
        "KV-cache tokens held by the prompt, off over on",
        "2.35x",
        "gateway",
        at_least(lambda r: r["speedup"]["tokens"], 2.35),
    ),
    Target(
        "compression time per token, LLMLingua's over ours", "50x", "compressor_peers", at_least(times_faster, 50.0)
    ),
    Target(
        "time outside the encoder at 4,096 tokens", "at most 15 %", "compressor", at_most(outside_encoder, 15.0, " %")
    ),
    Target("growth of time per token to the longest text", "within 15 %", "compressor", at_most(growth, 15.0, " %")),
    Target(
        "requests/s of 64 clients, on over off",
        "2x",
        "clients",
        at_least(lambda r: r["speedup"]["requests_per_s"], 2.0),
    ),
    Target(
        "hit rate of a 20-turn chat, on minus off",
        "within 2 points",
        "prefixes",
        near(lambda r: r["chats"]["points"], 2.0),
    ),
    Target(
        "hit rate of 20 questions on a document, `document` minus off",
        "within 2 points",
        "prefixes",
        near(lambda r: r["questions"]["points"], 2.0),
    ),
)


PASSTHROUGH = {
    "added_p50_ms": "pass-through: latency added, p50",
    "added_p95_ms": "pass-through: latency added, p95",
    "requests_per_s": "pass-through: requests/s",
}


def table(results: Path) -> str:
    """The targets and what the results of a folder say of them."""
    lines = ["| measure | target | reached |", "| --- | --- | --- |"]
    for target in TARGETS:
        path = results / f"{target.result}.json"
        if path.exists():
            value, enough = target.reached(orjson.loads(path.read_bytes()))
            lines.append(f"| {target.measure} | {target.wanted} | {value}{'' if enough else ' (missed)'} |")
        else:
            lines.append(f"| {target.measure} | {target.wanted} | not measured |")
    lines += passthrough_rows(results / "passthrough.json")
    return "\n".join(lines) + "\n"


def passthrough_rows(path: Path) -> list[str]:
    """The pass-through's targets (`make bench-passthrough`), each with its worst case."""
    verdicts = orjson.loads(path.read_bytes())["targets"] if path.exists() else []
    if not verdicts:
        return ["| pass-through, `mode: off` | beside LiteLLM and vllm-router | not measured |"]
    rows: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for verdict in verdicts:
        rows.setdefault((verdict["measure"], verdict["peer"]), []).append(verdict)
    return [_passthrough_row(PASSTHROUGH[measure], peer, found) for (measure, peer), found in rows.items()]


def _passthrough_row(measure: str, peer: str, verdicts: Sequence[Mapping[str, Any]]) -> str:
    at_least, limit = verdicts[0]["at_least"], verdicts[0]["limit"]
    known = [verdict for verdict in verdicts if verdict["ratio"] is not None]
    worst = (min if at_least else max)((verdict["ratio"] for verdict in known), default=None)
    met = sum(verdict["met"] is True for verdict in verdicts)
    told = "not measured" if worst is None else f"{worst:.2f}x at worst, met in {met} of {len(verdicts)} cases"
    wanted = f"at {'least' if at_least else 'most'} {limit:g}x"
    return f"| {measure}, over {peer}'s | {wanted} | {told}{'' if met == len(verdicts) else ' (missed)'} |"


def length_plot(series: Mapping[str, Sequence[tuple[int, float]]], label: str) -> bytes:
    """Seconds against tokens by name, both logarithmic, as SVG; the same points give the same bytes."""
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "semtoken", "font.size": 9.0, "axes.grid": True}):
        figure = Figure(figsize=(5.2, 3.2), layout="constrained")
        axes = figure.subplots()
        for name, points in series.items():
            axes.plot(*zip(*sorted(points), strict=True), marker="o", markersize=3, label=name)
        axes.set(xscale="log", yscale="log", xlabel="prompt tokens", ylabel=label)
        lengths = sorted({tokens for points in series.values() for tokens, _ in points})
        axes.set_xticks(lengths, [f"{tokens:,}" for tokens in lengths], rotation=30)
        axes.minorticks_off()
        axes.legend(fontsize="small")
        image = io.BytesIO()
        figure.savefig(image, format="svg", metadata={"Date": None})
    return image.getvalue()


def plots(results: Path) -> dict[str, bytes]:
    """Images by file name, of the results that are there."""
    images: dict[str, bytes] = {}
    calibration = results / "calibrate.json"
    compressed = compression_times(results)
    if calibration.exists():
        points = orjson.loads(calibration.read_bytes())["points"]
        waits = {side: [(p["tokens"], p[f"{side}_ttft_s"]) for p in points] for side in ("off", "on")}
        series = {f"compression {side}": waited for side, waited in waits.items()}
        # A peer's answer can come no sooner than it has compressed and the engine read as much as from us.
        engine = dict(waits["on"])
        ours = dict(compressed.get("semtoken", []))
        for peer, times in compressed.items():
            shared = [(n, engine[n] - ours[n] + seconds) for n, seconds in times if n in engine and n in ours]
            if peer != "semtoken" and shared:
                series[f"{peer} before the engine (sum)"] = shared
        images["ttft.svg"] = length_plot(series, "time to first token, s")
    if compressed:
        images["compression.svg"] = length_plot(compressed, "time compressing, s")
    return images


def compression_times(results: Path) -> dict[str, list[tuple[int, float]]]:
    """Seconds by length of every method, alone; where two results have one, that of the longer run of lengths."""
    found: dict[str, dict[int, float]] = {}
    for name in ("compressor_peers", "compressor"):
        path = results / f"{name}.json"
        rows = orjson.loads(path.read_bytes())["rows"] if path.exists() else []
        for r in rows:
            if r["batch"] == 1:
                found.setdefault(r["method"], {})[r["tokens"]] = r["ms_per_1k_tokens"] * r["tokens"] / 1e6
    return {method: sorted(times.items()) for method, times in found.items()}


def filled(page: str) -> str:
    """The page with its table made anew."""
    return _BLOCK.sub(lambda _: f"<!-- targets -->\n{table(RESULTS)}<!-- end -->", page)


def main() -> None:
    """Write the page and its plots, or print the table of another folder."""
    if len(sys.argv) > 1:
        print(table(Path(sys.argv[1])))
        return
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    for name, image in plots(RESULTS).items():
        (RESULTS / name).write_bytes(image)


if __name__ == "__main__":
    main()

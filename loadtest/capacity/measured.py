"""What the model reckons with, from the results of measurements in docs/performance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson

from loadtest.capacity.model import EncoderCost, EngineCost, GatewayCost

PERFORMANCE = Path(__file__).resolve().parents[2] / "docs" / "performance"


def read(name: str) -> Any:
    """A file of results."""
    return orjson.loads((PERFORMANCE / f"{name}.json").read_bytes())


def closed_loop(*, streamed: bool, prompt_bytes: int) -> float:
    """Requests a second that one worker of the gateway did, kept busy by 32 connections."""
    for cell in read("passthrough")["closed_loop"]:
        if cell["streamed"] is streamed and cell["prompt_bytes"] == prompt_bytes:
            return float(cell["systems"]["gateway"]["requests_per_s"])
    raise KeyError(f"passthrough.json has no such cell: streamed={streamed}, prompt_bytes={prompt_bytes}")


def byte_s() -> float:
    """What a byte of a prompt costs: whole answers to 64 KB beside those to 2 KB."""
    small, large = (1 / closed_loop(streamed=False, prompt_bytes=size) for size in (2048, 65536))
    return (large - small) / (65536 - 2048)


def gateway_cost() -> GatewayCost:
    """Processor time of a streamed request over a connection of its own, and of each paced event."""
    found = read("gateway_cost")
    return GatewayCost(found["request_us"] / 1e6, found["event_us"] / 1e6, byte_s())


def encoder_cost(tokens: float) -> EncoderCost:
    """The bundled encoder on two cores: by the longest text that was measured and is no longer than ``tokens``."""
    rows = [row for row in read("compressor")["rows"] if row["method"] == "semtoken" and row["batch"] == 1]
    rows.sort(key=lambda row: row["tokens"])
    fitting = [row for row in rows if row["tokens"] <= tokens * 1.05] or rows[:1]
    return EncoderCost(fitting[-1]["tokens_per_s"])


def engine_cost() -> EngineCost:
    """The small model on vLLM for CPUs.

    Prefill by least squares (relative) of the times to the first token without compression in calibrate.json, decoding
    by the two contexts of gateway_back_to_back.json.
    """
    points = read("calibrate")["points"]
    tokens = np.array([point["tokens"] for point in points], dtype=np.float64)
    seconds = np.array([point["off_ttft_s"] for point in points])
    powers = np.stack([tokens, tokens**2], axis=1)
    (token_s, token2_s), *_ = np.linalg.lstsq(powers / seconds[:, None], np.ones(len(points)))
    found = read("gateway_back_to_back")
    steps = found["output_tokens"] - 1
    short, long = (
        (found[side]["forwarded_tokens"], (found[side]["total_s"] - found[side]["ttft_s"]) / steps)
        for side in ("on", "off")
    )
    context_s = (long[1] - short[1]) / (long[0] - short[0])
    return EngineCost(float(token_s), float(token2_s), short[1] - context_s * short[0], context_s)

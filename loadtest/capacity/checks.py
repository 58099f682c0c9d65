"""The model against load tests whose figures it does not reckon with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from loadtest.capacity.measured import byte_s, closed_loop, encoder_cost, engine_cost, gateway_cost, read


@dataclass(frozen=True, slots=True)
class Check:
    """One figure."""

    what: str
    source: str
    predicted: float
    measured: float

    @property
    def error(self) -> float:
        """Of the prediction, as a share of what was measured."""
        return self.predicted / self.measured - 1


def checks() -> Iterator[Check]:
    """Every figure that both have."""
    yield from _one_request()
    yield from _many_clients()
    yield from _gateway()


def _one_request() -> Iterator[Check]:
    """Time to the first token and in all, one request at a time."""
    measured = read("gateway")
    prompt, output = measured["off"]["forwarded_tokens"], measured["output_tokens"]
    engine = engine_cost()
    waits = {"off": 0.0, "on": prompt / encoder_cost(prompt).tokens_per_s}
    totals = {}
    for side, compressing in waits.items():
        tokens = measured[side]["forwarded_tokens"]
        first = compressing + engine.prefill_s(tokens)
        totals[side] = first + engine.decode_s(tokens, output)
        yield Check(f"time to first token, s, compression {side}", "gateway.json", first, measured[side]["ttft_s"])
        yield Check(f"whole request, s, compression {side}", "gateway.json", totals[side], measured[side]["total_s"])
    yield Check(
        "whole request, off over on", "gateway.json", totals["off"] / totals["on"], measured["speedup"]["total"]
    )


def _many_clients() -> Iterator[Check]:
    """All requests at once before one engine on a core of its own, while the encoder has the other.

    The prompts are taken as spread evenly between the two lengths.
    """
    measured = read("clients")
    count, output = measured["requests"], measured["output_tokens"]
    low, high = measured["prompt_tokens"]
    spread = (high - low) ** 2 / 12
    engine = engine_cost()
    seconds = {}
    for side in ("off", "on"):
        mean = measured[side]["forwarded_tokens"] / count
        ratio = measured["off"]["forwarded_tokens"] / measured[side]["forwarded_tokens"]
        # The mean of the squares is the mean's square and the spread.
        prefill = engine.prefill_s(mean) + engine.token2_s * spread / ratio**2
        seconds[side] = count * (prefill + engine.decode_s(mean, output, batch=count))
        yield Check(f"{count} clients, s, compression {side}", "clients.json", seconds[side], measured[side]["seconds"])
    rates = seconds["off"] / seconds["on"]
    yield Check("requests/s, on over off", "clients.json", rates, measured["speedup"]["requests_per_s"])


def _gateway() -> Iterator[Check]:
    plan, measured = read("streams")["plan"], read("streams")["gateway"]
    cost = gateway_cost()
    each_s = cost.event_s + cost.request_s / plan["tokens"]
    # What the same client got of the bare engine is what was offered.
    offered = read("streams")["direct"]["events"] / plan["seconds"]
    yield Check(
        "events/s through one worker, 1,000 streams",
        "streams.json",
        min(offered, 1 / each_s),
        measured["events"] / plan["seconds"],
    )
    # The events of a burst share reads and writes, so this is reckoned from the shorter prompts' streams.
    short_s = 1 / closed_loop(streamed=True, prompt_bytes=2048)
    yield Check(
        "streams/s through one worker, prompts of 64 KB",
        "passthrough.json",
        1 / (short_s + (65536 - 2048) * byte_s()),
        closed_loop(streamed=True, prompt_bytes=65536),
    )


def table() -> str:
    """The checks as Markdown."""
    lines = ["| figure | from | predicted | measured | error |", "|---|---|---|---|---|"]
    for check in checks():
        figures = f"{check.predicted:,.4g} | {check.measured:,.4g} | {check.error:+.1%}"
        lines.append(f"| {check.what} | `{check.source}` | {figures} |")
    return "\n".join(lines) + "\n"

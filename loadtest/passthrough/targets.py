"""What the gateway has to reach beside its peers, in the same run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_SLOW_RATE = 20
"""The rate at which LiteLLM still follows."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One target in one case."""

    case: str
    measure: str
    peer: str
    ratio: float
    """The gateway's figure over the peer's."""
    limit: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether the gateway is where it should be."""
        return self.ratio >= self.limit if self.at_least else self.ratio <= self.limit


def verdicts(results: Mapping[str, Any]) -> list[Verdict]:
    """Every target on every case of :func:`report.to_json`'s results, where its peer was measured."""
    return [*_latency(results), *_throughput(results)]


def _latency(results: Mapping[str, Any]) -> Iterator[Verdict]:
    for row in results["open_loop"]:
        for measure in ("added_p50_ms", "added_p95_ms"):
            for peer, limit in (("litellm", 1 / 8), ("vllm-router", 3.0)):
                if peer == "litellm" and row["rate"] != _SLOW_RATE:
                    continue
                if (ratio := _ratio(row, peer, measure)) is not None:
                    yield Verdict(f"{row['rate']}/s, {_kind(row)}", measure, peer, ratio, limit)


def _throughput(results: Mapping[str, Any]) -> Iterator[Verdict]:
    for row in results["closed_loop"]:
        for peer, limit in (("litellm", 12.0), ("vllm-router", 1 / 5)):
            if (ratio := _ratio(row, peer, "requests_per_s")) is not None:
                yield Verdict(_kind(row), "requests_per_s", peer, ratio, limit, at_least=True)


def _ratio(row: Mapping[str, Any], peer: str, measure: str) -> float | None:
    ours, theirs = (row["systems"].get(name, {}).get(measure) for name in ("gateway", peer))
    # What a peer adds can drown in noise; a ratio to nothing says nothing.
    return round(ours / theirs, 3) if ours is not None and theirs is not None and theirs > 0 else None


def _kind(row: Mapping[str, Any]) -> str:
    return f"{'streamed' if row['streamed'] else 'whole'}, {row['prompt_bytes'] // 1024} KB"

"""vLLM's own counters, read from the engine itself."""

from __future__ import annotations

import httpx
from prometheus_client.parser import text_string_to_metric_families
from semtoken.errors import EngineError

_TIMEOUT_S = 30.0


class EngineCounters:
    """Sums of an engine's metrics over all their labels."""

    def __init__(self, url: str) -> None:
        self._url = f"{url.rstrip('/')}/metrics"

    def read(self) -> dict[str, float]:
        """Samples by name; raises ``EngineError`` where the engine shows none."""
        try:
            response = httpx.get(self._url, timeout=_TIMEOUT_S, trust_env=False).raise_for_status()
        except httpx.HTTPError as error:
            raise EngineError(f"the engine shows no metrics at {self._url}: {error}") from error
        sums: dict[str, float] = {}
        for family in text_string_to_metric_families(response.text):
            for sample in family.samples:
                sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
        return sums

    def prefix_cache(self) -> tuple[float, float]:
        """Tokens found in the prefix cache and tokens looked for, since the engine's start."""
        found = self.read()
        return found.get("vllm:prefix_cache_hits_total", 0.0), found.get("vllm:prefix_cache_queries_total", 0.0)

"""The PromQL that several panels share.

``$__rate_interval`` is Grafana's: at least four scrapes long, so that a rate always has its two samples.
"""

from __future__ import annotations

from semtoken_server.families import FAMILIES

GATEWAY = 'instance=~"$instance"'
ROUTE = f'{GATEWAY}, route=~"$route"'
ENGINE = 'instance=~"$engine"'
OUR_ENGINE = f'{GATEWAY}, engine=~"$engine"'
GENERATION = "|".join(family.path for family in FAMILIES)


def rate(metric: str, selector: str = GATEWAY, by: str = "", window: str = "$__rate_interval") -> str:
    """Increase per second, summed over what ``by`` does not name."""
    return f"sum{f' by ({by})' if by else ''} (rate({metric}{{{selector}}}[{window}]))"


def total(metric: str, selector: str = GATEWAY) -> str:
    """Increase over the time that the dashboard shows."""
    return f"sum(increase({metric}{{{selector}}}[$__range]))"


def share(part: str, whole: str) -> str:
    """``part`` of ``whole`` from 0 to 1: 0 where there is none of it, nothing where there is no whole."""
    return f"({part} or 0 * {whole}) / ({whole} > 0)"


def mean(metric: str, selector: str = GATEWAY, by: str = "") -> str:
    """Mean observation of a histogram."""
    return f"{rate(f'{metric}_sum', selector, by)} / {rate(f'{metric}_count', selector, by)}"


def percentile(part: float, metric: str, selector: str = GATEWAY, by: str = "") -> str:
    """A percentile out of a histogram's buckets; ``part`` is from 0 to 1."""
    return f"histogram_quantile({part:g}, {rate(f'{metric}_bucket', selector, f'le, {by}' if by else 'le')})"


def tokens_saved(window: str = "$__rate_interval") -> str:
    """Prompt tokens a second that did not have to go to an engine."""
    metric = "semtoken_prompt_tokens_total"
    original, forwarded = (
        rate(metric, f'{GATEWAY}, stage="{stage}"', window=window) for stage in ("original", "forwarded")
    )
    return f"({original} - {forwarded})"


def prefill_saved(window: str = "$__rate_interval") -> str:
    """Seconds of prefill that were spared, per second: an estimate, see :data:`PREFILL_ESTIMATE`."""
    seconds = rate("vllm:request_prefill_time_seconds_sum", "", window=window)
    tokens = rate("vllm:prompt_tokens_total", "", window=window)
    return f"{tokens_saved(window)} * ({seconds} / ({tokens} > 0))"


def compression_spent(window: str = "$__rate_interval") -> str:
    """Seconds of requests' time that went to compression, waiting for it included, per second."""
    ran = rate("semtoken_compression_seconds_sum", f'{GATEWAY}, stage="total"', window=window)
    waited = rate("semtoken_encoder_queue_seconds_sum", window=window)
    return f"({ran} + {waited})"


PREFILL_ESTIMATE = (
    "An estimate: the tokens saved, times the engines' own prefill time per prompt token in the same minutes. "
    "Attention costs more per token the longer the prompt, so long prompts saved more than this says; "
    "prefills that ran side by side count each for itself."
)

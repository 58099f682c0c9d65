"""Compression from inside: how much, how long, how well."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard, heatmap, stat, timeseries

from dashboards import frame, panels, queries
from dashboards.queries import GATEWAY, percentile, rate, share

_STAGES = "segment|encode|cluster|density|budget|realise"
_LOOKED_UP = 'event=~"hit|shared_hit|miss"'


def compression() -> dashboard.Dashboard:
    """How much, how long, how well."""
    built = frame.framed(
        "semtoken-compression",
        "SemToken / Compression",
        "How much is compressed, what it takes, and what it does to caches and answers.",
    ).with_variable(frame.gateways())
    rows = (
        ("At a glance", _glance()),
        ("How much", _ratio()),
        ("How long", _time()),
        ("The encoder", _encoder()),
        ("Caches", _caches()),
        ("Quality, where it is measured (`quality_share`)", _quality()),
    )
    return frame.with_rows(built, rows)


def _glance() -> list[stat.Panel]:
    figure = panels.figure
    breaks = share(rate("semtoken_prefix_breaks_total"), rate("semtoken_compression_requests_total"))
    return [
        figure(
            "Compressed",
            share(
                rate("semtoken_compression_requests_total", f'{GATEWAY}, status="compressed"'),
                rate("semtoken_compression_requests_total"),
            ),
            "percentunit",
            "Share of requests to a model.",
        ),
        figure(
            "Ratio, median",
            percentile(0.5, "semtoken_compression_ratio"),
            "short",
            "Original over forwarded tokens of compressed requests, template and question included.",
        ),
        figure(
            "Compression, p95",
            percentile(0.95, "semtoken_compression_seconds", f'{GATEWAY}, stage="total"'),
            "s",
            "One request's compression, without waiting.",
            above=[(0.5, "orange"), (2, "red")],
        ),
        figure(
            "Waiting, p95",
            percentile(0.95, "semtoken_encoder_queue_seconds"),
            "s",
            "For a turn at the compressor. It grows where more comes than it can do.",
            above=[(0.25, "orange"), (1, "red")],
        ),
        figure("Cache hits", _hits(), "percentunit", "Share of encoder windows that did not have to be encoded."),
        figure(
            "Prefix breaks",
            breaks,
            "percentunit",
            "Chats whose earlier messages may have gone out in another form than before, of all requests: "
            "there the engine's prefix cache misses.",
            above=[(0.02, "orange"), (0.1, "red")],
        ),
    ]


def _hits() -> str:
    events = "semtoken_cache_events_total"
    hits = rate(events, f'{GATEWAY}, event=~"hit|shared_hit"')
    return share(hits, rate(events, f"{GATEWAY}, {_LOOKED_UP}"))


def _ratio() -> list[heatmap.Panel | timeseries.Panel]:
    metric = "semtoken_compression_ratio"
    tokens = "semtoken_prompt_tokens_total"
    before, after = (rate(tokens, f'{GATEWAY}, stage="{stage}"') for stage in ("original", "forwarded"))
    return [
        panels.distribution(
            "Ratio",
            rate(f"{metric}_bucket", by="le"),
            "short",
            "Of compressed requests. The default asked for is 2.4; what may not go makes the whole prompt's less.",
            span=panels.THIRD,
        ),
        panels.graph(
            "Ratio by percentile",
            {f"p{part * 100:g}": percentile(part, metric) for part in (0.1, 0.5, 0.9)},
            "short",
            "Of compressed requests.",
            span=panels.THIRD,
        ),
        panels.graph(
            "Ratio of all tokens",
            {"before / after": f"{before} / {after}"},
            "short",
            "Tokens before over tokens after, of all requests that compression looked at, skipped ones included.",
            span=panels.THIRD,
        ),
    ]


def _time() -> list[timeseries.Panel]:
    metric = "semtoken_compression_seconds"
    count = rate(f"{metric}_count", f'{GATEWAY}, stage="total"')
    stages = rate(f"{metric}_sum", f'{GATEWAY}, stage=~"{_STAGES}"', "stage")
    total = {
        f"p{part * 100:g}": percentile(part, metric, f'{GATEWAY}, stage="total"') for part in (0.5, 0.9, 0.95, 0.99)
    }
    waiting = {f"p{part * 100:g}": percentile(part, "semtoken_encoder_queue_seconds") for part in (0.5, 0.95, 0.99)}
    return [
        panels.graph(
            "Mean time by stage",
            {"{{stage}}": f"{stages} / on () group_left () {count}"},
            "s",
            "Per compression. Planning and counting tokens are in the total alone.",
            span=panels.THIRD,
            stacked=True,
        ),
        panels.graph("Compression by percentile", total, "s", "Without waiting.", span=panels.THIRD),
        panels.graph(
            "Waiting by percentile",
            waiting,
            "s",
            "For a turn at the compressor; the deadline of `compress_timeout_s` is over both together.",
            span=panels.THIRD,
        ),
    ]


def _encoder() -> list[heatmap.Panel | timeseries.Panel]:
    metric = "semtoken_encoder_batch_tokens"
    return [
        panels.distribution(
            "Tokens in a batch",
            rate(f"{metric}_bucket", by="le"),
            "short",
            "Tokens that went through the encoder together. The fuller the batches, the better a GPU is used.",
            span=panels.THIRD,
        ),
        panels.graph(
            "Encoder throughput",
            {"{{instance}}": rate(f"{metric}_sum", by="instance")},
            "short",
            "Encoder tokens a second, by gateway; what the cache saved is not in it.",
            span=panels.THIRD,
        ),
        panels.graph(
            "Mean batch",
            {"tokens": queries.mean(metric)},
            "short",
            "Encoder tokens in a batch.",
            span=panels.THIRD,
        ),
    ]


def _caches() -> list[timeseries.Panel]:
    engine_hits = share(rate("vllm:prompt_tokens_cached_total", ""), rate("vllm:prompt_tokens_total", ""))
    return [
        panels.graph(
            "Encoder windows looked up",
            {"{{event}}": rate("semtoken_cache_events_total", by="event")},
            "short",
            "Windows a second, by what became of them. `corrupt` and `error` should not be there.",
            span=panels.THIRD,
            stacked=True,
        ),
        panels.graph(
            "Hits, ours beside the engines'",
            {"encoder windows": _hits(), "prompt tokens in the engines": engine_hits},
            "percentunit",
            "Ours over encoder windows, the engines' prefix caches over forwarded prompt tokens.",
            span=panels.THIRD,
        ),
        panels.graph(
            "Prefix breaks by cause",
            {"{{cause}}": rate("semtoken_prefix_breaks_total", by="cause")},
            "reqps",
            "Chats whose earlier messages may have gone out in another form than a turn before. "
            "Breaks that rise while the engines' cache hits fall cost prefill.",
            span=panels.THIRD,
        ),
    ]


def _quality() -> list[heatmap.Panel | timeseries.Panel]:
    by_model = f"by (model) ({{metric}}{{{{{GATEWAY}}}}})"
    return [
        panels.graph(
            "Mean drift",
            {
                "{{model}}": "max " + by_model.format(metric="semtoken_quality_mean_drift"),
                "{{model}} switched off": "max " + by_model.format(metric="semtoken_quality_switched_off"),
            },
            "short",
            "Nats per token by which sampled answers are likelier after the compressed prompt than after the full one: "
            "0 is no loss. Over `quality_max_drift` (0.5 by default) compression is switched off for the model.",
            span=panels.THIRD,
            above=[(0.5, "red")],
        ),
        panels.distribution(
            "Drift of single answers",
            rate("semtoken_quality_drift_bucket", by="le"),
            "short",
            "Nats per token, see beside. Many far over 0 with a low mean: a few kinds of requests suffer.",
            span=panels.THIRD,
        ),
        panels.graph(
            "What became of samples",
            {"{{outcome}}": rate("semtoken_quality_replays_total", by="outcome")},
            "reqps",
            "Only `scored` ones count. Samples that are `busy` or `dropped` say that there is no room to measure.",
            span=panels.THIRD,
            stacked=True,
        ),
    ]

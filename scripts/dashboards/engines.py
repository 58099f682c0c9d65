"""The engines: what the gateways see of them beside what vLLM 0.32 says itself."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard, heatmap, stat, timeseries

from dashboards import frame, panels
from dashboards.queries import ENGINE, GATEWAY, OUR_ENGINE, mean, percentile, rate, share

_TTFT = "vllm:time_to_first_token_seconds"


def engines() -> dashboard.Dashboard:
    """What the gateways see, beside what the engines say."""
    built = (
        frame.framed(
            "semtoken-engines",
            "SemToken / Engines",
            "vLLM's own metrics beside the gateways'. An engine is named by the host and port where it is reached.",
        )
        .with_variable(frame.gateways())
        .with_variable(frame.engines())
    )
    rows = (
        ("At a glance", _glance()),
        ("Load", _load()),
        ("Latency: the gateway's beside the engine's", _latency()),
        ("Tokens and caches", _tokens()),
        ("Outcomes", _outcomes()),
        ("Choice of engine", _choice()),
    )
    return frame.with_rows(built, rows)


def _glance() -> list[stat.Panel]:
    figure = panels.figure
    return [
        figure(
            "Engines up",
            f"sum(min by (engine) (semtoken_engine_up{{{OUR_ENGINE}}}))",
            "short",
            "Engines that all gateways find healthy.",
            above=[(1, "green")],
            base="red",
        ),
        figure(
            "Running", f"sum(vllm:num_requests_running{{{ENGINE}}})", "short", "Requests in the engines' batches now."
        ),
        figure(
            "Waiting",
            f"sum(vllm:num_requests_waiting{{{ENGINE}}})",
            "short",
            "Requests that wait in the engines. More engines, or more compression, is what helps.",
            above=[(8, "orange"), (64, "red")],
        ),
        figure(
            "KV cache, fullest",
            f"max(vllm:kv_cache_usage_perc{{{ENGINE}}})",
            "percentunit",
            "Of the fullest engine. When it is full, requests wait or are preempted.",
            above=[(0.8, "orange"), (0.95, "red")],
        ),
        figure(
            "Prefix-cache hits",
            share(rate("vllm:prefix_cache_hits_total", ENGINE), rate("vllm:prefix_cache_queries_total", ENGINE)),
            "percentunit",
            "Share of forwarded prompt tokens that the engines had already.",
        ),
        figure(
            "Preemptions",
            f"sum(increase(vllm:num_preemptions_total{{{ENGINE}}}[$__range]))",
            "short",
            "Over the time shown. A preempted request is computed again.",
            above=[(1, "orange"), (100, "red")],
        ),
    ]


def _load() -> list[timeseries.Panel]:
    return [
        panels.graph(
            "Healthy",
            {"{{engine}}, as {{instance}} sees it": f"semtoken_engine_up{{{OUR_ENGINE}}}"},
            "short",
            "1 is up. Gateways that do not agree have a network between them and the engine that is at fault.",
            span=panels.THIRD,
        ),
        panels.graph(
            "Running and waiting",
            {
                "running, {{instance}}": f"sum by (instance) (vllm:num_requests_running{{{ENGINE}}})",
                "waiting, {{instance}}": f"sum by (instance) (vllm:num_requests_waiting{{{ENGINE}}})",
            },
            "short",
            "Requests in each engine now.",
            span=panels.THIRD,
        ),
        panels.graph(
            "KV cache",
            {"{{instance}}": f"max by (instance) (vllm:kv_cache_usage_perc{{{ENGINE}}})"},
            "percentunit",
            "Share in use.",
            span=panels.THIRD,
            above=[(0.95, "red")],
        ),
    ]


def _latency() -> list[timeseries.Panel]:
    graph = panels.graph
    e2e, ours = "vllm:e2e_request_latency_seconds", "semtoken_time_to_first_token_seconds"
    return [
        graph(
            "Time to first token, p95",
            {"gateway": percentile(0.95, ours), "engine": percentile(0.95, _TTFT, ENGINE)},
            "s",
            "The gap is compression, the network and the gateway. The engine's counts unstreamed answers too.",
        ),
        graph(
            "Where an engine's time goes, mean",
            {
                "queue": mean("vllm:request_queue_time_seconds", ENGINE),
                "prefill": mean("vllm:request_prefill_time_seconds", ENGINE),
                "decode": mean("vllm:request_decode_time_seconds", ENGINE),
            },
            "s",
            "Per request. Compression shortens prefill, and thereby the queue.",
            stacked=True,
        ),
        graph(
            "Between tokens, p95",
            {
                "gateway": percentile(0.95, "semtoken_inter_token_seconds"),
                "engine": percentile(0.95, "vllm:inter_token_latency_seconds", ENGINE),
            },
            "s",
            "The gateway counts the events that it relays; an event may hold several tokens.",
        ),
        graph(
            "Whole requests in the engine",
            {f"p{part * 100:g}": percentile(part, e2e, ENGINE) for part in (0.5, 0.95, 0.99)},
            "s",
            "From the engine's own arrival to its last token.",
        ),
    ]


def _tokens() -> list[heatmap.Panel | timeseries.Panel]:
    cached, prompt = rate("vllm:prompt_tokens_cached_total", ENGINE), rate("vllm:prompt_tokens_total", ENGINE)
    return [
        panels.graph(
            "Tokens",
            {
                "prompt, computed": f"{prompt} - {cached}",
                "prompt, from the cache": cached,
                "generated": rate("vllm:generation_tokens_total", ENGINE),
            },
            "short",
            "Tokens a second, of all engines chosen.",
            span=panels.THIRD,
            stacked=True,
        ),
        panels.distribution(
            "Length of forwarded prompts",
            rate("vllm:request_prompt_tokens_bucket", ENGINE, "le"),
            "short",
            "Tokens, as the engines count them after compression.",
            span=panels.THIRD,
        ),
        panels.graph(
            "Prefill time per prompt token",
            {
                "{{instance}}": f"{rate('vllm:request_prefill_time_seconds_sum', ENGINE, 'instance')}"
                f" / {rate('vllm:prompt_tokens_total', ENGINE, 'instance')}"
            },
            "s",
            "What the estimates of saved prefill are made from. Prefills that run side by side count each for itself.",
            span=panels.THIRD,
        ),
    ]


def _outcomes() -> list[timeseries.Panel]:
    return [
        panels.graph(
            "Requests to each engine",
            {"{{engine}}: {{outcome}}": rate("semtoken_engine_requests_total", OUR_ENGINE, "engine, outcome")},
            "reqps",
            "As the gateways sent them. `error` is no answer at all, `cancelled` a client that went away.",
            span=panels.THIRD,
            stacked=True,
        ),
        panels.graph(
            "How answers ended",
            {"{{finished_reason}}": rate("vllm:request_success_total", ENGINE, "finished_reason")},
            "reqps",
            "As the engines say. `abort` is a client that went away or a gateway that gave up.",
            span=panels.THIRD,
            stacked=True,
        ),
        panels.graph(
            "Preempted and refused",
            {
                "preempted, {{instance}}": rate("vllm:num_preemptions_total", ENGINE, "instance"),
                "refused: {{reason}}": rate("vllm:admission_rejections_total", ENGINE, "reason"),
                "streams broken off": rate("semtoken_stream_aborts_total", f'{GATEWAY}, side="engine"'),
            },
            "reqps",
            "Refused by the engine's own limits (`--max-num-queued-reqs`, `--max-num-queued-tokens`).",
            span=panels.THIRD,
        ),
    ]


def _choice() -> list[timeseries.Panel]:
    return [
        panels.graph(
            "What decided",
            {"{{how}}": rate("semtoken_engine_choices_total", by="how")},
            "reqps",
            "`affinity`: the engine that has the beginning of the prompt in its cache; `spill`: that one had too much "
            "to do; `load`: the fewest running requests; `only`: there was no choice.",
            span=panels.THIRD,
            stacked=True,
        ),
        panels.graph(
            "Sent again",
            {
                "{{cause}}": rate("semtoken_engine_retries_total", by="cause"),
                "withheld": rate("semtoken_engine_retries_withheld_total"),
            },
            "reqps",
            "Requests that another engine got after a failure, by what was wrong. Those withheld were over the budget, "
            "and failed.",
            span=panels.THIRD,
        ),
        panels.graph(
            "Left alone",
            {"{{engine}}": f"max by (engine) (semtoken_engine_breaker_open{{{OUR_ENGINE}}})"},
            "short",
            "1: requests failed there one after another, so it gets none for a while. Empty is well.",
            span=panels.THIRD,
        ),
    ]

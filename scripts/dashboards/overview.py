"""The overview: does it work, what does compression save, and does it hurt."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard, stat, timeseries

from dashboards import frame, panels, queries
from dashboards.queries import GATEWAY, GENERATION, ROUTE, percentile, rate, share, total

_COMPRESSED = f'{GATEWAY}, status="compressed"'
_FAILED = f'{GATEWAY}, status=~"failed-open|refused"'
_ANSWERED = f'{GATEWAY}, route=~"{GENERATION}"'


def overview() -> dashboard.Dashboard:
    """Built in the order in which an operator asks."""
    built = (
        frame.framed("semtoken-overview", "SemToken / Overview", "Whether it works, what it saves, whether it hurts.")
        .with_variable(frame.gateways())
        .with_variable(frame.routes())
    )
    rows = (
        ("Does it work?", _works()),
        ("What does compression save, and does it hurt?", _saves()),
        ("Traffic", _traffic()),
        ("Latency", _latency()),
        ("Tokens and time", _tokens()),
        ("Statuses and reasons", _outcomes()),
    )
    return frame.with_rows(built, rows)


def _works() -> list[stat.Panel]:
    figure = panels.figure
    errors = share(
        rate("semtoken_requests_total", f'{_ANSWERED}, code=~"5.."'), rate("semtoken_requests_total", _ANSWERED)
    )
    return [
        figure(
            "Requests", rate("semtoken_requests_total", _ANSWERED), "reqps", "Requests to a model that were answered."
        ),
        figure(
            "Errors",
            errors,
            "percentunit",
            "Share of requests to a model answered with 5xx: the gateway's own and the engines'.",
            above=[(0.01, "orange"), (0.05, "red")],
        ),
        figure(
            "First token, p95",
            percentile(0.95, "semtoken_time_to_first_token_seconds"),
            "s",
            "19 of 20 streamed answers begin within this; compression is in it. The objective of the alerts is 3 s.",
            above=[(1.5, "orange"), (3, "red")],
        ),
        figure(
            "In flight",
            f"sum(semtoken_inflight_requests{{{GATEWAY}}})",
            "short",
            "Requests being answered now, over all gateways and their workers.",
        ),
        figure(
            "Engines up",
            f"sum(max by (engine) (semtoken_engine_up{{{GATEWAY}}}))",
            "short",
            "Engines that at least one gateway finds healthy.",
            above=[(1, "green")],
            base="red",
        ),
        figure(
            "Gateways up",
            'sum(up{job="semtoken"})',
            "short",
            "Gateways that Prometheus reaches.",
            above=[(1, "green")],
            base="red",
        ),
    ]


def _saves() -> list[stat.Panel]:
    figure = panels.figure
    original, forwarded = (
        rate("semtoken_prompt_tokens_total", f'{GATEWAY}, stage="{stage}"') for stage in ("original", "forwarded")
    )
    compressed = rate("semtoken_compression_requests_total", _COMPRESSED)
    original_total, forwarded_total = (
        total("semtoken_prompt_tokens_total", f'{GATEWAY}, stage="{stage}"') for stage in ("original", "forwarded")
    )
    failed = share(rate("semtoken_compression_requests_total", _FAILED), rate("semtoken_compression_requests_total"))
    return [
        figure(
            "Tokens saved",
            f"1 - {forwarded} / {original}",
            "percentunit",
            "Share of the prompt tokens that compression looked at and that no engine had to read.",
            above=[(0.1, "green")],
            base="orange",
        ),
        figure("Tokens saved, all", f"{original_total} - {forwarded_total}", "short", "Over the time shown."),
        figure(
            "Prefill saved, all",
            f"{queries.prefill_saved('$__range')} * $__range_s",
            "s",
            f"Over the time shown. {queries.PREFILL_ESTIMATE}",
        ),
        figure(
            "Net gain per request",
            f"({queries.prefill_saved()} - {queries.compression_spent()}) / ({compressed} > 0)",
            "s",
            "Prefill saved less time spent compressing and waiting for it, per compressed request. "
            "**Below zero compression makes answers slower.** " + queries.PREFILL_ESTIMATE,
            above=[(0, "green")],
            base="red",
        ),
        figure(
            "Share of latency",
            share(queries.compression_spent(), rate("semtoken_request_seconds_sum", _ANSWERED)),
            "percentunit",
            "Compression, waiting included, of the time that requests to a model take.",
            above=[(0.1, "orange"), (0.25, "red")],
        ),
        figure(
            "Compression failed",
            failed,
            "percentunit",
            "Share of requests that went on uncompressed, or were refused, because compression failed.",
            above=[(0.01, "orange"), (0.05, "red")],
        ),
    ]


def _traffic() -> list[timeseries.Panel]:
    graph = panels.graph
    return [
        graph(
            "Requests by route",
            {"{{route}}": rate("semtoken_requests_total", ROUTE, "route")},
            "reqps",
            "All routes that are chosen above.",
            span=panels.THIRD,
            stacked=True,
        ),
        graph(
            "Requests by status code",
            {"{{code}}": rate("semtoken_requests_total", ROUTE, "code")},
            "reqps",
            "499: the client went away before its answer began.",
            span=panels.THIRD,
            stacked=True,
        ),
        graph(
            "Refused and cut short",
            {
                "refused: {{reason}}": rate("semtoken_admission_rejections_total", by="reason"),
                "cut short by {{side}}": rate("semtoken_stream_aborts_total", by="side"),
                "no key, or a wrong one": rate("semtoken_auth_failures_total"),
            },
            "reqps",
            "Requests that the gateway refused itself, and streams that ended early. "
            "Clients that go away are normal; engines that break off are not.",
            span=panels.THIRD,
        ),
    ]


def _latency() -> list[timeseries.Panel]:
    def quantiles(metric: str, selector: str) -> dict[str, str]:
        return {f"p{part * 100:g}": percentile(part, metric, selector) for part in (0.5, 0.9, 0.95, 0.99)}

    graph = panels.graph
    return [
        graph(
            "Time to first token",
            quantiles("semtoken_time_to_first_token_seconds", ROUTE),
            "s",
            "From a request's arrival to the first event of its streamed answer; compression is in it.",
            span=panels.THIRD,
            above=[(3, "red")],
        ),
        graph(
            "Total",
            quantiles("semtoken_request_seconds", f'{ROUTE}, route=~"{GENERATION}"'),
            "s",
            "From the arrival of a request to a model to the last byte of its answer.",
            span=panels.THIRD,
        ),
        graph(
            "Between tokens",
            quantiles("semtoken_inter_token_seconds", GATEWAY),
            "s",
            "Between the events of streamed answers. Compression does not touch it, but shorter prompts do.",
            span=panels.THIRD,
        ),
    ]


def _tokens() -> list[timeseries.Panel]:
    metric = "semtoken_prompt_tokens_total"
    before_after = {
        "before": rate(metric, f'{GATEWAY}, stage="original"'),
        "after": rate(metric, f'{GATEWAY}, stage="forwarded"'),
    }
    saved_spent = {"prefill saved": queries.prefill_saved(), "compression spent": queries.compression_spent()}
    answered = rate("semtoken_request_seconds_sum", _ANSWERED)
    stage = rate("semtoken_compression_seconds_sum", f'{GATEWAY}, stage="total"')
    shares = {
        "waiting": share(rate("semtoken_encoder_queue_seconds_sum"), answered),
        "compressing": share(stage, answered),
    }
    colors = {"prefill saved": "green", "compression spent": "orange", "before": "blue", "after": "green"}
    shown = [
        panels.graph(
            "Prompt tokens before and after",
            before_after,
            "short",
            "Tokens a second, in the served model's tokenizer; the gap is what is saved.",
            span=panels.THIRD,
        ),
        panels.graph(
            "Seconds saved and spent",
            saved_spent,
            "s",
            "Seconds of requests' time per second. Where orange is over green, compression hurts. "
            + queries.PREFILL_ESTIMATE,
            span=panels.THIRD,
        ),
        panels.graph(
            "Compression's share of latency",
            shares,
            "percentunit",
            "Of the time that requests to a model take.",
            span=panels.THIRD,
            stacked=True,
            above=[(0.25, "red")],
        ),
    ]
    return [panels.fixed_colors(panel, colors) for panel in shown]


def _outcomes() -> list[timeseries.Panel]:
    def by_reason(status: str) -> dict[str, str]:
        selector = f'{GATEWAY}, status=~"{status}"'
        return {"{{reason}}": rate("semtoken_compression_requests_total", selector, "reason")}

    return [
        panels.fixed_colors(
            panels.graph(
                "What became of requests",
                {"{{status}}": rate("semtoken_compression_requests_total", by="status")},
                "reqps",
                "Every request to a model.",
                span=panels.THIRD,
                stacked=True,
            ),
            {"compressed": "green", "skipped": "blue", "off": "text", "failed-open": "orange", "refused": "red"},
        ),
        panels.graph(
            "Why they were left alone or missed the ratio",
            by_reason("skipped|compressed"),
            "reqps",
            "`ok` is compressed as asked. The other reasons are explained in docs/metrics.md.",
            span=panels.THIRD,
            stacked=True,
        ),
        panels.graph(
            "Why compression failed",
            by_reason("failed-open|refused"),
            "reqps",
            "Empty is well. The reasons are explained in docs/metrics.md, what to do in docs/runbook.md.",
            span=panels.THIRD,
            stacked=True,
        ),
    ]

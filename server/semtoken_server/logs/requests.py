"""One line for each request that was answered."""

from __future__ import annotations

import logging

from semtoken_server.compression.outcome import Outcome

logger = logging.getLogger(__name__)


def log_request(method: str, route: str, status: int, duration_s: float, outcome: Outcome | None) -> None:
    """Write the line; ``route`` is a template, so that nothing of what a client wrote is in it."""
    told: dict[str, str | int | float] = {
        "method": method,
        "route": route,
        "status": status,
        "duration_s": round(duration_s, 6),
    }
    compressed = ""
    if outcome is not None:
        told |= {"semtoken_status": outcome.status, "semtoken_reason": outcome.reason}
        compressed = f", {outcome.status} ({outcome.reason})"
        if outcome.original_tokens is not None and outcome.forwarded_tokens is not None:
            told |= {"original_tokens": outcome.original_tokens, "forwarded_tokens": outcome.forwarded_tokens}
            compressed += f", {outcome.original_tokens} to {outcome.forwarded_tokens} tokens"
    logger.info("%s %s %d in %.3f s%s", method, route, status, duration_s, compressed, extra=told)

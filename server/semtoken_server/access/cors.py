"""Pages of other origins that may call the gateway from a browser; none unless the settings name them."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware

_EXPOSED = (
    "x-request-id",
    "retry-after",
    "x-semtoken-status",
    "x-semtoken-reason",
    "x-semtoken-original-tokens",
    "x-semtoken-forwarded-tokens",
    "x-semtoken-compress-ms",
)


def allow_origins(app: Starlette, origins: Sequence[str]) -> None:
    """Let pages of these origins call ``app``; cookies are never asked for, so a page must have a key of its own."""
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(origins),
        allow_methods=["GET", "POST"],
        allow_headers=["*"],
        expose_headers=list(_EXPOSED),
    )

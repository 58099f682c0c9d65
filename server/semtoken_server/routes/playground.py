"""``GET /playground``: the page that shows what compression does."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from semtoken_server.playground.page import page

router = APIRouter()


@router.get("/playground")
async def playground() -> Response:
    """One self-contained page; it works on the gateway's other routes, with the visitor's own key if one is needed."""
    made = page()
    headers = {
        "content-security-policy": made.policy,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=()",
        # A newer gateway's page is to be seen at once.
        "cache-control": "no-cache",
    }
    return Response(made.html, headers=headers, media_type="text/html; charset=utf-8")

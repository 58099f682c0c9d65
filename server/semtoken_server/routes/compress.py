"""``POST /v1/compress``: what compression makes of a text or a chat, without an engine."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import APIRouter
from semtoken import CompressionResult, MessagesResult, PartResult
from starlette.requests import Request
from starlette.responses import Response

from semtoken_server.bodies import read_json
from semtoken_server.compression.outcome import Outcome
from semtoken_server.disconnect import until_disconnect
from semtoken_server.gateway import Gateway, gateway_of
from semtoken_server.middleware import keep_outcome, trace_of
from semtoken_server.options import RequestOptions
from semtoken_server.schemas.compress import CompressRequest
from semtoken_server.schemas.validation import validated

router = APIRouter()


@router.post("/v1/compress")
async def compress(request: Request) -> Response:
    """The result of a compression that explains itself."""
    gateway, trace = gateway_of(request), trace_of(request)
    with trace.step("parse"):
        body = await read_json(request, gateway.settings.max_body_bytes)
        asked = validated(CompressRequest, body.data)
        options = await gateway.access.admit(request, body, gateway.compress_options, model=False)
    with trace.step("compress") as step:
        work = _compressed(gateway, asked, body.data.get("messages"), options)
        result = await until_disconnect(request.receive, work)
        step.compressed(outcome := _outcome(result))
    keep_outcome(request, outcome)
    told = _chat_json(result) if isinstance(result, MessagesResult) else result.to_dict()
    return Response(orjson.dumps(told), media_type="application/json")


async def _compressed(
    gateway: Gateway, asked: CompressRequest, messages: Any, options: RequestOptions
) -> CompressionResult | MessagesResult:
    if asked.text is None:
        return await gateway.compression.messages(messages, options, asked.tools)
    query = options.compression.query if asked.query is None else asked.query
    return await gateway.compression.text(asked.text, query, options)


def _outcome(result: CompressionResult | MessagesResult) -> Outcome:
    forwarded = result.forwarded_tokens if isinstance(result, MessagesResult) else result.compressed_tokens
    return Outcome(
        str(result.status), str(result.reason), result.original_tokens, forwarded, timings_ms=result.timings_ms
    )


def _chat_json(form: MessagesResult) -> dict[str, Any]:
    """The text form's JSON as far as it has a meaning for a chat, and each text's own under ``parts``."""
    return {
        "messages": list(form.messages),
        "original_tokens": form.original_tokens,
        "compressed_tokens": form.forwarded_tokens,
        "ratio": round(form.ratio, 4),
        "status": str(form.status),
        "reason": str(form.reason),
        "parts": [_part_json(part) for part in form.parts],
        "timings_ms": {stage: round(value, 3) for stage, value in form.timings_ms.items()},
    }


def _part_json(part: PartResult) -> dict[str, Any]:
    return {
        "message": part.message,
        "part": part.part,
        "role": part.role,
        "query": part.query,
        "recalled": list(part.recalled),
        **part.result.to_dict(),
    }

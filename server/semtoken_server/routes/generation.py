"""The compressed routes: one handler for every family."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Send

from semtoken_server.answers import GenerationAnswer, engine_request
from semtoken_server.bodies import JsonBody, read_json
from semtoken_server.families import FAMILIES, Family, Prepared
from semtoken_server.gateway import Gateway, gateway_of
from semtoken_server.middleware import keep_outcome, trace_of
from semtoken_server.options import RequestOptions
from semtoken_server.rewrite import append_member, rewritten
from semtoken_server.routes.endpoint import AsgiEndpoint, Handler
from semtoken_server.schemas.generation import GenerationRequest
from semtoken_server.schemas.validation import validated
from semtoken_server.window import context_of, fitted

router = APIRouter()


def handler_of(family: Family[Any]) -> Handler:
    """What serves a family's route."""

    async def handler(request: Request, send: Send) -> None:
        gateway, trace = gateway_of(request), trace_of(request)
        with trace.step("parse"):
            body = await read_json(request, gateway.settings.max_body_bytes)
            asked = validated(family.schema, body.data)
            trace.generating(family.operation, asked.model, stream=asked.stream is True)
            options = await gateway.access.admit(request, body, gateway.options[family.path])
            family.require_realisable(options, body.data)
            options = _fitted(gateway, options, asked)
        answer = GenerationAnswer(request, gateway, send, family.stream)

        async def forwarded() -> None:
            with trace.step("compress") as step:
                await gateway.compression.require(options, family.checked)
                prepared = await family.prepare(gateway.compression, body, asked, options)
                step.compressed(prepared.outcome)
            keep_outcome(request, prepared.outcome)
            # Where there is but one engine nobody asks.
            affinity = family.affinity(body.data) if len(gateway.engine.health) > 1 else None
            await answer.forward(
                engine_request(request, _forwarded(body, prepared), asked.model, affinity),
                body,
                options,
                prepared.outcome,
                gateway.token_chats.sender(prepared.seams, body) if prepared.seams else gateway.engine,
            )

        await answer.until_disconnect(forwarded())

    return handler


router.routes.extend(Route(family.path, AsgiEndpoint(handler_of(family)), methods=["POST"]) for family in FAMILIES)


def _fitted(gateway: Gateway, options: RequestOptions, asked: GenerationRequest) -> RequestOptions:
    if options.compression.mode == "off":
        return options
    settings = gateway.settings
    options = gateway.quality.restrained(replace(options, model=asked.model), asked.model)
    window = context_of(gateway.engine, asked.model) if settings.fit_window else None
    return fitted(options, asked, window, settings.window_reserve_tokens)


def _forwarded(body: JsonBody, prepared: Prepared) -> bytes:
    """The body for the engine: the client's own bytes but for what must change."""
    edits = prepared.edits
    if "semtoken" in body.data:
        edits = {**edits, ("semtoken",): None}
    raw = rewritten(body.raw, edits)
    for name, value in prepared.added.items():
        raw = append_member(raw, name, orjson.Fragment(value))
    return raw

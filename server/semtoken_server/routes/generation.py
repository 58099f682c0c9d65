"""``/v1/chat/completions`` and ``/v1/completions``: compressed, forwarded, streamed and not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson
from fastapi import APIRouter
from semtoken import InvalidOptionError, chat_without_keep_tags, without_keep_tags
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Send

from semtoken_server.access.prompts import Prompt, given
from semtoken_server.answers import GenerationAnswer
from semtoken_server.bodies import JsonBody, read_json
from semtoken_server.compression.backend import CompressedPrompt
from semtoken_server.compression.embeds import embedded_messages, wire_form
from semtoken_server.compression.outcome import Outcome
from semtoken_server.gateway import Gateway, gateway_of
from semtoken_server.options import RequestOptions
from semtoken_server.rewrite import append_member, replace_members
from semtoken_server.routes.endpoint import AsgiEndpoint
from semtoken_server.schemas.generation import ChatRequest, CompletionRequest, GenerationRequest
from semtoken_server.schemas.validation import validated
from semtoken_server.window import fitted, may_overflow

router = APIRouter()

Changes = dict[str, bytes | None]


async def chat_completions(request: Request, send: Send) -> None:
    """A chat, its long user and tool messages compressed."""
    gateway = gateway_of(request)
    body = await read_json(request, gateway.settings.max_body_bytes)
    chat = validated(ChatRequest, body.data)
    asked = await gateway.access.admit(request, body, gateway.chat_options, Prompt(chat.all_texts))
    options = _fitted(gateway, asked, chat)
    if options.compression.realise == "tokens":
        raise InvalidOptionError(
            "realise: 'tokens' in a chat needs an engine started with --enable-scale-out;"
            " this version of the gateway forwards chats as text or embeddings",
            param="realise",
        )

    answer = GenerationAnswer(request, gateway, send)

    async def compressed() -> None:
        await gateway.compression.require_embeds(options)
        outcome, changes = await _compress_chat(gateway, body, chat, options)
        await answer.forward(_rewritten(body, changes), outcome)

    await answer.until_disconnect(compressed())


async def completions(request: Request, send: Send) -> None:
    """A completion, its prompt compressed and by default forwarded as token ids."""
    gateway = gateway_of(request)
    body = await read_json(request, gateway.settings.max_body_bytes)
    completion = validated(CompletionRequest, body.data)
    asked = await gateway.access.admit(request, body, gateway.completion_options, given(completion.prompt))
    options = _fitted(gateway, asked, completion)

    answer = GenerationAnswer(request, gateway, send)

    async def compressed() -> None:
        await gateway.compression.require_embeds(options)
        outcome, changes = await _compress_prompts(gateway, body, completion, options)
        await answer.forward(_rewritten(body, changes), outcome)

    await answer.until_disconnect(compressed())


router.routes.append(Route("/v1/chat/completions", AsgiEndpoint(chat_completions), methods=["POST"]))
router.routes.append(Route("/v1/completions", AsgiEndpoint(completions), methods=["POST"]))


async def _compress_chat(
    gateway: Gateway, body: JsonBody, chat: ChatRequest, options: RequestOptions
) -> tuple[Outcome, Changes]:
    messages = body.data["messages"]
    outcome, form = _bypass(gateway, body, chat, options), None
    if outcome is None:
        outcome, form = await gateway.compression.chat(messages, options, chat.tools)
    forwarded = messages
    if form is not None and options.compression.realise == "embeds":
        # Off the event loop: what it writes can be megabytes.
        forwarded = await asyncio.to_thread(embedded_messages, form.messages, form.parts)
    elif form is not None:
        forwarded = list(form.messages)
    elif options.compression.keep_tags:
        forwarded = list(chat_without_keep_tags(messages))
    # Equal forms keep the client's own bytes.
    return outcome, {} if forwarded == messages else {"messages": orjson.dumps(forwarded)}


async def _compress_prompts(
    gateway: Gateway, body: JsonBody, completion: CompletionRequest, options: RequestOptions
) -> tuple[Outcome, Changes]:
    outcome, done = _bypass(gateway, body, completion, options), None
    texts = completion.texts()
    if outcome is None:
        outcome, done = await gateway.compression.prompts(texts, options, special_tokens=completion.add_special_tokens)
    forms: list[Any]
    if done is None:
        forms = [without_keep_tags(text) for text in texts] if options.compression.keep_tags else texts
    elif options.compression.realise == "text":
        forms = [prompt.result.text for prompt in done]
    elif options.compression.realise == "embeds":
        return outcome, await asyncio.to_thread(_embedded, completion, done)
    else:
        compressed = any(prompt.result.text != prompt.result.original for prompt in done)
        forms = [prompt.ids for prompt in done] if compressed else texts
    if forms == texts:
        return outcome, {}
    return outcome, {"prompt": orjson.dumps(forms[0] if isinstance(completion.prompt, str) else forms)}


def _embedded(completion: CompletionRequest, done: Sequence[CompressedPrompt]) -> Changes:
    """Embeddings instead of the prompts, all of them: the engine would take both, in another order."""
    if all(prompt.result.text == prompt.result.original for prompt in done):
        return {}
    forms = [wire_form(prompt.embeds) for prompt in done if prompt.embeds is not None]
    return {
        "prompt": None,
        "prompt_embeds": orjson.dumps(forms[0] if isinstance(completion.prompt, str) else forms),
    }


def _bypass(
    gateway: Gateway, body: JsonBody, generation: ChatRequest | CompletionRequest, options: RequestOptions
) -> Outcome | None:
    """The outcome of a request that needs no look at its tokens."""
    asked = options.compression
    if asked.mode == "off":
        return gateway.compression.bypass("off", "mode_off")
    if (reason := generation.uncompressible()) is not None:
        return gateway.compression.bypass("skipped", reason)
    # A token is at least a byte, so where all texts together are short none need be tokenised: there is
    # nothing to compress, and nothing that a question could recall.
    if asked.mode == "auto" and asked.target_tokens is None and not may_overflow(options, len(body.raw)):
        texts = generation.texts(asked.roles)
        if texts and _bytes_under(texts, asked.min_tokens):
            return gateway.compression.bypass("skipped", "too_short")
    return None


def _bytes_under(texts: list[str], limit: int) -> bool:
    # A character is at least a byte: long texts are told by their lengths, and not encoded.
    return sum(map(len, texts)) < limit and sum(len(text.encode()) for text in texts) < limit


def _fitted(gateway: Gateway, options: RequestOptions, generation: GenerationRequest) -> RequestOptions:
    if options.compression.mode == "off":
        return options
    settings = gateway.settings
    window = gateway.check.window if settings.fit_window else None
    return fitted(options, generation, window, settings.window_reserve_tokens)


def _rewritten(body: JsonBody, changes: Changes) -> bytes:
    """The body for the engine: the client's own bytes but for what must change."""
    if "semtoken" in body.data:
        changes = {**changes, "semtoken": None}
    rewritten = replace_members(body.raw, changes) if changes else body.raw
    for name, value in changes.items():
        if value is not None and name not in body.data:
            rewritten = append_member(rewritten, name, orjson.Fragment(value))
    return rewritten

"""The room that a request's prompt has in the served model's context."""

from __future__ import annotations

from dataclasses import replace

from semtoken_server.engines.base import Engine
from semtoken_server.options import RequestOptions
from semtoken_server.schemas.generation import GenerationRequest

RESERVED_SHARE = 4
"""A reserve for the answer is at most the fourth part of the context."""
TEMPLATE_TOKENS = 512
"""More than a chat template writes around messages and tools that stand in a body of JSON."""


def context_of(engine: Engine, model: str | None) -> int | None:
    """The smallest context of the engines that list ``model``, up or down; of all where none lists it.

    A replica that goes and comes back leaves it, and with it the forms of prompts, as it was.
    """
    known = [windows for windows in engine.windows.values() if windows is not None]
    told = [windows[model] for windows in known if model in windows] if model else []
    told = told or [window for windows in known for window in windows.values()]
    return min((window for window in told if window is not None), default=None)


def fitted(
    options: RequestOptions, request: GenerationRequest, window: int | None, reserve_tokens: int
) -> RequestOptions:
    """``options`` with the context of the served model, of ``window`` tokens, and the room for the answer.

    As they were where the context is not known, where the client wants its prompt cut off by the engine,
    and where the engine will refuse the request whatever its prompt is.
    """
    if window is None or request.cut_by_engine:
        return options
    room = request.output_tokens
    if room is None:
        room = min(reserve_tokens, window // RESERVED_SHARE)
    if room > window:
        return options
    bounds = {"window_tokens": window, "output_tokens": max(1, room)}
    return replace(options, compression=options.compression.model_copy(update=bounds))


def may_overflow(options: RequestOptions, body_bytes: int) -> bool:
    """Whether a request with a body of that many bytes could be over the context: a token is at least a byte."""
    asked = options.compression
    if asked.window_tokens is None:
        return False
    return body_bytes + TEMPLATE_TOKENS + asked.output_tokens > asked.window_tokens

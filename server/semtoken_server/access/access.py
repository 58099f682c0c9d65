"""The rights of clients: who asks, whether there is room, and what a request may say."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from starlette.requests import Request
from starlette.types import Scope

from semtoken_server.access.authentication import Authenticator
from semtoken_server.access.body_clock import BodyClock
from semtoken_server.access.gate import Gate
from semtoken_server.access.hold import Hold
from semtoken_server.access.keys import ApiKey, anonymous
from semtoken_server.access.passes import require_passable
from semtoken_server.access.prompts import PromptCounter
from semtoken_server.access.rates import Rates
from semtoken_server.access.store import KeyStore
from semtoken_server.bodies import JsonBody
from semtoken_server.compression.backend import CompressorBackend
from semtoken_server.errors import BadRequestError, KeyBusyError, ModelUnknownError
from semtoken_server.metrics import Metrics
from semtoken_server.options import OptionsOf, RequestOptions
from semtoken_server.settings import Settings

_STATE = "api_key"


@dataclass(slots=True)
class Access:
    """Everything that decides whether a request is served."""

    max_body_bytes: int
    store: KeyStore | None
    authenticator: Authenticator
    gate: Gate
    rates: Rates
    prompts: PromptCounter
    clock: BodyClock
    running_of: Counter[str]
    """Requests running, by the name of those keys that have a bound on them."""

    @classmethod
    def build(cls, settings: Settings, backend: CompressorBackend, metrics: Metrics) -> Access:
        """Raises ``InvalidKeysError`` for a file of keys that is wrong."""
        store = None if settings.keys_file is None else KeyStore(settings.keys_file)
        shared = settings.limits_redis_url
        return cls(
            settings.max_body_bytes,
            store,
            Authenticator(store, anonymous(settings.anonymous_passes), metrics),
            Gate(
                max_concurrent=settings.max_concurrent,
                max_bytes=settings.max_inflight_bytes,
                max_queue=settings.max_queue,
                wait_s=settings.queue_wait_s,
            ),
            Rates(None if shared is None else shared.get_secret_value()),
            PromptCounter(backend, limit=settings.max_prompt_tokens, timeout_s=settings.compress_timeout_s),
            BodyClock(settings.body_timeout_s),
            Counter(),
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Watch the file of keys for as long as this lasts."""
        watching = None if self.store is None else asyncio.create_task(self.store.watch())
        try:
            yield
        finally:
            if watching is not None:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
            await self.rates.close()

    def reconfigure(self, settings: Settings) -> None:
        """Take over those settings that may change under way, and read the file of keys again, for SIGHUP."""
        self.max_body_bytes = settings.max_body_bytes
        self.prompts.timeout_s = settings.compress_timeout_s
        self.reload()

    def reload(self) -> bool:
        """Read the file of keys again; whether what counts now is what it says."""
        return self.store is None or self.store.reload()

    async def enter(self, headers: Iterable[tuple[bytes, bytes]]) -> tuple[ApiKey, Hold]:
        """Let a request in by its headers alone; who gets in must :meth:`leave`.

        Raises ``UnauthorizedError``, ``RetryLaterError`` and ``BodyTooLargeError``.
        """
        key = self.authenticator.key_of(headers)
        announced = _announced(headers, self.max_body_bytes)
        # Before anything is awaited, or two could take one place.
        self._begin(key)
        entered = False
        try:
            if key.requests_per_minute is not None:
                await self.rates.count_request(key)
            if not self.gate.try_enter(announced or 0):
                await self.gate.enter(announced or 0)
            entered = True
        finally:
            if not entered:
                self._end(key)
        return key, Hold(self.gate, announced, self.clock)

    def leave(self, key: ApiKey, hold: Hold) -> None:
        """The request has been answered."""
        hold.leave()
        self._end(key)

    def require_allowed(self, request: Request, data: Mapping[str, Any], *, model: bool = True) -> ApiKey:
        """The key of a request whose body is ``data``, where it may name that model and set those fields.

        Without ``model`` the route has none. Raises ``ModelUnknownError`` and ``BadRequestError``.
        """
        key = key_of(request)
        if model and key.models is not None:
            named = data.get("model")
            if named is None:
                raise BadRequestError("this key must name one of its models", param="model")
            if not isinstance(named, str) or not key.may_use(named):
                raise ModelUnknownError(str(named))
        require_passable(data, key.passes)
        return key

    async def admit(
        self, request: Request, body: JsonBody, options: OptionsOf, *, model: bool = True
    ) -> RequestOptions:
        """The options of a request that may be served, its prompt counted where a limit wants it.

        Raises what :meth:`require_allowed` raises, ``InvalidOptionError`` for an option that the key may not
        set so, ``PromptTooLargeError`` and ``TokenRateError``.
        """
        key = self.require_allowed(request, body.data, model=model)
        asked = options.request(body.data.get("semtoken"), request.headers, key.options)
        await self.charge(request, body)
        return replace(asked, tenant=key.cache_tenant) if key.cache_tenant else asked

    async def charge(self, request: Request, body: JsonBody) -> None:
        """Hold a body's prompt against the limits on prompts, and count it; nothing is tokenised where there are none.

        Raises ``PromptTooLargeError`` and ``TokenRateError``.
        """
        key = key_of(request)
        if key.tokens_per_minute is None and not self.prompts.may_exceed(len(body.raw)):
            return
        await self.rates.count_tokens(key, await self.prompts.count(body.data))

    def _begin(self, key: ApiKey) -> None:
        if key.max_concurrent is None:
            return
        if self.running_of[key.name] >= key.max_concurrent:
            raise KeyBusyError(key.max_concurrent)
        self.running_of[key.name] += 1

    def _end(self, key: ApiKey) -> None:
        # The file may have changed meanwhile; whoever was counted is.
        if key.max_concurrent is not None:
            self.running_of[key.name] -= 1


def keep_key(scope: Scope, key: ApiKey) -> None:
    """Let those who serve the request find its key."""
    scope["state"][_STATE] = key


def key_of(request: Request) -> ApiKey:
    """The key of a request that was let in."""
    key: ApiKey = request.scope["state"][_STATE]
    return key


def _announced(headers: Iterable[tuple[bytes, bytes]], limit: int) -> int | None:
    """The length of the body that is going to be read; None where it is counted as it comes, as chunks are."""
    length: int | None = 0
    for name, value in headers:
        if name == b"content-length":
            # What is no number or over the limit is refused by who would read it, and takes no room. If the limit
            # has been raised by then, the body is read, and counted.
            known = len(value) <= 18 and value.isdigit() and int(value) <= limit
            return int(value) if known else None
        if name == b"transfer-encoding":
            length = None
    return length

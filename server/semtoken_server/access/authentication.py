"""Which key a request carries."""

from __future__ import annotations

from collections.abc import Iterable

from semtoken_server.access.keys import ApiKey
from semtoken_server.access.store import KeyStore
from semtoken_server.errors import UnauthorizedError
from semtoken_server.metrics import Metrics

_SCHEME = b"bearer "


class Authenticator:
    """Finds the key of a request among those of the store; without a store everybody is ``nobody``."""

    def __init__(self, store: KeyStore | None, nobody: ApiKey, metrics: Metrics) -> None:
        self._store = store
        self._nobody = nobody
        self._failures = metrics.auth_failures

    def key_of(self, headers: Iterable[tuple[bytes, bytes]]) -> ApiKey:
        """The key in ``authorization: Bearer`` or, for Anthropic's clients, in ``x-api-key``.

        Raises ``UnauthorizedError``, counted, which tells whether there was a key and nothing more.
        """
        if self._store is None:
            return self._nobody
        offered = _offered(headers)
        key = None if offered is None else self._store.find(offered)
        if key is None:
            self._failures.inc()
            raise UnauthorizedError(
                "no API key was given: send it as 'Authorization: Bearer KEY'" if offered is None else "wrong API key"
            )
        return key


def _offered(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    found: bytes | None = None
    for name, value in headers:
        if name == b"authorization":
            if value[: len(_SCHEME)].lower() == _SCHEME:
                return value[len(_SCHEME) :].strip()
        elif name == b"x-api-key" and found is None:
            found = value.strip()
    return found or None

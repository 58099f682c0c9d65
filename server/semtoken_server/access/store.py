"""The keys that count now."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Callable
from pathlib import Path

from semtoken_server.access.key_file import InvalidKeysError, fingerprint, read_keys
from semtoken_server.access.keys import ApiKey, digest_of

logger = logging.getLogger(__name__)

INTERVAL_S = 2.0
"""Seconds between looks at the file."""


class KeyStore:
    """Keys of a file, read again when it changes; a file that turns bad leaves the old ones in force.

    Raises ``InvalidKeysError`` when it is bad from the beginning.
    """

    def __init__(
        self,
        path: Path,
        *,
        interval_s: float = INTERVAL_S,
        equal: Callable[[str, str], bool] = hmac.compare_digest,
    ) -> None:
        self._path = path
        self._interval_s = interval_s
        self._equal = equal
        # The stamp first: a change in between is then seen as one.
        self._seen = fingerprint(path)
        self._keys = read_keys(path)

    def find(self, offered: bytes) -> ApiKey | None:
        """The key that was offered, or None.

        All keys are compared, each in constant time: how long it takes tells how many there are, and nothing
        of what is in them. A thousand take 0.1 ms.
        """
        digest = digest_of(offered)
        found: ApiKey | None = None
        for key in self._keys:
            if self._equal(key.sha256, digest):
                found = key
        return found

    def reload(self) -> bool:
        """Read the file again; whether the keys are now those of the file. Tells in the log what is wrong."""
        self._seen = fingerprint(self._path)
        try:
            self._keys = read_keys(self._path)
        except InvalidKeysError as error:
            logger.error("the keys stay as they were: %s", error)
            return False
        logger.info("%d keys read from %s", len(self._keys), self._path)
        return True

    async def watch(self) -> None:
        """Read the file again whenever it has changed, until cancelled."""
        while True:
            await asyncio.sleep(self._interval_s)
            if fingerprint(self._path) != self._seen:
                # Off the event loop: YAML of a thousand keys takes a third of a second.
                reading = asyncio.to_thread(self.reload)
                # Whatever it meets, keys revoked later must be.
                (met,) = await asyncio.gather(reading, return_exceptions=True)
                if isinstance(met, BaseException):
                    # Its kind alone: a message could quote a value.
                    logger.error("the keys stay as they were: reading them failed with %s", type(met).__name__)

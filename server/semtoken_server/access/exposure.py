"""Who could reach the gateway, before it listens."""

from __future__ import annotations

import ipaddress

from semtoken_server.access.key_file import read_keys
from semtoken_server.settings import Settings


def look_at_access(settings: Settings) -> str | None:
    """A warning where everybody who reaches the machine may use the gateway; None where nobody may who should not.

    Raises ``InvalidKeysError`` for a file of keys that is wrong, before processes are started that would fail by it.
    """
    if settings.keys_file is not None:
        return None if read_keys(settings.keys_file) else "warning: keys_file holds no key, so nobody is let in"
    if is_loopback(settings.host):
        return None
    return (
        f"warning: listening on {settings.host} without API keys, so whoever reaches it may use it;"
        " set keys_file (semtoken keys new) or listen on 127.0.0.1"
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``; a name that is not localhost may be anything."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

"""Which engine has a conversation's beginning in its cache: rendezvous hashing with bounded loads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from hashlib import blake2b

from semtoken_server.engines.endpoint import Endpoint


def ranked(affinity: bytes, endpoints: Sequence[Endpoint]) -> list[Endpoint]:
    """The endpoints in the order in which they are wanted for ``affinity``.

    Highest random weight first (Thaler and Ravishankar, 1998): every gateway with the same engine
    URLs finds the same order, and an engine that goes moves only what it had itself.
    """

    def weight(endpoint: Endpoint) -> bytes:
        return blake2b(affinity + b"\0" + endpoint.name.encode(), digest_size=8).digest()

    return sorted(endpoints, key=weight, reverse=True)


def bounded(order: Sequence[Endpoint], load_factor: float) -> Endpoint:
    """The first endpoint in ``order`` with room for one request more.

    Each has room for ``load_factor`` times its fair share, rounded up (Mirrokni, Thorup and
    Zadimoghaddam, 2016). Since the factor is at least 1, one always has; ``order`` must not be empty.
    """
    total = sum(endpoint.outstanding for endpoint in order) + 1
    room = math.ceil(load_factor * total / len(order))
    return next(endpoint for endpoint in order if endpoint.outstanding < room)

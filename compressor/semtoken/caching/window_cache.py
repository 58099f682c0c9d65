"""Vectors of encoder windows, found again instead of computed again.

A window's vectors depend on its own tokens alone, so another question about a document, or one more
line of a log, costs the windows that it changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256, sha512
from itertools import islice

from semtoken.caching.base import ByteStore, Key, Observer, ignore
from semtoken.caching.packing import pack, unpack
from semtoken.datamodels import FloatArray, IntArray

BATCH = 64
"""Values handed to a store at once: about 5 MB."""

Encode = Callable[[list[IntArray]], list[FloatArray]]
"""Token vectors (t, d) of windows that are given as their ids (t,)."""


@dataclass(frozen=True, slots=True)
class Window:
    """Tokens that are encoded together, and for whom."""

    ids: IntArray = field(repr=False)
    tenant: str = ""


class WindowCache:
    """Stands between an encoder's windows and its model; several threads and encoders may share it.

    Two threads that miss the same window at once both encode it, and come to the same.
    """

    def __init__(self, store: ByteStore, observe: Observer = ignore) -> None:
        self._store = store
        self._observe = observe

    def vectors(self, windows: Sequence[Window], encode: Encode, *, model: str, width: int) -> list[FloatArray]:
        """Token vectors (t, ``width``) of each window; what is not kept goes to ``encode``, all at once.

        ``model`` names everything that vectors depend on beside the tokens. Raises what ``encode`` raises.
        """
        keys = window_keys(windows, model)
        distinct = dict(zip(keys, windows, strict=True))
        vectors = self._kept(distinct, width)
        missing = [key for key in distinct if key not in vectors]
        if missing:
            self._observe("miss", len(missing))
            encoded = encode([distinct[key].ids for key in missing])
            vectors.update(zip(missing, encoded, strict=True))
            self._keep(missing, vectors)
        return [vectors[key] for key in keys]

    def _kept(self, windows: dict[Key, Window], width: int) -> dict[Key, FloatArray]:
        found: dict[Key, FloatArray] = {}
        unusable = 0
        for batch in _batches(list(windows)):
            for key, value in zip(batch, self._store.get_many(batch), strict=True):
                if value is None:
                    continue
                vectors = unpack(value, len(windows[key].ids), width)
                if vectors is None:
                    unusable += 1
                else:
                    found[key] = vectors
        if unusable:
            self._observe("corrupt", unusable)
        return found

    def _keep(self, keys: list[Key], vectors: dict[Key, FloatArray]) -> None:
        for batch in _batches(keys):
            self._store.put_many({key: pack(vectors[key]) for key in batch})


def window_keys(windows: Sequence[Window], model: str) -> list[Key]:
    """A key for each window: equal for equal tokens of one tenant, to be guessed only by who knows them."""
    salts: dict[str, bytes] = {}
    keys = []
    for window in windows:
        if window.tenant not in salts:
            tenant = window.tenant.encode(errors="surrogatepass")
            salts[window.tenant] = sha256(model.encode()).digest() + sha256(tenant).digest()
        digest = sha512(salts[window.tenant] + window.ids.astype("<i8").tobytes()).digest()
        keys.append(Key(digest[:32], digest[32:]))
    return keys


def _batches(keys: list[Key]) -> list[list[Key]]:
    remaining = iter(keys)
    return [list(islice(remaining, BATCH)) for _ in range(0, len(keys), BATCH)]

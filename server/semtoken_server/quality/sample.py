"""One sampled request while its answer is on the way, and the room that samples may take."""

from __future__ import annotations

from dataclasses import dataclass, field

from semtoken_server.quality.prompts import NotReplayableError

PLACES = 8
"""Samples at once, from the draw to the end of the replay."""
HELD_BYTES = 16 * 2**20
"""Bytes of all their bodies and answers."""


@dataclass(slots=True)
class Room:
    """What all samples hold together."""

    places: int = PLACES
    free: int = HELD_BYTES

    def take(self, size: int) -> bool:
        """Whether there were so many bytes; they are taken then."""
        if size > self.free:
            return False
        self.free -= size
        return True

    def give(self, size: int) -> None:
        """So many bytes are free again."""
        self.free += size


@dataclass(slots=True)
class Sample:
    """A compressed request that was drawn; it collects its answer, within the room there is."""

    path: str
    request_id: str
    original: bytes = field(repr=False)
    """The body as it came."""
    forwarded: bytes = field(repr=False)
    """The body as it went to the engine."""
    forwarded_tokens: int | None
    room: Room = field(repr=False)
    streamed: bool = False
    complete: bool = False
    """Whether the answer has gone to the client whole."""
    _parts: list[bytes] = field(default_factory=list, repr=False)
    _held: int = 0
    _over: bool = False

    @classmethod
    def drawn(
        cls, path: str, request_id: str, original: bytes, forwarded: bytes, forwarded_tokens: int | None, room: Room
    ) -> Sample:
        """A sample in ``room``; raises ``NotReplayableError`` where there is none."""
        held = len(original) + len(forwarded)
        if not room.places or not room.take(held):
            raise NotReplayableError("dropped")
        room.places -= 1
        return cls(path, request_id, original, forwarded, forwarded_tokens, room, _held=held)

    def collect(self, part: bytes) -> None:
        """A part of the answer, as it goes to the client; once it is too long nothing more is kept of it."""
        if self._over:
            return
        if not self.room.take(len(part)):
            self._over = True
            self._parts.clear()
            return
        self._held += len(part)
        self._parts.append(part)

    def answer(self) -> bytes:
        """The answer as it went to the client.

        Raises ``NotReplayableError`` for one that was cut short and for one that there was no room for.
        """
        if not self.complete:
            raise NotReplayableError("incomplete")
        if self._over:
            raise NotReplayableError("dropped")
        return b"".join(self._parts)

    def release(self) -> None:
        """Give the room back; once."""
        self.room.places += 1
        self.room.give(self._held)
        self._held = 0
        self._parts.clear()

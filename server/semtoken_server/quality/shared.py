"""The switches of all workers of one gateway, in a small file that each reads and the one that switches writes."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from semtoken_server.quality.switch import Switch


class _Entry(msgspec.Struct):
    """A model's switch as of ``at``, on the clock that the workers of a machine share."""

    off: bool
    at: float


_entries = msgspec.json.Decoder(dict[str, _Entry])


class SharedState:
    """Samples stay with the worker that took them; only what follows from them is shared.

    The last who writes wins. Two that switch at the same moment agree, or the next sample settles it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: dict[str, _Entry] = {}

    def publish(self, switch: Switch, model: str) -> None:
        """Tell the others a model's phase."""
        entries = self._read()
        entries[model] = self._seen[model] = _Entry(switch.phase(model) != "on", switch.now)
        # Whole or not at all, for those who read meanwhile.
        written = self._path.with_suffix(f".{os.getpid()}")
        written.write_bytes(msgspec.json.encode(entries))
        written.replace(self._path)

    def follow(self, switch: Switch) -> list[str]:
        """Do as others did since the last look; returns the models that were switched.

        Nothing where the file cannot be read now, for want of a descriptor, say: the next look is soon.
        """
        followed: list[str] = []
        try:
            entries = self._read()
        except OSError:
            return followed
        for model, entry in entries.items():
            seen = self._seen.get(model)
            if seen is not None and entry.at <= seen.at:
                continue
            self._seen[model] = entry
            if entry.off:
                switch.switch_off(model, entry.at)
            else:
                switch.switch_on(model)
            followed.append(model)
        return followed

    def _read(self) -> dict[str, _Entry]:
        try:
            return _entries.decode(self._path.read_bytes())
        except FileNotFoundError:
            return {}

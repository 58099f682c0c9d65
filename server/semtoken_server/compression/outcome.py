"""What became of one request's compression, in headers and in the answer's body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Outcome:
    """``status`` and ``reason`` of the contract; numbers are None where nothing was counted."""

    status: str
    """``compressed``, ``skipped``, ``off`` or ``failed-open``."""
    reason: str
    original_tokens: int | None = None
    forwarded_tokens: int | None = None
    compress_ms: float | None = None
    queued_s: float = field(default=0.0, compare=False)
    """Until it was its turn; neither this nor the next is told to clients."""
    timings_ms: Mapping[str, float] = field(default_factory=dict, repr=False, compare=False)
    """Of each stage, summed over texts."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The ``x-semtoken-*`` headers."""
        return {f"x-semtoken-{name.replace('_', '-')}": str(value) for name, value in self._known().items()}

    def to_dict(self, request_id: str) -> dict[str, Any]:
        """The ``semtoken`` object of the answer's body: the same as the headers."""
        return {**self._known(), "request_id": request_id}

    def _known(self) -> dict[str, Any]:
        values = {
            "status": self.status,
            "reason": self.reason,
            "original_tokens": self.original_tokens,
            "forwarded_tokens": self.forwarded_tokens,
            "compress_ms": None if self.compress_ms is None else round(self.compress_ms, 2),
        }
        return {name: value for name, value in values.items() if value is not None}

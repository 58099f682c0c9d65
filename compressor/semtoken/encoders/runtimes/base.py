"""What an encoder asks of the library that computes it."""

from __future__ import annotations

from typing import Protocol

from semtoken.datamodels import FloatArray, IntArray

WINDOW = 128
"""Tokens per window, special tokens and padding included: the length that MiniLM was trained at."""


class Runtime(Protocol):
    """Computes token vectors of tiles of one shape, ``tile`` windows of ``WINDOW`` tokens.

    Matrix kernels choose their order of summation by shape, so a fixed shape is what makes a
    window's output independent, to the last bit, of what else is in its tile.
    """

    @property
    def device(self) -> str:
        """``cpu`` or ``cuda``."""
        ...

    @property
    def tile(self) -> int:
        """Windows per forward pass."""
        ...

    @property
    def workers(self) -> int:
        """Threads that may call at once with gain."""
        ...

    @property
    def width(self) -> int:
        """Length of a token vector."""
        ...

    @property
    def identity(self) -> str:
        """Weights, number format, software and versions: all that decides about an output but the processor."""
        ...

    @property
    def processor(self) -> str:
        """Kind of processor: two of one name give the same bits."""
        ...

    def prepare(self) -> None:
        """Called once in each thread that will call, before it does."""
        ...

    def __call__(self, ids: IntArray, mask: IntArray) -> FloatArray:
        """Token vectors (tile, WINDOW, width), float32, of token ids and mask, each (tile, WINDOW).

        Raises ``EncoderError`` when the model fails.
        """
        ...

"""What the pipeline asks of an encoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from semtoken.datamodels import Encoding, IntArray
from semtoken.deadline import Deadline


@dataclass(frozen=True, slots=True)
class EncoderInput:
    """A text with the character offset where each of its units starts; units tile the text."""

    text: str = field(repr=False)
    unit_starts: IntArray = field(repr=False)
    tenant: str = ""
    """Whose text it is: what a cache keeps of it is found for no one else."""


class Encoder(Protocol):
    """Turns texts into contextual token vectors and pooled unit vectors.

    An implementation's output for a text must not depend, to the last bit, on what else is in
    the batch: compressed forms have to come out the same on every replica and under every load.
    """

    @property
    def fingerprint(self) -> str:
        """Identifies weights, vocabulary, number format, device class and library versions."""
        ...

    def encode(
        self, inputs: Sequence[EncoderInput], *, lexical_only: bool = False, deadline: Deadline | None = None
    ) -> list[Encoding]:
        """Encode texts; ``lexical_only`` tokenises them and leaves every vector zero.

        Several threads may call at once. Raises ``EncoderError`` when the model fails,
        ``DeadlineExceededError`` when time is up, and ``InvalidInputError`` for bad Unicode.
        """
        ...

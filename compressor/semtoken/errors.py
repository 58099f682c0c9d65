"""Everything the library raises on purpose.

SemTokenError
├── InvalidInputError      the text, messages or query cannot be compressed as given
├── InvalidOptionError     an option has a bad value (``param`` names it)
├── ModelNotFoundError     an encoder, tokenizer or bundled model is not where it was looked for
├── EncoderError           the encoder failed while it ran
├── DeadlineExceededError  the deadline passed before a compression was done
└── EngineError            an engine under evaluation could not be reached or gave no answer
"""

from __future__ import annotations


class SemTokenError(Exception):
    """Base of every error that the library raises on purpose."""


class InvalidInputError(SemTokenError):
    """The text, the messages or the query cannot be compressed as given."""

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class InvalidOptionError(SemTokenError):
    """An option has a bad value; ``param`` is the option's name."""

    def __init__(self, message: str, *, param: str) -> None:
        super().__init__(message)
        self.param = param


class ModelNotFoundError(SemTokenError):
    """An encoder, tokenizer or bundled model is not where it was looked for."""


class EncoderError(SemTokenError):
    """The encoder failed while it ran (out of memory, broken weights)."""


class DeadlineExceededError(SemTokenError):
    """The deadline passed, or nobody waited any more, before a compression was done."""


class EngineError(SemTokenError):
    """An engine under evaluation could not be reached or gave no answer."""

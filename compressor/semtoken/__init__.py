"""SemToken: semantic compression of long prompts, usable without the server and without a network."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from semtoken.datamodels import CompressionResult, Decision, Reason, Span, Status
from semtoken.deadline import Deadline
from semtoken.errors import (
    DeadlineExceededError,
    EncoderError,
    InvalidInputError,
    InvalidOptionError,
    ModelNotFoundError,
    SemTokenError,
)
from semtoken.messages import MessagesResult, PartResult, chat_without_keep_tags
from semtoken.options import CompressionOptions, Stages
from semtoken.segment import without_keep_tags
from semtoken.tokenizer import ServedTokenizer

if TYPE_CHECKING:
    from semtoken.compressor import Compressor

__all__ = [
    "CompressionOptions",
    "CompressionResult",
    "Compressor",
    "Deadline",
    "DeadlineExceededError",
    "Decision",
    "EncoderError",
    "InvalidInputError",
    "InvalidOptionError",
    "MessagesResult",
    "ModelNotFoundError",
    "PartResult",
    "Reason",
    "SemTokenError",
    "ServedTokenizer",
    "Span",
    "Stages",
    "Status",
    "chat_without_keep_tags",
    "without_keep_tags",
]


def __getattr__(name: str) -> Any:
    """``Compressor`` when it is first asked for: with it come libraries that take seconds to import (ADR 24)."""
    if name == "Compressor":
        return import_module("semtoken.compressor").Compressor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

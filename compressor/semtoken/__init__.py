"""SemToken: semantic compression of long prompts, usable without the server and without a network."""

from semtoken.compressor import Compressor
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

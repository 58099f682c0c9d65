"""Turn-causal compression of OpenAI message lists."""

from semtoken.messages.chat import ChatCompressor
from semtoken.messages.result import MessagesResult, PartResult

__all__ = ["ChatCompressor", "MessagesResult", "PartResult"]

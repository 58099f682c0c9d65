"""Turn-causal compression of OpenAI message lists."""

from semtoken.messages.chat import ChatCompressor
from semtoken.messages.result import MessagesResult, PartResult
from semtoken.messages.turns import chat_without_keep_tags

__all__ = ["ChatCompressor", "MessagesResult", "PartResult", "chat_without_keep_tags"]

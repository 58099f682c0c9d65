"""How many tokens a prompt has, as its client sent it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from semtoken_server.compression.backend import CompressorBackend
from semtoken_server.errors import CompressionUnavailableError, PromptTooLargeError

LONGEST_TOKEN = 512
"""Characters. In the vocabularies that vLLM serves the longest are runs of 128 to 256 spaces."""
_CHARACTERS_A_TOKEN = 4

_TEXTS = ("messages", "input", "prompt", "text", "query", "suffix", "system", "instructions", "previous_input_messages")
_AS_JSON = frozenset(
    {"tools", "functions", "documents", "chat_template_kwargs", "arguments", "input", "input_schema", "parameters"}
)
"""What templates write as JSON, names and all; of a body ``input`` is text."""
_MEDIA = frozenset(
    {
        *("image_url", "image_pil", "image_embeds", "audio_url", "audio_embeds", "input_audio", "video_url"),
        *("file_data", "encrypted_content", "signature"),
    }
)
"""What is no text, however long its base64."""
_LABELS = frozenset({"role", "type", "id", "call_id", "tool_call_id", "tool_use_id", "status", "media_type", "format"})
_LABEL = 64
"""Characters of the longest label: what is longer says something."""


def prompt_texts(data: Mapping[str, Any]) -> list[str]:
    """Every text in a request's body that an engine may put before its model, in no order.

    Wherever it stands: a text that is not counted here is one that a limit does not see.
    """
    texts = [_json(data[name]) for name in _AS_JSON - {"input"} if data.get(name) is not None]
    pending: list[Any] = [data.get(name) for name in _TEXTS]
    while pending:
        node = pending.pop()
        if isinstance(node, str):
            texts.append(node)
        elif isinstance(node, list):
            pending += [item for item in node if isinstance(item, str | list | dict)]
        elif isinstance(node, dict):
            pending += _of(node, texts)
    return texts


def _of(node: dict[str, Any], texts: list[str]) -> list[Any]:
    """Adds to ``texts`` what an object itself says; returns what there is to look at in it."""
    within: list[Any] = []
    encoded = node.get("type") in ("base64", "url")
    for name, value in node.items():
        if len(name) > _LABEL:
            texts.append(name)
        if name in _MEDIA or (encoded and name in ("data", "url")):
            continue
        if name in _LABELS and isinstance(value, str) and len(value) <= _LABEL:
            continue
        if name in _AS_JSON and isinstance(value, list | dict):
            texts.append(_json(value))
        else:
            within.append(value)
    return within


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def prompt_ids(data: Mapping[str, Any]) -> int:
    """How many token ids a body has as ``prompt`` or ``input``, of one prompt or of several."""
    return sum(map(_ids, (data.get("prompt"), data.get("input"))))


def _ids(prompt: Any) -> int:
    items = prompt if isinstance(prompt, list) else ()
    # A list among them is a prompt of ids, or the content of what is no prompt of ids at all.
    return sum(sum(isinstance(one, int) for one in (item if isinstance(item, list) else (item,))) for item in items)


class PromptCounter:
    """Counts with the compressor's tokenizer, off the event loop."""

    def __init__(self, backend: CompressorBackend, *, limit: int | None, timeout_s: float) -> None:
        self._backend = backend
        self._limit = limit
        self.timeout_s = timeout_s
        """Seconds that counting may take, waiting included; may be changed at any time."""

    def may_exceed(self, body_bytes: int) -> bool:
        """Whether a prompt in a body of that many bytes could be over the limit: a token is at least a byte."""
        return self._limit is not None and body_bytes > self._limit

    async def count(self, data: Mapping[str, Any]) -> int:
        """The tokens of a body's texts, without a template's, and its token ids.

        Exact, but where the tokenizer is not to be had now: then a token for every four characters, which is
        good enough for a rate; the limit is the engine's to hold then. Raises ``PromptTooLargeError`` over
        the limit, without tokenising where that is certain.
        """
        texts, ids = prompt_texts(data), prompt_ids(data)
        characters = sum(map(len, texts))
        if self._limit is not None and ids + characters // LONGEST_TOKEN > self._limit:
            raise PromptTooLargeError(self._limit)
        if not texts:
            return ids
        try:
            ran = await self._backend.token_ids(texts, timeout_s=self.timeout_s)
        except CompressionUnavailableError:
            return ids + -(-characters // _CHARACTERS_A_TOKEN)
        tokens = ids + sum(map(len, ran.value))
        if self._limit is not None and tokens > self._limit:
            raise PromptTooLargeError(self._limit, tokens)
        return tokens

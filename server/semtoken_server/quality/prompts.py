"""A request and its answer as prompts that the engine can score: teacher forcing.

The engine renders its own chat template, with the answer as an assistant message that goes on, so nothing here
knows a template or a tokenizer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"

# What the rendered prompt, or who may find it in the prefix cache, depends on; everything else of a
# request is about drawing tokens.
_RENDERING = ("model", "cache_salt", "add_special_tokens")
_CHAT_RENDERING = (
    *_RENDERING,
    "tools",
    "tool_choice",
    "documents",
    "chat_template",
    "chat_template_kwargs",
    "reasoning_effort",
)
# One token is the least that an engine generates; the figures are of the prompt.
_SCORING = {"max_tokens": 1, "temperature": 0, "prompt_logprobs": 0, "stream": False}

# The answer is not one text drawn freely after the prompt.
_UNSUPPORTED = (
    "add_generation_prompt",
    "continue_final_message",
    "truncate_prompt_tokens",
    "use_beam_search",
    "best_of",
    "structured_outputs",
    "guided_json",
    "guided_regex",
    "guided_choice",
    "guided_grammar",
    "functions",
)


class NotReplayableError(Exception):
    """A sample that cannot be scored; ``outcome`` is the word under which it is counted."""

    def __init__(self, outcome: str) -> None:
        super().__init__(outcome)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as far as it is scored."""

    text: str = field(repr=False)
    tokens: int | None = None
    """Tokens that the engine generated, the end mark included; None where it did not tell."""


def replayable(path: str, request: Mapping[str, Any]) -> bool:
    """Whether a request's answer will be one text that was drawn freely after a prompt of text."""
    if request.get("n") not in (None, 1) or any(request.get(name) is not None for name in _UNSUPPORTED):
        return False
    wanted = request.get("response_format")
    # Nobody has looked at it: it may be anything.
    if wanted is not None and not (isinstance(wanted, dict) and wanted.get("type") == "text"):
        return False
    if path == COMPLETIONS:
        prompt = request.get("prompt")
        return isinstance(prompt, str) or (isinstance(prompt, list) and len(prompt) == 1)
    if path != CHAT or request.get("tool_choice") not in (None, "auto", "none"):
        return False
    return all(_is_text(message.get("content")) for message in request["messages"])


def _is_text(content: Any) -> bool:
    if not isinstance(content, list):
        return True
    return all(isinstance(part, str) or part.get("type") == "text" for part in content)


def chat_prompt(request: Mapping[str, Any], answer: str) -> dict[str, Any]:
    """A chat that ends with its answer, to be scored."""
    messages = [*request["messages"], {"role": "assistant", "content": answer}]
    going_on = {"add_generation_prompt": False, "continue_final_message": True}
    return {**_of(request, _CHAT_RENDERING), "messages": messages, **going_on, **_SCORING}


def completion_prompt(request: Mapping[str, Any], prompt: list[int], answer: list[int]) -> dict[str, Any]:
    """A completion's token ids and then its answer's, to be scored."""
    return {**_of(request, _RENDERING), "prompt": [*prompt, *answer], **_SCORING}


def _of(request: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: request[name] for name in names if request.get(name) is not None}


class _Said(msgspec.Struct):
    """A message, or a part of one."""

    content: str | None = None
    tool_calls: list[msgspec.Raw] | None = None
    function_call: msgspec.Raw | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None

    @property
    def more_than_text(self) -> bool:
        calls = self.tool_calls or (self.function_call is not None and bytes(self.function_call) != b"null")
        return bool(calls or self.reasoning or self.reasoning_content)


class _Choice(msgspec.Struct):
    index: int = 0
    text: str | None = None
    message: _Said | None = None
    delta: _Said | None = None


class _Usage(msgspec.Struct):
    completion_tokens: int | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []
    usage: _Usage | None = None


_chunks = msgspec.json.Decoder(_Chunk)


def read_answer(content: bytes, *, streamed: bool) -> Answer:
    """The text of an answer, of an unstreamed body or of all events of a stream.

    Raises ``NotReplayableError`` for one that did not come whole, and for one that is not a single text.
    """
    try:
        chunks = [_chunks.decode(data) for data in (_events(content) if streamed else (content,))]
    except msgspec.MsgspecError as error:
        raise NotReplayableError("unsupported") from error
    texts: list[str] = []
    usage: _Usage | None = None
    for chunk in chunks:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            said = choice.message or choice.delta or _Said(choice.text)
            if choice.index or said.more_than_text:
                raise NotReplayableError("unsupported")
            texts.append(said.content or "")
    if not (text := "".join(texts)):
        raise NotReplayableError("unsupported")
    return Answer(text, None if usage is None else usage.completion_tokens)


def _events(content: bytes) -> list[bytes]:
    data = [line[5:].strip() for line in content.splitlines() if line.startswith(b"data:")]
    if not data or data[-1] != b"[DONE]":
        raise NotReplayableError("incomplete")
    return data[:-1]

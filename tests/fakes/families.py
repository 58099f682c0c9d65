"""The compressed routes as tests see them: how each is asked, what it forwards, how it answers."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import Any

from fakes.encoders import small_tokenizer
from fakes.engine import MODEL


def events(stream: str) -> list[tuple[str, Any]]:
    """Name and data of each event; fails where anything else stands between events."""
    parts = stream.split("\n\n")
    if parts.pop() != "":
        raise ValueError("the stream does not end with an event's end")
    return [_event(part.split("\n")) for part in parts]


def _event(lines: list[str]) -> tuple[str, Any]:
    fields = dict(line.split(": ", 1) for line in lines)
    data = fields.pop("data")
    name = fields.pop("event", "")
    if fields:
        raise ValueError(f"an event with more than name and data: {fields}")
    return name, data if data == "[DONE]" else json.loads(data)


class FamilyCase(ABC):
    """What one family is asked and what comes back."""

    path: str

    @abstractmethod
    def asked(self, *texts: str, **fields: Any) -> dict[str, Any]:
        """A body with these texts, by turns the user's and the assistant's; a completion has one."""

    @abstractmethod
    def text(self, body: Any) -> str:
        """The first text of a body, as it is forwarded."""

    @abstractmethod
    def said(self, answer: Any) -> str:
        """The answer's text."""

    @abstractmethod
    def words(self, stream: list[tuple[str, Any]]) -> list[str]:
        """The words of a stream."""

    @abstractmethod
    def final(self, stream: list[tuple[str, Any]]) -> dict[str, Any]:
        """What in a complete stream takes the ``semtoken`` object up, with the usage; raises where it is not."""

    def prompt_tokens(self, usage: dict[str, Any]) -> int:
        """The engine's count of the prompt."""
        return int(usage["input_tokens"])

    def error(self, body: Any) -> dict[str, Any]:
        """The error of a body in the family's own form."""
        if set(body) != {"error"}:
            raise ValueError(f"not OpenAI's form: {body}")
        return dict(body["error"])

    def stream_error(self, event: tuple[str, Any]) -> dict[str, Any]:
        """The error of an event in the family's own form."""
        if event[0]:
            raise ValueError(f"not without a name: {event}")
        return self.error(event[1])


class ChatCase(FamilyCase):
    path = "/v1/chat/completions"

    def asked(self, *texts: str, **fields: Any) -> dict[str, Any]:
        return {"model": MODEL, "messages": _turns(texts), **fields}

    def text(self, body: Any) -> str:
        return str(body["messages"][0]["content"])

    def said(self, answer: Any) -> str:
        return str(answer["choices"][0]["message"]["content"])

    def words(self, stream: list[tuple[str, Any]]) -> list[str]:
        chunks = [data for _, data in stream if data != "[DONE]"]
        return [self.word(choice) for chunk in chunks for choice in chunk["choices"]]

    def word(self, choice: Any) -> str:
        return str(choice["delta"]["content"])

    def final(self, stream: list[tuple[str, Any]]) -> dict[str, Any]:
        (_, usage), done = stream[-2:]
        if done != ("", "[DONE]") or usage["choices"]:
            raise ValueError(f"no end of a stream: {stream[-2:]}")
        return dict(usage)

    def prompt_tokens(self, usage: dict[str, Any]) -> int:
        return int(usage["prompt_tokens"])


class CompletionsCase(ChatCase):
    path = "/v1/completions"

    def asked(self, *texts: str, **fields: Any) -> dict[str, Any]:
        return {"model": MODEL, "prompt": texts[0], **fields}

    def text(self, body: Any) -> str:
        prompt = body["prompt"]
        return prompt if isinstance(prompt, str) else small_tokenizer().decode(prompt)

    def said(self, answer: Any) -> str:
        return str(answer["choices"][0]["text"])

    def word(self, choice: Any) -> str:
        return str(choice["text"])


class ResponsesCase(FamilyCase):
    path = "/v1/responses"

    def asked(self, *texts: str, **fields: Any) -> dict[str, Any]:
        if "max_tokens" in fields:
            fields["max_output_tokens"] = fields.pop("max_tokens")
        return {"model": MODEL, "input": texts[0] if len(texts) == 1 else _turns(texts), **fields}

    def text(self, body: Any) -> str:
        return str(body["input"] if isinstance(body["input"], str) else body["input"][0]["content"])

    def said(self, answer: Any) -> str:
        return str(answer["output"][0]["content"][0]["text"])

    def words(self, stream: list[tuple[str, Any]]) -> list[str]:
        return [data["delta"] for name, data in stream if name == "response.output_text.delta"]

    def final(self, stream: list[tuple[str, Any]]) -> dict[str, Any]:
        name, last = stream[-1]
        if name != "response.completed":
            raise ValueError(f"no end of a stream: {stream[-1]}")
        return dict(last["response"])

    def stream_error(self, event: tuple[str, Any]) -> dict[str, Any]:
        name, data = event
        if (name, data["type"]) != ("error", "error"):
            raise ValueError(f"not an event of an error: {event}")
        error = self.error({"error": data["error"]})
        if (error["message"], error["code"]) != (data["message"], data["code"]):
            raise ValueError(f"told in two ways: {event}")
        return error


class MessagesCase(FamilyCase):
    path = "/v1/messages"

    def asked(self, *texts: str, **fields: Any) -> dict[str, Any]:
        return {"model": MODEL, "max_tokens": 50, "messages": _turns(texts), **fields}

    def text(self, body: Any) -> str:
        return str(body["messages"][0]["content"])

    def said(self, answer: Any) -> str:
        return str(answer["content"][0]["text"])

    def words(self, stream: list[tuple[str, Any]]) -> list[str]:
        return [data["delta"]["text"] for name, data in stream if name == "content_block_delta"]

    def final(self, stream: list[tuple[str, Any]]) -> dict[str, Any]:
        (name, usage), (last, _) = stream[-2:]
        if (name, last) != ("message_delta", "message_stop"):
            raise ValueError(f"no end of a stream: {stream[-2:]}")
        return dict(usage)

    def error(self, body: Any) -> dict[str, Any]:
        if set(body) != {"type", "error"} or body["type"] != "error":
            raise ValueError(f"not Anthropic's form: {body}")
        return dict(body["error"])

    def stream_error(self, event: tuple[str, Any]) -> dict[str, Any]:
        if event[0] != "error":
            raise ValueError(f"not an event of an error: {event}")
        return self.error(event[1])


CASES: tuple[FamilyCase, ...] = (ChatCase(), CompletionsCase(), ResponsesCase(), MessagesCase())


def _turns(texts: tuple[str, ...]) -> list[dict[str, Any]]:
    roles = ("user", "assistant")
    return [{"role": roles[number % 2], "content": text} for number, text in enumerate(texts)]

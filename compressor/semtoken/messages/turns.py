"""A message list as runs of consecutive messages of one role, with the texts they hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from semtoken.errors import InvalidInputError
from semtoken.segment import without_keep_tags


@dataclass(frozen=True, slots=True)
class TextPart:
    """One text of a message."""

    message: int
    part: int | None
    """Index of the content part, or None where the content is a plain string."""
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive messages of one role."""

    role: str
    messages: tuple[int, ...]
    texts: tuple[TextPart, ...]


def split_runs(messages: Sequence[Mapping[str, Any]]) -> list[Run]:
    """Cut a chat into runs; raises ``InvalidInputError`` for a message without a usable role or content."""
    roles: list[str] = []
    texts: list[list[TextPart]] = []
    for index, message in enumerate(messages):
        role = message.get("role") if isinstance(message, Mapping) else None
        if not isinstance(role, str) or not role:
            raise InvalidInputError(f"messages[{index}] has no role", param=f"messages[{index}].role")
        roles.append(role)
        texts.append(_texts(index, message))
    runs: list[Run] = []
    for role, group in groupby(range(len(roles)), key=roles.__getitem__):
        members = tuple(group)
        runs.append(Run(role, members, tuple(text for index in members for text in texts[index])))
    return runs


def _texts(index: int, message: Mapping[str, Any]) -> list[TextPart]:
    content = message.get("content")
    if content is None:
        return []
    if isinstance(content, str):
        return [TextPart(index, None, content)]
    if not isinstance(content, Sequence):
        raise InvalidInputError(
            f"messages[{index}].content is neither text nor a list of parts", param=f"messages[{index}].content"
        )
    return [
        TextPart(index, number, part["text"])
        for number, part in enumerate(content)
        if isinstance(part, Mapping) and part.get("type") == "text" and isinstance(part.get("text"), str)
    ]


def replace_texts(
    messages: Sequence[Mapping[str, Any]], texts: Mapping[tuple[int, int | None], str]
) -> tuple[dict[str, Any], ...]:
    """The chat with new texts at (message, part); everything else is as it was."""
    replaced: list[dict[str, Any]] = []
    for index, message in enumerate(messages):
        copy = dict(message)
        content = copy.get("content")
        if isinstance(content, str):
            copy["content"] = texts.get((index, None), content)
        elif isinstance(content, Sequence):
            copy["content"] = [
                {**part, "text": texts[index, number]} if (index, number) in texts else part
                for number, part in enumerate(content)
            ]
        replaced.append(copy)
    return tuple(replaced)


def chat_without_keep_tags(messages: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """The chat without ``<semtoken:keep>`` tags, nothing compressed: for a chat that goes on as it came.

    Raises ``InvalidInputError`` for malformed messages.
    """
    texts = {(t.message, t.part): without_keep_tags(t.text) for run in split_runs(messages) for t in run.texts}
    return replace_texts(messages, texts)


def tool_calls(messages: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Name and arguments of every tool call of some messages, by call id."""
    calls: dict[str, str] = {}
    for message in messages:
        made = message.get("tool_calls")
        for call in made if isinstance(made, list) else ():
            function = call.get("function") if isinstance(call, Mapping) else None
            if isinstance(function, Mapping) and isinstance(call.get("id"), str):
                calls[call["id"]] = f"{function.get('name', '')} {function.get('arguments', '')}".strip()
    return calls

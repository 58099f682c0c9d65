"""Recorded chats, sent turn by turn with the recorded answers, so that what is asked never hangs on an answer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from semtoken.errors import InvalidInputError
from semtoken.evaluation.datasets import records

from loadtest.prompts.prompt import Conversation, Message, Prompt, characters

_ANSWERED = ("user", "tool")


def recorded_chats(file: Path) -> list[tuple[str, list[Message]]]:
    """Id and messages of each line ``{"id", "messages"}``; raises ``InvalidInputError`` with file and line."""
    chats = []
    for where, record in records(file):
        try:
            chats.append((str(record["id"]), [_message(message) for message in record["messages"]]))
        except (KeyError, TypeError) as error:
            raise InvalidInputError(f"{where}: no chat ({error!r})") from error
    return chats


def turns(scenario: str, key: str, messages: list[Message], max_tokens: int, max_chars: int) -> Conversation:
    """A request for each answer of the assistant, up to the turn that no longer fits."""
    found: list[Prompt] = []
    for end in range(1, len(messages)):
        if messages[end]["role"] == "assistant" and messages[end - 1]["role"] in _ANSWERED:
            asked = messages[:end]
            if characters(asked) > max_chars:
                break
            found.append(Prompt(scenario, f"{key}/{len(found) + 1}", asked, max_tokens))
    return tuple(found)


def _message(recorded: Mapping[str, Any]) -> Message:
    # A null content is an empty one, to templates that only know texts.
    return {**recorded, "content": recorded.get("content") or ""}

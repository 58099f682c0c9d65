"""Short chats of a few turns: what compression mostly leaves alone."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from semtoken.evaluation.bundled import BUNDLED
from semtoken.evaluation.datasets import load_examples

from loadtest.prompts.prompt import Conversation, Message
from loadtest.prompts.recorded import recorded_chats, turns

NAME = "chat"
FILE = Path("chat/chat_multiturn_dpo_en.jsonl.gz")
MAX_TOKENS = 48
_SHORT = 2_000
_FIRST = 3


def conversations(data: Path | None, max_chars: int) -> list[Conversation]:
    """The first turns of each chat, of no more than 2,000 characters; raises ``InvalidInputError`` for a bad file."""
    chats = _bundled() if data is None else recorded_chats(data / FILE)
    short = min(_SHORT, max_chars)
    found = (turns(NAME, key, messages, MAX_TOKENS, short)[:_FIRST] for key, messages in chats)
    return [conversation for conversation in found if conversation]


def _bundled() -> list[tuple[str, list[Message]]]:
    """The bundled questions about one document, one after the other, each with its right answer."""
    by_document: dict[str, list[Message]] = defaultdict(list)
    for example in load_examples(BUNDLED).examples:
        by_document[example.id.rpartition("/")[0]] += [
            {"role": "user", "content": example.question},
            {"role": "assistant", "content": example.answers[0]},
        ]
    return list(by_document.items())

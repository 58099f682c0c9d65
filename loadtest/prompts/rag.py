"""Question answering over retrieved passages."""

from __future__ import annotations

from pathlib import Path

from semtoken.evaluation.bundled import BUNDLED
from semtoken.evaluation.datasets import load_examples

from loadtest.prompts.prompt import Conversation, Message, Prompt, characters

NAME = "rag"
FILE = Path("qa/hotpotqa_distractor.jsonl.gz")
MAX_TOKENS = 32
_SYSTEM = "Answer the question from the text alone, in one short sentence."


def conversations(data: Path | None, max_chars: int) -> list[Conversation]:
    """One request for each question of no more than ``max_chars``; raises ``InvalidInputError`` for a bad file."""
    found: list[Conversation] = []
    for example in load_examples(BUNDLED if data is None else data / FILE).examples:
        asked = f"{example.context}\n\nQuestion: {example.question}"
        messages: list[Message] = [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": asked}]
        if characters(messages) <= max_chars:
            found.append((Prompt(NAME, example.id, messages, MAX_TOKENS),))
    return found

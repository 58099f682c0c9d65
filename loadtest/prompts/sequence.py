"""In which order the prompts of several scenarios are sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain, cycle, islice
from pathlib import Path
from random import Random

from semtoken.errors import InvalidInputError

from loadtest.prompts import agent, chat, rag, summarise
from loadtest.prompts.prompt import Conversation, Prompt

MAX_CHARS = 16_000
"""Some 4,000 tokens of English, 6,000 of JSON."""

SCENARIOS: Mapping[str, Callable[[Path | None, int], list[Conversation]]] = {
    module.NAME: module.conversations for module in (rag, agent, summarise, chat)
}


def sequence(scenarios: Sequence[str], data: Path | None, *, seed: int = 0, max_chars: int = MAX_CHARS) -> list[Prompt]:
    """All prompts of the scenarios, dealt in turn, one of each; a scenario with fewer begins again.

    ``data`` is a folder of evaluation data, ``None`` the bundled texts. Conversations are shuffled by ``seed``, their
    turns stay in order. Raises ``InvalidInputError`` for a scenario that is not known, has a bad file, or no prompt of
    up to ``max_chars`` characters.
    """
    decks = [_deck(scenario, data, seed, max_chars) for scenario in scenarios]
    longest = max(map(len, decks), default=0)
    return list(chain.from_iterable(zip(*(islice(cycle(deck), longest) for deck in decks), strict=True)))


def _deck(scenario: str, data: Path | None, seed: int, max_chars: int) -> list[Prompt]:
    if scenario not in SCENARIOS:
        raise InvalidInputError(f"{scenario!r} is not one of {', '.join(SCENARIOS)}")
    found = SCENARIOS[scenario](data, max_chars)
    if not found:
        raise InvalidInputError(f"no prompt of {scenario!r} has {max_chars} characters or fewer")
    Random(f"{seed}/{scenario}").shuffle(found)  # noqa: S311 - no secret
    return list(chain.from_iterable(found))

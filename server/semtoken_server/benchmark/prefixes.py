"""What compression does to the engine's prefix cache: growing chats, and many questions on one document."""

from __future__ import annotations

import statistics
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from semtoken.benchmark import cut
from semtoken.evaluation.protocol import Progress, silent

from semtoken_server.benchmark.engine_counters import EngineCounters
from semtoken_server.benchmark.streaming import Answer, ask
from semtoken_server.benchmark.target import Target

_ANSWER_TOKENS = 16
_TOPICS = (
    "the costs",
    "the deadlines",
    "the people named",
    "the standards",
    "the copyright question",
    "the images",
    "the networks",
    "the readers",
    "the next steps",
    "the disagreements",
)


@dataclass(frozen=True, slots=True)
class Side:
    """What one way of compressing gave."""

    answers: tuple[Answer, ...] = field(repr=False)
    hits: float
    queries: float

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data; the rate is the engine's own, in percent of the tokens it looked for."""
        later = self.answers[1:] or self.answers
        return {
            "hit_rate": round(100 * self.hits / max(1.0, self.queries), 2),
            "hit_tokens": self.hits,
            "prompt_tokens": sum(answer.prompt_tokens for answer in self.answers),
            "first_ttft_s": round(self.answers[0].ttft_s, 4),
            "later_ttft_s": round(statistics.median(answer.ttft_s for answer in later), 4),
            "compressed": sum(answer.status == "compressed" for answer in self.answers),
        }


@dataclass(frozen=True, slots=True)
class Chats:
    """Agents' chats of ``turns`` turns; every second turn ends in a tool's output of ``output_tokens`` tokens."""

    chats: int = 1
    turns: int = 20
    output_tokens: int = 600
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Questions:
    """``questions`` chats, each one question after the same document."""

    questions: int = 20
    document_tokens: int = 3000
    seed: int = 0


def run_chats(target: Target, counters: EngineCounters, asked: Chats, progress: Progress = silent) -> dict[str, Any]:
    """The hit rate of growing chats, compression off and on; raises ``EngineError``."""
    found: dict[str, dict[str, Any]] = {}
    for number, (name, mode) in enumerate((("off", "off"), ("on", "auto"))):
        progress(number, 2, f"{asked.turns} turns, mode {mode}")
        found[name] = _side(counters, partial(_grow, target, asked, mode)).to_dict()
    return {"turns": asked.turns, "chats": asked.chats, **found, "points": _points(found["on"], found["off"])}


def run_questions(
    target: Target, counters: EngineCounters, asked: Questions, progress: Progress = silent
) -> dict[str, Any]:
    """The hit rate of questions on one document: off, and both kinds of ``stability``; raises ``EngineError``."""
    ways: dict[str, dict[str, Any]] = {
        "off": {"mode": "off"},
        "turn": {"mode": "auto", "stability": "turn"},
        "document": {"mode": "auto", "stability": "document"},
    }
    found: dict[str, dict[str, Any]] = {}
    for number, (name, options) in enumerate(ways.items()):
        progress(number, len(ways), f"{asked.questions} questions, {name}")
        found[name] = _side(counters, partial(_one_by_one, target, asked, options)).to_dict()
    return {
        "questions": asked.questions,
        "document_tokens": asked.document_tokens,
        **found,
        "points": _points(found["document"], found["off"]),
    }


def _side(counters: EngineCounters, work: Callable[[], Sequence[Answer]]) -> Side:
    hits, queries = counters.prefix_cache()
    answers = tuple(work())
    more_hits, more_queries = counters.prefix_cache()
    return Side(answers, more_hits - hits, more_queries - queries)


def _grow(target: Target, asked: Chats, mode: str) -> list[Answer]:
    rng = np.random.default_rng(asked.seed)
    answers = []
    for _ in range(asked.chats):
        messages: list[dict[str, Any]] = [_system()]
        for turn in range(asked.turns):
            topic = _TOPICS[turn % len(_TOPICS)]
            messages.append({"role": "user", "content": f"What does the report say about {topic}?"})
            if turn % 2 == 0:
                messages += _tool_call(target, asked, turn, topic, rng)
            answer = ask(target.client, target.body(messages, _ANSWER_TOKENS, mode=mode))
            answers.append(answer)
            # Of both sides alike: what the model said depends on what it was given.
            messages.append({"role": "assistant", "content": f"That is in the report, where it speaks of {topic}."})
    return answers


def _tool_call(target: Target, asked: Chats, turn: int, topic: str, rng: np.random.Generator) -> list[dict[str, Any]]:
    start = target.text_start(asked.output_tokens, rng)
    output = cut(
        target.text, start, asked.output_tokens, lambda piece: target.count([{"role": "user", "content": piece}])
    )
    function = {"name": "search_report", "arguments": f'{{"topic": "{topic}"}}'}
    call = {"id": f"call_{turn}", "type": "function", "function": function}
    return [
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": output},
    ]


def _one_by_one(target: Target, asked: Questions, options: dict[str, Any]) -> list[Answer]:
    rng = np.random.default_rng(asked.seed)
    system = _system()
    start = target.text_start(asked.document_tokens, rng)
    size = asked.document_tokens
    document = cut(target.text, start, size, lambda piece: target.count([{"role": "user", "content": piece}]))
    answers = []
    for number in range(asked.questions):
        question = f"Question {number + 1}: what is said of {_TOPICS[number % len(_TOPICS)]}?"
        messages = [system, {"role": "user", "content": f"{document}\n\n{question}"}]
        answers.append(ask(target.client, target.body(messages, _ANSWER_TOKENS, **options)))
    return answers


def _system() -> dict[str, Any]:
    """Never the same, so that nothing of another side's is found in the cache."""
    return {"role": "system", "content": f"Session {uuid.uuid4().hex}. You answer from the report."}


def _points(way: dict[str, Any], off: dict[str, Any]) -> float:
    return round(float(way["hit_rate"]) - float(off["hit_rate"]), 2)

"""Recall: is the answer to a question asked one turn later still there?

The chat is: document with a first question, its answer, a second question about the same document.
Forms are turn-causal, so the document was compressed for the first question; what the second needs must
have stayed, or come back with it. The same second question asked first is what it is compared with.
No model is asked: measured is whether the answer's text stands in the forwarded chat.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from semtoken.errors import InvalidInputError
from semtoken.evaluation.datasets import DataSet, Example, Split
from semtoken.evaluation.extra import require_extra
from semtoken.evaluation.metrics import answer_in_context
from semtoken.evaluation.prompts import QaPrompt
from semtoken.evaluation.protocol import Progress, sample, silent
from semtoken.messages import MessagesResult
from semtoken.options import CompressionOptions

_METHOD = "semtoken"

Chat = list[dict[str, str]]


class ChatCompressor(Protocol):
    """The part of ``semtoken.Compressor`` that is evaluated."""

    def compress_messages(
        self,
        messages: Sequence[Mapping[str, Any]],
        options: CompressionOptions = ...,
        tools: Sequence[Mapping[str, Any]] | None = ...,
    ) -> MessagesResult:
        """Compress a chat."""


@dataclass(frozen=True, slots=True)
class RecallSettings:
    """What one run of the recall evaluation does."""

    ratios: tuple[float, ...] = (2.4,)
    limit: int | None = None
    """Most pairs of questions of each data set, drawn by ``seed``."""
    seed: int = 0
    split: Split = "all"
    """Pairs whose second question is in this half."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two questions about one document, the second measured."""

    first: Example
    second: Example


@dataclass(frozen=True, slots=True)
class RecallOutcome:
    """One pair at one ratio."""

    data: str
    task: str
    example: str
    """Id of the second question."""
    cluster: str
    """Digest of the document."""
    method: str
    ratio: float
    original_tokens: int
    """Of the whole chat with both questions."""
    kept_fraction: float
    kept_fraction_asked_first: float
    answer_in_context: float
    """1.0 where the second question's answer stands in the forwarded chat, else 0.0."""
    asked_first: float
    """The same with the second question asked in the document's own turn."""
    compress_seconds: float

    @property
    def difference(self) -> float:
        """Asked later minus asked first."""
        return self.answer_in_context - self.asked_first


@dataclass(frozen=True, slots=True)
class RecallRun:
    """Everything that was measured, and the data sets without two questions about one document."""

    outcomes: tuple[RecallOutcome, ...] = field(repr=False)
    without_pairs: tuple[str, ...]


def run_recall(
    datasets: Sequence[DataSet], compressor: ChatCompressor, settings: RecallSettings, progress: Progress = silent
) -> RecallRun:
    """Measure every pair drawn at every ratio; raises ``InvalidInputError`` when there is none."""
    require_extra()
    drawn = {
        data.name: sample(
            [pair for pair in question_pairs(data) if settings.split in ("all", pair.second.split)],
            settings.limit,
            settings.seed,
        )
        for data in datasets
    }
    total, done = sum(map(len, drawn.values())), 0
    outcomes: list[RecallOutcome] = []
    for name, pairs in drawn.items():
        for pair in pairs:
            progress(done, total, f"{name} {pair.second.id}")
            outcomes.extend(_measure(name, pair, compressor, settings))
            done += 1
    progress(done, total, "done")
    if not outcomes:
        raise InvalidInputError("no document has two questions that can be asked one after the other", param="data")
    return RecallRun(tuple(outcomes), tuple(name for name, pairs in drawn.items() if not pairs))


def question_pairs(data: DataSet) -> list[Pair]:
    """Every question of a document with two or more, behind the one before it (the first behind the last).

    Left out are pairs that say nothing: the second answer does not stand in the document, or stands in
    a question or in the first answer, which stay in the chat whatever becomes of the document.
    """
    documents: dict[tuple[str, str], list[Example]] = {}
    for example in data.examples:
        documents.setdefault((example.task, example.context), []).append(example)
    pairs = [
        Pair(asked[number - 1], second)
        for asked in documents.values()
        if len(asked) > 1
        for number, second in enumerate(asked)
    ]
    return [pair for pair in pairs if _says_something(pair)]


def _says_something(pair: Pair) -> bool:
    answers, document = pair.second.answers, pair.second.context
    told = (pair.first.question, pair.first.answers[0], pair.second.question)
    return answer_in_context(document, answers) and not any(answer_in_context(text, answers) for text in told)


def _measure(data: str, pair: Pair, compressor: ChatCompressor, settings: RecallSettings) -> Iterator[RecallOutcome]:
    for ratio in settings.ratios:
        options = CompressionOptions(mode="force", ratio=ratio)
        first = compressor.compress_messages(_opening(pair.second), options)
        started = time.perf_counter()
        later = compressor.compress_messages(_two_turns(pair), options)
        seconds = time.perf_counter() - started
        yield RecallOutcome(
            data=data,
            task=pair.second.task,
            example=pair.second.id,
            cluster=hashlib.sha256(pair.second.context.encode()).hexdigest(),
            method=_METHOD,
            ratio=ratio,
            original_tokens=later.original_tokens,
            kept_fraction=later.forwarded_tokens / later.original_tokens,
            kept_fraction_asked_first=first.forwarded_tokens / first.original_tokens,
            answer_in_context=_holds(later, pair.second),
            asked_first=_holds(first, pair.second),
            compress_seconds=seconds,
        )


def _opening(example: Example) -> Chat:
    return QaPrompt(example.context, example.question).messages


def _two_turns(pair: Pair) -> Chat:
    return [
        *_opening(pair.first),
        {"role": "assistant", "content": pair.first.answers[0]},
        {"role": "user", "content": f"Question: {pair.second.question}"},
    ]


def _holds(result: MessagesResult, example: Example) -> float:
    chat = "\n\n".join(str(message["content"]) for message in result.messages)
    return float(answer_in_context(chat, example.answers))

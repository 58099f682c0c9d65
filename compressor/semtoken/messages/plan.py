"""Which texts of a chat are compressed, for which query, and why the others are left alone.

Turn-causal: what is decided for a run depends on the messages up to its own end, and on options.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from semtoken.datamodels import Reason
from semtoken.intent import points_back, whole_text_task
from semtoken.messages.asked import Asked, read_run
from semtoken.messages.turns import Run, TextPart, split_runs, tool_calls
from semtoken.options import CompressionOptions
from semtoken.tokenizer import ServedTokenizer


@dataclass(frozen=True, slots=True)
class PartPlan:
    """What is to be done with one text."""

    text: TextPart
    role: str
    query: str | None
    pins: tuple[tuple[int, int], ...]
    skip: Reason | None
    """Why the text is left alone, or None where it is compressed."""
    asked: tuple[tuple[int, int], ...] = ()
    """Where the question stands, with its label and what waits for an answer."""

    @property
    def key(self) -> tuple[int, int | None]:
        """Message and content part of the text."""
        return self.text.message, self.text.part


@dataclass(frozen=True, slots=True)
class RunPlan:
    """The texts of a run, and the question that may recall what earlier messages dropped."""

    parts: tuple[PartPlan, ...]
    recall_query: str | None
    carrier: int | None
    """Index into ``parts`` of the text that holds the question."""
    question_start: int
    """Character offset of the question in the carrier."""
    needs_earlier_whole: bool = False
    """Whether a short request works on an earlier text as a whole ("translate the above")."""
    long: bool = False
    """Whether it holds what a later "the text above" may mean."""

    def left_alone(self, reason: Reason) -> RunPlan:
        """The plan with no text compressed; those that were left alone before keep their reason."""
        return replace(self, parts=tuple(replace(part, skip=part.skip or reason) for part in self.parts))


@dataclass(frozen=True, slots=True)
class _Turn:
    """What a later tool result needs to know of the last user run."""

    query: str | None = None
    whole_text: bool = False


def plan_chat(
    messages: Sequence[Mapping[str, Any]], options: CompressionOptions, tokenizer: ServedTokenizer
) -> list[RunPlan]:
    """Plan every run of a chat; raises ``InvalidInputError`` for malformed messages."""
    plans: list[RunPlan] = []
    turn = _Turn()
    runs = split_runs(messages)
    # Some clients number the calls of every turn anew: a result is that of the last call before it.
    calls: dict[str, str] = {}
    for run in runs:
        if run.role == "user":
            asked = read_run([text.text for text in run.texts], keep_tags=options.keep_tags)
            turn = _turn(asked, turn, options)
            plans.append(_plan_user(run, asked, turn, options, tokenizer))
        elif run.role == "tool":
            plans.append(_plan_tool(run, messages, calls, turn, options, tokenizer))
        else:
            calls |= tool_calls(messages[index] for index in run.messages)
            plans.append(_plan_other(run, options))
    return plans


def _turn(asked: Asked, before: _Turn, options: CompressionOptions) -> _Turn:
    return _Turn(asked.query or before.query, options.mode == "auto" and whole_text_task(asked.request))


def _plan_user(run: Run, asked: Asked, turn: _Turn, options: CompressionOptions, tokenizer: ServedTokenizer) -> RunPlan:
    query = _query(asked.query, options)
    short = _short_messages(run, options, tokenizer)
    parts = []
    for text, found in zip(run.texts, asked.intents, strict=True):
        pins = (*((found.question,) if found.question else ()), *found.instructions)
        asks = (*found.frame, *((found.question,) if found.question else ()))
        parts.append(PartPlan(text, "user", query, pins, _skip(text, short, "user", turn, options), asks))
    carrier = asked.carrier
    question = asked.intents[carrier].question if carrier is not None else None
    brief = sum(tokenizer.count(text.text) for text in run.texts) < options.min_tokens
    recalls, whole = None, False
    if question is not None and "user" in options.roles:
        if turn.whole_text:
            # What is like the request and of another text would be translated or counted with its own.
            whole = brief and points_back(asked.texts)
        elif options.query is None:
            recalls = asked.query
    return RunPlan(tuple(parts), recalls, carrier, question[0] if question else 0, whole, not brief)


def _plan_tool(
    run: Run,
    messages: Sequence[Mapping[str, Any]],
    calls: Mapping[str, str],
    turn: _Turn,
    options: CompressionOptions,
    tokenizer: ServedTokenizer,
) -> RunPlan:
    parts = []
    short = _short_messages(run, options, tokenizer)
    for text in run.texts:
        call = calls.get(str(messages[text.message].get("tool_call_id", "")), "")
        asked = " ".join(piece for piece in (turn.query, call) if piece)
        skip = _skip(text, short, "tool", turn, options)
        parts.append(PartPlan(text, "tool", _query(asked or None, options), (), skip))
    return RunPlan(tuple(parts), None, None, 0, long=any(text.message not in short for text in run.texts))


def _plan_other(run: Run, options: CompressionOptions) -> RunPlan:
    """System and assistant texts are never compressed; only keep tags are taken out."""
    texts = run.texts if options.keep_tags else ()
    return RunPlan(tuple(PartPlan(t, run.role, None, (), Reason.ROLE_EXCLUDED) for t in texts), None, None, 0)


def _query(own: str | None, options: CompressionOptions) -> str | None:
    if options.query is not None:
        return options.query or None
    return None if options.stability == "document" else own


def _skip(text: TextPart, short: Set[int], role: str, turn: _Turn, options: CompressionOptions) -> Reason | None:
    if options.mode == "off":
        return Reason.MODE_OFF
    if role not in options.roles:
        return Reason.ROLE_EXCLUDED
    if options.mode == "force":
        return None
    if turn.whole_text:
        return Reason.WHOLE_TEXT_TASK
    return Reason.TOO_SHORT if text.message in short else None


def _short_messages(run: Run, options: CompressionOptions, tokenizer: ServedTokenizer) -> Set[int]:
    """Messages of the run that are under the minimum, all their texts together."""
    if options.mode != "auto":
        return frozenset()
    texts: dict[int, list[str]] = {}
    for text in run.texts:
        texts.setdefault(text.message, []).append(text.text)
    return {message for message, pieces in texts.items() if _is_short(pieces, options.min_tokens, tokenizer)}


def _is_short(texts: Sequence[str], minimum: int, tokenizer: ServedTokenizer) -> bool:
    # Byte-level vocabularies spend at most one token on a byte, so short texts need no counting.
    if sum(len(piece.encode(errors="surrogatepass")) for piece in texts) < minimum:
        return True
    return sum(tokenizer.count(piece) for piece in texts) < minimum

"""The question of a run of consecutive user messages or parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from semtoken.intent.cues import Cue
from semtoken.intent.question import Finding, Intent, analyse, is_short

APART = 40
"""Rank added to a short text that asks beside long ones: it was sent apart for a reason."""


@dataclass(frozen=True, slots=True)
class RunIntent:
    """The intents of a run's texts, and which of them carries the query."""

    intents: tuple[Intent, ...]
    """One for each text, with ranges of that text."""
    carrier: int | None
    """Index of the text whose question is the run's, or None when nothing is asked."""

    def query(self, texts: Sequence[str]) -> str | None:
        """The run's question, as :meth:`Intent.query` gives it."""
        return None if self.carrier is None else self.intents[self.carrier].query(texts[self.carrier])

    def request(self, texts: Sequence[str]) -> str:
        """Questions and instructions of all texts, for :func:`whole_text_task`."""
        parts = (intent.request(text) for intent, text in zip(self.intents, texts, strict=True))
        return "\n".join(part for part in parts if part)


def run_question(texts: Sequence[str]) -> RunIntent:
    """The intents of consecutive user texts, which are read as one request.

    A short text is question or instruction as a whole. Where several ask, the strongest evidence
    carries the query and of equals the last; the others' questions count as instructions.
    """
    findings = [analyse(text) for text in texts]
    short = [is_short(text) for text in texts]
    ranks = [_rank(finding, brief, all(short)) for finding, brief in zip(findings, short, strict=True)]
    asking = [i for i, finding in enumerate(findings) if finding.intent.question is not None]
    carrier = max(asking, key=lambda i: (ranks[i], i), default=None)
    intents = [_role(finding, i == carrier) for i, finding in enumerate(findings)]
    return RunIntent(tuple(intents), carrier)


def _rank(finding: Finding, short: bool, alone: bool) -> float:
    return finding.rank + (APART if short and not alone and finding.rank >= Cue.ASIDE else 0)


def _role(finding: Finding, carries: bool) -> Intent:
    """The intent of a text in its run: only the carrier keeps a question, but every question is pinned."""
    intent = finding.intent
    if carries or intent.question is None:
        return intent
    pinned = tuple(sorted([*intent.instructions, intent.question]))
    return Intent(None, pinned, (*intent.frame, intent.question))

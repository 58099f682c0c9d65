"""Scores of an answer: SQuAD's F1 and exact match, and whether a context still holds the answer.

The normalisation is SQuAD 1.1's (Rajpurkar et al. 2016): lower case, no punctuation, no English
articles, single blanks. For scripts without spaces every character counts as a token, as LongBench
does for Chinese. Each score is the best over all gold answers.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence

from semtoken.evaluation.words import space_out

_ARTICLES = frozenset(("a", "an", "the"))


def normalise(text: str, *, punctuation: str = "") -> list[str]:
    """The tokens of a text that count; a text of articles alone keeps them.

    ``punctuation`` stands in the place of every punctuation mark and symbol.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    plain = "".join(punctuation if unicodedata.category(char)[0] in "PS" else char for char in folded)
    tokens = space_out(plain).split()
    return [token for token in tokens if token not in _ARTICLES] or tokens


def f1(prediction: str, answers: Sequence[str]) -> float:
    """Token F1 between 0 and 1."""
    predicted = normalise(prediction)
    return max(_overlap(predicted, normalise(answer)) for answer in answers)


def exact_match(prediction: str, answers: Sequence[str]) -> float:
    """1.0 where prediction and some answer are the same after normalisation, else 0.0."""
    predicted = normalise(prediction)
    return float(any(predicted == normalise(answer) for answer in answers))


def answer_in_context(context: str, answers: Sequence[str]) -> bool:
    """Whether some answer's tokens stand in the context, one after another.

    Here punctuation parts words ("the end--Paris" holds "Paris"); in F1 it is taken out, as SQuAD does.
    """
    haystack = _padded(normalise(context, punctuation=" "))
    needles = (normalise(answer, punctuation=" ") for answer in answers)
    return any(needle and _padded(needle) in haystack for needle in needles)


def _overlap(predicted: Sequence[str], gold: Sequence[str]) -> float:
    if not predicted or not gold:
        return float(predicted == gold)
    common = sum((Counter(predicted) & Counter(gold)).values())
    return 2.0 * common / (len(predicted) + len(gold))


def _padded(tokens: Sequence[str]) -> str:
    return f" {' '.join(tokens)} "

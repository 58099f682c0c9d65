"""The self-contained HTML page of one compression: every span with what became of it and why."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from importlib.resources import files
from itertools import islice, takewhile

from jinja2 import Environment, StrictUndefined, Template

from semtoken.datamodels import TIMED_STAGES, CompressionResult, Decision, Span

_MEANINGS = {
    Decision.KEEP: "kept as it is",
    Decision.THIN: "thinned: parts of it were dropped",
    Decision.DROP: "dropped",
    Decision.MERGE: "merged into an earlier twin",
    Decision.PINNED: "pinned: never dropped",
}


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of one fate within a span: in a thinned span, what stayed and what went alternate."""

    text: str
    kept: bool


@dataclass(frozen=True, slots=True)
class _Shown:
    """A span as the page shows it."""

    decision: str
    hint: str
    pieces: tuple[_Piece, ...]


@dataclass(frozen=True, slots=True)
class _Legend:
    decision: str
    meaning: str
    spans: int
    share: float
    """Of the original's characters."""


def render_html(result: CompressionResult, query: str | None = None) -> str:
    """The page for a result, and for the query that it was made with; the text is always escaped.

    It loads nothing, runs no script, follows the reader's light or dark theme, and tells decisions
    apart by text style as well as by colour.
    """
    return _template().render(
        result=result,
        query=query,
        saved=1 - result.compressed_tokens / result.original_tokens if result.original_tokens else 0.0,
        spans=[_shown(span, result) for span in result.spans],
        legend=_legend(result),
        timings=[(stage, result.timings_ms.get(stage, 0.0)) for stage in (*TIMED_STAGES, "total")],
    )


def _template() -> Template:
    source = (files("semtoken.report") / "page.html.j2").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(source)


def _shown(span: Span, result: CompressionResult) -> _Shown:
    hint = f"{_MEANINGS[span.decision]}; density {span.density:.3f}, relevance {span.relevance:.3f}"
    return _Shown(str(span.decision), f"{hint}; characters {span.start} to {span.end}", _pieces(span, result))


def _pieces(span: Span, result: CompressionResult) -> tuple[_Piece, ...]:
    whole = result.original[span.start : span.end]
    if span.decision is not Decision.THIN:
        return (_Piece(whole, span.decision in (Decision.KEEP, Decision.PINNED)),)
    pieces: list[_Piece] = []
    position = span.start
    first = bisect_right(result.kept, span.start, key=lambda kept: kept[1])
    for kept in takewhile(lambda kept: kept[0] < span.end, islice(result.kept, first, None)):
        start, end = max(kept[0], span.start), min(kept[1], span.end)
        if position < start:
            pieces.append(_Piece(result.original[position:start], kept=False))
        pieces.append(_Piece(result.original[start:end], kept=True))
        position = end
    if position < span.end:
        pieces.append(_Piece(result.original[position : span.end], kept=False))
    return tuple(pieces)


def _legend(result: CompressionResult) -> list[_Legend]:
    spans: Counter[Decision] = Counter()
    characters: Counter[Decision] = Counter()
    for span in result.spans:
        spans[span.decision] += 1
        characters[span.decision] += span.end - span.start
    total = max(1, len(result.original))
    return [
        _Legend(str(decision), meaning, spans[decision], characters[decision] / total)
        for decision, meaning in _MEANINGS.items()
        if spans[decision]
    ]

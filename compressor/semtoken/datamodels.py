"""The data that flows from stage to stage: frozen, array-backed, in character offsets.

Shapes: ``n`` units of a text, ``t`` encoder tokens, ``d`` encoder dimensions, ``m`` containers,
``k`` atoms. Offsets are Python string indices (code points), half open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float32]


class UnitKind(IntEnum):
    """What a unit of text is; the budget decides over content, glue follows its neighbours."""

    SENTENCE = 0
    HEADING = 1
    LIST_ITEM = 2
    TABLE_ROW = 3
    CODE = 4
    LOG_LINE = 5
    JSON_ITEM = 6
    SEPARATOR = 7
    """Between siblings (a blank line, a JSON comma): stays where the siblings directly before it
    and any later sibling stay."""
    STRUCTURE = 8
    """Opens or closes a container (a JSON bracket with its key): stays while anything inside does."""
    TAG = 9
    """A ``<semtoken:keep>`` tag: never forwarded."""


GLUE_KINDS = (UnitKind.SEPARATOR, UnitKind.STRUCTURE, UnitKind.TAG)


@dataclass(frozen=True, slots=True)
class Segmentation:
    """A text cut into units that tile it: ``starts[0] == 0``, ``ends[i] == starts[i + 1]``."""

    text: str = field(repr=False)
    starts: IntArray
    ends: IntArray
    kinds: IntArray
    """(n,) values of :class:`UnitKind`."""
    paragraphs: IntArray
    """(n,) paragraph number, never falling. A fenced block, a table or a JSON document is one."""
    sections: IntArray
    """(n,) section number, never falling; a heading starts one."""
    headings: IntArray
    """(n,) index of the unit that is this unit's nearest heading above, or -1."""
    containers: IntArray
    """(n,) index into ``container_parents`` of the container that holds the unit, or -1. The
    opening and closing units of a container belong to the container itself."""
    container_parents: IntArray
    """(m,) parent container of each container, or -1."""
    pinned: BoolArray
    """(n,) units that must stay."""
    atoms: IntArray
    """(k, 2) sorted, disjoint character ranges that must not be cut inside."""

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def content(self) -> BoolArray:
        """(n,) units that the budget decides over (everything but glue)."""
        return ~np.isin(self.kinds, GLUE_KINDS)


@dataclass(frozen=True, slots=True)
class Encoding:
    """Contextual encoder vectors of a segmented text."""

    vectors: FloatArray = field(repr=False)
    """(t, d) contextual token vectors, not normalised."""
    token_ids: IntArray = field(repr=False)
    """(t,) ids in the encoder's vocabulary."""
    token_starts: IntArray = field(repr=False)
    token_ends: IntArray = field(repr=False)
    bounds: IntArray = field(repr=False)
    """(n + 1,) unit ``i`` holds the tokens ``bounds[i]:bounds[i + 1]``."""
    units: FloatArray = field(repr=False)
    """(n, d) mean-pooled, L2-normalised unit vectors; zeros for a unit without a token."""


@dataclass(frozen=True, slots=True)
class Query:
    """What a text is compressed for."""

    text: str = field(repr=False)
    encoding: Encoding = field(repr=False)


EARLIER_MESSAGE = -2
"""Twin of a unit that stands verbatim in an earlier message of the chat."""


@dataclass(frozen=True, slots=True)
class Clusters:
    """What says the same as what, per unit (n,)."""

    spans: IntArray
    """Number of the span of like neighbours that a unit belongs to, never falling."""
    twins: IntArray
    """Index of the earliest unit that says the same, ``EARLIER_MESSAGE``, or -1."""
    novelty: FloatArray
    """1 minus the highest cosine similarity to an earlier unit, in [0, 1]; 1 for the first unit."""
    template_first: BoolArray
    """Log lines that are the first of their template."""
    template_rarity: FloatArray
    """-log of a log line's template share among the text's log lines; 0 elsewhere."""


@dataclass(frozen=True, slots=True)
class Scores:
    """What the budget weighs, per unit (n,)."""

    density: FloatArray
    """Semantic density, z-scored over the text's content units; 0 where the stage is off."""
    relevance: FloatArray
    """Relevance to the query, z-scored likewise; 0 where there is no query or the stage is off."""
    value: FloatArray
    """Worth of a unit's token: units go into the budget from the highest value down."""


class Decision(StrEnum):
    """What became of a span."""

    KEEP = "keep"
    THIN = "thin"
    DROP = "drop"
    MERGE = "merge"
    PINNED = "pinned"


class Status(StrEnum):
    """Whether a text was compressed."""

    COMPRESSED = "compressed"
    SKIPPED = "skipped"
    OFF = "off"


class Reason(StrEnum):
    """Why a text has its status, or why the ratio asked for was missed."""

    OK = "ok"
    MODE_OFF = "mode_off"
    TOO_SHORT = "too_short"
    WHOLE_TEXT_TASK = "whole_text_task"
    ROLE_EXCLUDED = "role_excluded"
    NOTHING_TO_COMPRESS = "nothing_to_compress"
    RATIO_ONE = "ratio_one"
    PINNED_OVER_BUDGET = "pinned_over_budget"
    TARGET_MISSED = "target_missed"
    """What may be compressed is too little for the whole prompt to meet ``target_tokens``."""
    FIT_WINDOW = "fit_window"
    """At the ratio asked the prompt and room for its answer were over the model's window; now they are inside."""
    WINDOW_MISSED = "window_missed"
    """They are over it even so: what may be compressed is too little."""
    BUDGET_MISSED = "budget_missed"
    """Units that may not be cut (a fence, an atom, a first log template) left less or more than asked; or what a
    question was given back of its own document (``stability="document"``) came on top."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the original with its decision and scores."""

    start: int
    end: int
    decision: Decision
    density: float
    relevance: float
    cluster: int = 0
    """Number of the local cluster of like neighbours that the span belongs to."""

    def to_dict(self) -> dict[str, Any]:
        """The span in the form of the JSON contract."""
        return {
            "start": self.start,
            "end": self.end,
            "decision": str(self.decision),
            "density": round(self.density, 4),
            "relevance": round(self.relevance, 4),
            "cluster": self.cluster,
        }


TIMED_STAGES = ("segment", "encode", "cluster", "density", "budget", "realise")


@dataclass(frozen=True, slots=True)
class CompressionResult:
    """A compressed text that explains itself."""

    original: str = field(repr=False)
    text: str = field(repr=False)
    token_ids: tuple[int, ...] = field(repr=False)
    """The compressed text in the served model's tokenizer, without special tokens. With ``embeds`` one id per
    vector: of a merged one the rarest of its tokens."""
    original_tokens: int
    status: Status
    reason: Reason
    spans: tuple[Span, ...] = field(repr=False)
    """Cover ``original`` without gap or overlap."""
    kept: tuple[tuple[int, int], ...] = field(repr=False)
    """Ranges of ``original`` whose concatenation is ``text``, unless spans were thinned, or a prompt's question was
    given spans back (``stability="document"``): in ``text`` these stand before the question, here in their place."""
    timings_ms: Mapping[str, float] = field(repr=False)
    embeds: FloatArray | None = field(default=None, repr=False, compare=False)
    """(tokens forwarded, d) input embeddings, where these were asked for and the text was compressed; ``text``
    then is what stays word for word."""

    @property
    def compressed_tokens(self) -> int:
        """Tokens forwarded."""
        return len(self.token_ids)

    @property
    def ratio(self) -> float:
        """Original over compressed tokens; 1.0 for an empty text."""
        return self.original_tokens / self.compressed_tokens if self.compressed_tokens else 1.0

    @property
    def dropped(self) -> tuple[Span, ...]:
        """Spans that were not forwarded."""
        return tuple(s for s in self.spans if s.decision in (Decision.DROP, Decision.MERGE))

    def to_dict(self) -> dict[str, Any]:
        """The result in the form of the JSON contract."""
        timings = {stage: round(self.timings_ms.get(stage, 0.0), 3) for stage in (*TIMED_STAGES, "total")}
        return {
            "text": self.text,
            "token_ids": list(self.token_ids),
            "original_tokens": self.original_tokens,
            "compressed_tokens": self.compressed_tokens,
            "ratio": round(self.ratio, 4),
            "status": str(self.status),
            "reason": str(self.reason),
            "spans": [span.to_dict() for span in self.spans],
            "kept": [list(pair) for pair in self.kept],
            "timings_ms": timings,
        }

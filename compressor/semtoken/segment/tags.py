"""``<semtoken:keep>`` tags: taken out before segmentation, put back as units of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from semtoken.datamodels import IntArray, Segmentation, UnitKind
from semtoken.segment.atoms import clip_atoms

_TAG = re.compile(r"<(/?)semtoken:keep>")


@dataclass(frozen=True, slots=True)
class Tags:
    """The balanced tags of a text, and the text without them."""

    text: str = field(repr=False)
    plain: str = field(repr=False)
    starts: IntArray
    ends: IntArray
    """(k,) offsets of the tags in ``text``."""
    places: IntArray
    """(k,) where each stood, in ``plain``; never falling."""
    kept: tuple[tuple[int, int], ...]
    """Ranges of ``plain`` that outermost pairs enclose."""

    def __len__(self) -> int:
        return len(self.starts)

    def to_plain(self, ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """Ranges of ``text`` as ranges of ``plain``; what lay within tags vanishes."""
        spans = np.array(ranges, dtype=np.int64).reshape(-1, 2)
        removed = np.concatenate([[0], np.cumsum(self.ends - self.starts)])
        before = np.searchsorted(self.ends, spans, side="right")
        inside = np.searchsorted(self.starts, spans, side="left") > before
        tag_start = self.starts[np.minimum(before, len(self) - 1)]
        plain = np.where(inside, tag_start, spans) - removed[before]
        return [(int(start), int(end)) for start, end in plain]


def find_tags(text: str) -> Tags:
    """The tags of ``text`` that have a partner; the others are plain text."""
    matches = list(_TAG.finditer(text))
    open_tags: list[int] = []
    outermost: list[tuple[int, int]] = []
    balanced = np.zeros(len(matches), dtype=np.bool_)
    for index, match in enumerate(matches):
        if not match[1]:
            open_tags.append(index)
        elif open_tags:
            first = open_tags.pop()
            balanced[[first, index]] = True
            while outermost and outermost[-1][0] > first:
                outermost.pop()
            outermost.append((first, index))
    spans = np.array([match.span() for match in matches], dtype=np.int64).reshape(-1, 2)
    rank = np.cumsum(balanced) - 1
    starts, ends = spans[balanced, 0], spans[balanced, 1]
    places = starts - (np.cumsum(ends - starts) - (ends - starts))
    plain = "".join(text[a:b] for a, b in _between(starts, ends, len(text)))
    kept = tuple((int(places[rank[a]]), int(places[rank[b]])) for a, b in outermost)
    return Tags(text, plain, starts, ends, places, kept)


def outside_keep_tags(text: str) -> list[tuple[int, int]]:
    """The non-empty ranges of ``text`` between its balanced tags; the whole of it where there are none."""
    tags = find_tags(text)
    return [(start, end) for start, end in _between(tags.starts, tags.ends, len(text)) if start < end]


def without_keep_tags(text: str) -> str:
    """``text`` without its balanced ``<semtoken:keep>`` tags; what they enclose stays."""
    return find_tags(text).plain


def reinsert(units: Segmentation, tags: Tags) -> Segmentation:
    """Units of ``tags.text``: those of ``tags.plain`` with the tags between them.

    A unit that a tag stands in is cut there and all its pieces are pinned. Of a separator only one
    piece goes on separating (the one with a comma, or the longest); the others go with the tag.
    """
    cuts = np.unique(np.concatenate([units.starts, tags.places[tags.places < len(tags.plain)]]))
    owner = np.searchsorted(units.starts, cuts, side="right") - 1
    kinds = _piece_kinds(units, tags.plain, cuts, owner)
    split = np.bincount(owner, minlength=len(units)) > 1
    pinned = (units.pinned | (split & units.content))[owner] & (kinds != UnitKind.TAG)
    # A tag takes its place in the outline from the unit that it stands in or after.
    beside = np.maximum(np.searchsorted(units.starts, tags.places, side="left") - 1, 0)
    shift = np.concatenate([[0], np.cumsum(tags.ends - tags.starts)])
    starts = np.concatenate([cuts + shift[np.searchsorted(tags.places, cuts, side="right")], tags.starts])
    order = np.argsort(starts, kind="stable")
    source = np.concatenate([owner, beside])[order]
    first_pieces = np.argsort(order, kind="stable")[np.searchsorted(owner, np.arange(len(units)))]
    tag_count = len(tags)
    atoms = clip_atoms(units.atoms, cuts, len(tags.plain))
    atom_shift = np.searchsorted(tags.places, atoms[:, 0], side="right")
    return Segmentation(
        text=tags.text,
        starts=starts[order],
        ends=np.append(starts[order][1:], len(tags.text)),
        kinds=np.concatenate([kinds, np.full(tag_count, int(UnitKind.TAG))])[order],
        paragraphs=_take(units.paragraphs, source, 0),
        sections=_take(units.sections, source, 0),
        headings=np.append(first_pieces, -1)[_take(units.headings, source, -1)],
        containers=_take(units.containers, source, -1),
        container_parents=units.container_parents,
        pinned=np.concatenate([pinned, np.zeros(tag_count, dtype=np.bool_)])[order],
        atoms=atoms + shift[atom_shift][:, None],
    )


def _between(starts: IntArray, ends: IntArray, length: int) -> Iterator[tuple[int, int]]:
    """The stretches of a text of ``length`` characters before, between and behind its tags."""
    return zip([0, *ends.tolist()], [*starts.tolist(), length], strict=True)


def _take(values: IntArray, source: IntArray, empty: int) -> IntArray:
    return values[source] if len(values) else np.full(len(source), empty, dtype=np.int64)


def _piece_kinds(units: Segmentation, plain: str, cuts: IntArray, owner: IntArray) -> IntArray:
    if not len(units):
        return np.zeros(0, dtype=np.int64)
    kinds = units.kinds[owner]
    pieces = np.bincount(owner, minlength=len(units))
    ends = np.append(cuts[1:], len(plain))
    for unit in np.flatnonzero((pieces > 1) & (units.kinds == UnitKind.SEPARATOR)):
        parts = np.arange(*np.searchsorted(owner, [unit, unit + 1]))
        texts = [plain[cuts[part] : ends[part]] for part in parts]
        keeps = max(range(len(parts)), key=[(bool(part.strip()), len(part)) for part in texts].__getitem__)
        kinds[np.delete(parts, keeps)] = UnitKind.TAG
    return kinds

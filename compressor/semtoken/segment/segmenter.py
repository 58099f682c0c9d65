"""The stage's entry: text in, units with pins and atoms out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from semtoken.datamodels import Segmentation
from semtoken.errors import InvalidInputError, InvalidOptionError
from semtoken.segment.assemble import assemble
from semtoken.segment.pins import pinned_units, protected_ranges
from semtoken.segment.tags import find_tags, reinsert


def segment(
    text: str,
    *,
    pins: Sequence[tuple[int, int]] = (),
    protect: Sequence[str] = (),
    keep_tags: bool = False,
    max_unit_chars: int = 600,
) -> Segmentation:
    """Cut ``text`` into units that tile it; time is linear in its length.

    Args:
        text: Any Python string, lone surrogates included. Empty text gives zero units.
        pins: Half-open character ranges of ``text``; every unit that one overlaps is pinned.
        protect: Every occurrence of each string pins the units that it touches. With ``keep_tags``
            the strings are looked for in the text as it reads without its tags.
        keep_tags: Whether ``<semtoken:keep>…</semtoken:keep>`` pins what it encloses. The tags become
            TAG units; without a partner they are plain text, as all tags are when this is off.
        max_unit_chars: Longest unit in characters. Fenced code, definitions in source code, JSON leaves and
            single graphemes may be longer, for they are never cut.

    Raises:
        InvalidInputError: A pin is reversed or lies outside the text.
        InvalidOptionError: ``max_unit_chars`` is below 1, or a string to protect is empty.
    """
    if max_unit_chars < 1:
        raise InvalidOptionError(f"max_unit_chars must be at least 1, got {max_unit_chars}", param="max_unit_chars")
    if "" in protect:
        raise InvalidOptionError(f"a string to protect must not be empty, got {list(protect)!r:.80}", param="protect")
    for start, end in pins:
        if not 0 <= start <= end <= len(text):
            raise InvalidInputError(f"pin {(start, end)} is not a range of a text of {len(text)} characters")
    tags = find_tags(text) if keep_tags else None
    if tags is None or not len(tags):
        units = assemble(text, max_unit_chars)
        return replace(units, pinned=pinned_units(units, [*pins, *protected_ranges(units, protect)]))
    units = assemble(tags.plain, max_unit_chars)
    ranges = [*tags.to_plain(pins), *tags.kept, *protected_ranges(units, protect)]
    return reinsert(replace(units, pinned=pinned_units(units, ranges)), tags)

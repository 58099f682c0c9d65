"""The ids of what stays of a text: whole tokens as they were, and what is cut out of tokens encoded anew."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from semtoken.datamodels import BoolArray, IntArray
from semtoken.tokenizer import ServedTokenizer, TokenizedText


@dataclass(frozen=True, slots=True)
class KeptTokens:
    """The ids of a text's kept ranges, with where they stand among the text's own tokens."""

    ids: IntArray = field(repr=False)
    """(k,) in the order of the text; where the tokenizer is lossless they decode to the kept ranges."""
    places: IntArray = field(repr=False)
    """(k,) index of the original's token that each is, or was cut out of; never falling."""
    gone: BoolArray = field(repr=False)
    """(t,) tokens of the original of which nothing stays."""


def kept_tokens(ranges: IntArray, tokenized: TokenizedText, text: str, tokenizer: ServedTokenizer) -> KeptTokens:
    """The tokens of ``ranges`` (r, 2), rising and disjoint character ranges of ``text``.

    A token that an edge of a range stands in is no token of what stays: of JSON's ``"},`` only ``"}`` may stay, and a
    word's token often begins with the space that ends the unit before. What stays of such tokens is encoded anew,
    joined with what it then stands beside; so a word gets back the space of another.
    """
    tokens, offsets = _cuts(tokenized, len(text))
    firsts = np.searchsorted(offsets, ranges[:, 0], side="left").tolist()
    lasts = (np.searchsorted(offsets, ranges[:, 1], side="right") - 1).tolist()
    touched = _touched(ranges, tokens, offsets, len(tokenized))
    ids: list[IntArray] = []
    places: list[IntArray] = []
    piece = ""

    def encode(place: int) -> None:
        encoded = tokenizer.ids_inside(piece) if ids else tokenizer.ids(piece)
        ids.append(np.asarray(encoded, dtype=np.int64))
        places.append(np.full(len(encoded), place, dtype=np.int64))

    for (start, end), first, last in zip(ranges.tolist(), firsts, lasts, strict=True):
        if piece and first < last and offsets[first] == start:
            # Models hardly know a space alone before a word.
            first += 1  # noqa: PLW2901
        if first >= last:
            piece += text[start:end]
            continue
        piece += text[start : offsets[first]]
        whole = np.arange(tokens[first], tokens[last])
        if piece:
            encode(int(whole[0]) - 1)
        ids.append(tokenized.ids[whole])
        places.append(whole)
        piece = text[offsets[last] : end]
    if piece:
        encode(int(np.flatnonzero(touched)[-1]) if touched.any() else 0)
    stand = _joined(places)
    touched[stand] = True  # a token of no characters may be kept that touches nothing
    return KeptTokens(_joined(ids), stand, ~touched)


def _cuts(tokenized: TokenizedText, length: int) -> tuple[IntArray, IntArray]:
    """Where a text falls into whole tokens: (c,) numbers of tokens before each place, (c,) its character offsets.

    None within a character of several tokens, and none beside characters that no token's offsets hold: some
    tokenizers leave the white space out that belongs to a token, before it or after it.
    """
    ends = np.append(0, np.maximum.accumulate(tokenized.ends))
    starts = np.append(np.minimum.accumulate(tokenized.starts[::-1])[::-1], length)
    tokens = np.flatnonzero(ends == starts)
    return tokens, ends[tokens]


def _touched(ranges: IntArray, tokens: IntArray, offsets: IntArray, total: int) -> BoolArray:
    """Tokens (t,) of which something is in ``ranges``, or cannot be said not to be."""
    firsts = np.append(0, tokens)[np.searchsorted(offsets, ranges[:, 0], side="right")]
    ends = np.append(tokens, total)[np.searchsorted(offsets, ranges[:, 1], side="left")]
    steps = np.zeros(total + 1, dtype=np.int64)
    np.add.at(steps, firsts, 1)
    np.add.at(steps, ends, -1)
    return np.cumsum(steps[:-1]) > 0


def _joined(arrays: list[IntArray]) -> IntArray:
    return np.concatenate(arrays) if arrays else np.zeros(0, dtype=np.int64)

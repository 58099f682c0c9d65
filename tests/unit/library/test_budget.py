"""The budget stage: exact costs, highest value first, and glue."""

from __future__ import annotations

import json

import numpy as np
import pytest
from fakes.encoders import HashEncoder, small_tokenizer
from hypothesis import given
from hypothesis import strategies as st
from semtoken import CompressionOptions, Compressor
from semtoken.budget import allocate, unit_costs
from semtoken.datamodels import UnitKind
from semtoken.segment import segment
from semtoken.structure import resolve_glue

unit = st.tuples(st.integers(-50, 50), st.integers(0, 30), st.booleans(), st.booleans())


@given(st.lists(unit, min_size=1, max_size=80), st.integers(0, 400))
def test_never_over_budget_but_for_what_is_required(units: list[tuple[int, int, bool, bool]], budget: int) -> None:
    value, costs, required, content = (np.array(column) for column in zip(*units, strict=True))
    required &= content
    keep = allocate(value.astype(np.float32), costs, required, content, budget)
    assert (keep & ~content).sum() == 0
    assert keep[required].all()
    assert costs[keep].sum() <= max(budget, costs[required].sum())


@given(st.lists(unit, min_size=1, max_size=80), st.integers(0, 400))
def test_the_best_unit_that_fits_is_always_taken(units: list[tuple[int, int, bool, bool]], budget: int) -> None:
    value, costs, _, content = (np.array(column) for column in zip(*units, strict=True))
    nothing = np.zeros(len(units), dtype=bool)
    keep = allocate(value.astype(np.float32), costs, nothing, content, budget)
    fits = np.flatnonzero(content & (costs <= budget))
    if len(fits):
        assert keep[fits[np.argmax(value[fits])]]


def test_ties_go_to_the_earlier_unit() -> None:
    keep = allocate(np.zeros(4, np.float32), np.full(4, 10), np.zeros(4, bool), np.ones(4, bool), 20)
    assert keep.tolist() == [True, True, False, False]


def test_what_is_left_over_is_filled_with_the_next_that_fits() -> None:
    value = np.array([9, 8, 7, 1], np.float32)
    keep = allocate(value, np.array([10, 50, 40, 5]), np.zeros(4, bool), np.ones(4, bool), 16)
    assert keep.tolist() == [True, False, False, True]


@given(st.lists(st.tuples(unit, st.booleans()), min_size=1, max_size=60), st.integers(0, 300))
def test_no_row_is_chosen_without_its_header(rows: list[tuple[tuple[int, int, bool, bool], bool]], budget: int) -> None:
    value, costs, required, _ = (np.array(column) for column in zip(*(row for row, _ in rows), strict=True))
    is_header = np.array([header for _, header in rows])
    headers = np.where(is_header, -1, np.maximum.accumulate(np.where(is_header, np.arange(len(rows)), -1)))
    keep = allocate(value.astype(np.float32), costs, required, np.ones(len(rows), bool), budget, headers)
    assert costs[keep].sum() <= max(budget, costs[required].sum())
    chosen = keep & ~required & (headers >= 0)
    assert keep[headers[chosen]].all()


def test_the_first_row_pays_for_its_header() -> None:
    # A header of 30, rows of 10 under it, and prose of 10 a unit.
    value = np.array([0, 9, 8, 7, 6, 5], np.float32)
    costs = np.array([30, 10, 10, 10, 10, 10])
    headers = np.array([-1, 0, 0, -1, -1, -1])

    def kept(budget: int, *required: int) -> list[int]:
        must = np.isin(np.arange(6), required)
        keep = allocate(value, costs, must, np.ones(6, bool), budget, headers)
        return [row for row in range(6) if keep[row]]

    assert kept(50) == [0, 1, 2]
    assert kept(40) == [0, 1]
    assert kept(39) == [3, 4, 5]  # neither the header alone nor a row alone
    assert kept(40, 2) == [0, 2]  # a required row comes first, its header next
    assert kept(35, 2) == [2, 3, 4]  # and stays without where that does not fit


TABLE = (
    "| name of the craftsman | repaired building | year of repair | price in silver thalers | remarks of the clerk |\n"
    "|---|---|---|---|---|\n"
)


@pytest.mark.parametrize("ratio", [4, 6])
def test_rows_of_a_compressed_table_stand_under_their_header(ratio: float) -> None:
    names = ("Ada", "Bruno", "Chen", "Dilara", "Emeka", "Farah", "Goran", "Hana")
    places = ("bridge", "garden", "engine", "library", "harbour", "orchard", "tunnel")
    told = [
        f"In the year {1700 + n} {names[n % 8]} repaired the {places[n * 3 % 7]} near number {n}." for n in range(60)
    ]
    rows = [f"| {names[n * 5 % 8]} | {places[n % 4]} | {1700 + n} | {n * 37 % 900} | ok |\n" for n in range(30)]
    text = f"{' '.join(told[:30])}\n\n{TABLE}{''.join(rows)}\n{' '.join(told[30:])}"
    compressor = Compressor(HashEncoder(), small_tokenizer())
    found = 0
    for n in range(12):
        query = f"What did {names[n % 8]} repair near number {n}?"
        result = compressor.compress(text, query, CompressionOptions(ratio=ratio))
        assert result.compressed_tokens <= result.original_tokens / ratio
        if "| ok |" in result.text:
            found += 1
            assert TABLE in result.text
    assert found


@given(st.lists(st.integers(0, 9), max_size=40), st.lists(st.integers(1, 5), min_size=1, max_size=20))
def test_costs_sum_to_the_tokens_of_the_text(gaps: list[int], sizes: list[int]) -> None:
    unit_starts = np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.int64)
    token_starts = np.minimum(np.cumsum(gaps), sum(sizes) - 1).astype(np.int64)
    costs = unit_costs(token_starts, unit_starts, len(token_starts))
    assert costs.sum() == len(token_starts)
    assert (costs >= 0).all()


def test_a_separator_stays_only_between_what_stays() -> None:
    text = "One stands here.\n\nTwo stands here.\n\nThree stands here."
    segmentation = segment(text)
    kinds = segmentation.kinds.tolist()
    assert kinds.count(UnitKind.SEPARATOR) == 2

    def forwarded(*wanted: str) -> str:
        pieces = [text[s:e] for s, e in zip(segmentation.starts, segmentation.ends, strict=True)]
        keep = np.array([any(w in piece for w in wanted) for piece in pieces])
        resolved = resolve_glue(segmentation, keep)
        return "".join(piece for piece, stays in zip(pieces, resolved, strict=True) if stays)

    assert forwarded("One", "Three") == "One stands here.\n\nThree stands here."
    assert forwarded("Two") == "Two stands here."
    assert forwarded("One", "Two", "Three") == text
    assert forwarded() == ""


def test_json_without_some_of_its_elements_is_json() -> None:
    rows = [{"id": number, "note": f"row {number} " + "x" * 60} for number in range(12)]
    text = json.dumps({"rows": rows, "total": 12, "meta": {"page": 1}}, indent=2)
    segmentation = segment(text, max_unit_chars=200)
    keep = segmentation.content & (np.arange(len(segmentation)) % 3 == 0)
    resolved = resolve_glue(segmentation, keep)
    left = "".join(
        text[s:e] for s, e, stays in zip(segmentation.starts, segmentation.ends, resolved, strict=True) if stays
    )
    assert 0 < len(left) < len(text)
    parsed = json.loads(left)
    assert all(row in rows for row in parsed.get("rows", []))

"""Packing units into encoder windows, and pooling."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from semtoken.encoders.windows import pack_windows, pool_units
from semtoken.scaling import unit_sums

units = st.lists(st.integers(0, 40), max_size=60)


def bounds_of(sizes: list[int]) -> np.ndarray:
    return np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)


@given(units, st.integers(1, 50))
def test_windows_tile_the_tokens_and_respect_the_capacity(sizes: list[int], capacity: int) -> None:
    bounds = bounds_of(sizes)
    windows = pack_windows(bounds, capacity)
    assert [start for start, _ in windows] == [0, *[end for _, end in windows[:-1]]][: len(windows)]
    assert (windows[-1][1] if windows else 0) == bounds[-1]
    assert all(0 < end - start <= capacity for start, end in windows)


@given(units)
def test_a_unit_that_fits_a_window_is_never_cut(sizes: list[int]) -> None:
    bounds = bounds_of(sizes)
    edges = {edge for window in pack_windows(bounds, 40) for edge in window}
    for start, end in itertools.pairwise(bounds):
        assert not any(start < edge < end for edge in edges)


def test_pooling_is_the_direction_of_the_mean() -> None:
    vectors = np.array([[1, 0], [0, 1], [3, 4], [9, 9]], dtype=np.float32)
    pooled = pool_units(vectors, np.array([0, 2, 2, 3, 4]))
    root = np.sqrt(0.5)
    np.testing.assert_allclose(pooled, [[root, root], [0, 0], [0.6, 0.8], [root, root]], rtol=1e-6)


@pytest.mark.parametrize("units", [1, 255, 256, 257, 1000])
def test_sums_by_block_are_the_sums_at_once_to_the_bit(units: int) -> None:
    rng = np.random.default_rng(units)
    vectors = rng.normal(size=(4000, 32)).astype(np.float32)
    starts = np.append(0, np.sort(rng.choice(np.arange(1, 4000), units - 1, replace=False)))
    np.testing.assert_array_equal(unit_sums(vectors, starts), np.add.reduceat(vectors, starts, axis=0))

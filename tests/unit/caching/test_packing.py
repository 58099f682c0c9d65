"""Vectors as bytes and back."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from semtoken.caching.packing import FORM, pack, unpack
from semtoken.datamodels import FloatArray

shapes = st.tuples(st.integers(0, 6), st.integers(1, 6))
finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
floats = shapes.flatmap(lambda shape: arrays.arrays(np.float32, shape, elements=finite))


def same_bits(one: FloatArray, other: FloatArray | None) -> bool:
    return other is not None and one.shape == other.shape and one.tobytes() == other.tobytes()


@given(floats)
def test_floats_come_back_to_the_last_bit(vectors: FloatArray) -> None:
    assert same_bits(vectors, unpack(pack(vectors), *vectors.shape))


@given(floats)
def test_bfloat16_takes_two_bytes_a_number_and_loses_nothing(vectors: FloatArray) -> None:
    # The largest floats round to infinity, which no encoder gives.
    rounded = np.nan_to_num(torch.from_numpy(vectors).bfloat16().float().numpy(), posinf=1.0, neginf=-0.0)
    value = pack(rounded)
    assert len(value) == FORM.size + 2 * rounded.size
    assert same_bits(rounded, unpack(value, *rounded.shape))


def test_one_number_that_needs_them_makes_all_take_four() -> None:
    vectors = np.ones((3, 4), dtype=np.float32)
    vectors[2, 3] = np.nextafter(np.float32(1), np.float32(2))
    value = pack(vectors)
    assert len(value) == FORM.size + 4 * vectors.size
    assert same_bits(vectors, unpack(value, 3, 4))


def test_a_view_of_a_larger_array_is_packed_as_it_reads() -> None:
    whole = np.arange(24, dtype=np.float32).reshape(4, 6)
    part = whole[1:3, ::2]
    assert same_bits(np.ascontiguousarray(part), unpack(pack(part), 2, 3))


@given(st.binary(max_size=64), st.integers(0, 4), st.integers(0, 4))
def test_any_bytes_at_all_are_no_error(value: bytes, rows: int, columns: int) -> None:
    vectors = unpack(value, rows, columns)
    assert vectors is None or (vectors.shape == (rows, columns) and np.isfinite(vectors).all())


def test_what_does_not_hold_such_vectors_is_nothing() -> None:
    vectors = np.full((3, 4), 0.1, dtype=np.float32)
    value = pack(vectors)
    assert unpack(value, 3, 4) is not None
    assert unpack(value, 4, 3) is None
    assert unpack(value[:-1], 3, 4) is None
    assert unpack(value + b"\0", 3, 4) is None
    assert unpack(b"\x02" + value[1:], 3, 4) is None
    assert unpack(pack(np.full((3, 4), np.nan, dtype=np.float32)), 3, 4) is None

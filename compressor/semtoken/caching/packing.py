"""Vectors as bytes and back, to the last bit.

A value is a header, ``FORM`` (version, bytes per number, rows, columns), and the numbers row by row,
little endian. Two bytes per number are the upper half of a float32: what a bfloat16 model gives loses
nothing by it. Anything else takes four.
"""

from __future__ import annotations

import struct

import numpy as np

from semtoken.datamodels import FloatArray

VERSION = 1
FORM = struct.Struct("<BBII")
HALF, FULL = 2, 4


def pack(vectors: FloatArray) -> bytes:
    """The bytes of ``vectors`` (rows, columns)."""
    bits = np.ascontiguousarray(vectors, dtype="<f4").view("<u4")
    halves = not (bits & 0xFFFF).any()
    body = (bits >> 16).astype("<u2") if halves else bits
    return FORM.pack(VERSION, HALF if halves else FULL, *vectors.shape) + body.tobytes()


def unpack(value: bytes, rows: int, columns: int) -> FloatArray | None:
    """The vectors (rows, columns) that were packed, or None where ``value`` does not hold such."""
    if len(value) < FORM.size:
        return None
    version, width, *shape = FORM.unpack_from(value)
    if version != VERSION or width not in (HALF, FULL) or shape != [rows, columns]:
        return None
    if len(value) != FORM.size + rows * columns * width:
        return None
    numbers = np.frombuffer(value, dtype=f"<u{width}", offset=FORM.size).astype("<u4")
    if width == HALF:
        numbers <<= 16
    vectors: FloatArray = numbers.view("<f4").astype(np.float32, copy=False).reshape(rows, columns)
    return vectors if np.isfinite(vectors).all() else None

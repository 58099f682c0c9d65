"""Tensors as vLLM reads them."""

from __future__ import annotations

import base64

import numpy as np
import pytest
import torch
from fakes.engine import vectors_of
from semtoken_server.compression.embeds import wire_form


@pytest.mark.parametrize(
    ("values", "dtype"),
    [([[1.0, -0.5]], torch.bfloat16), ([[1.0009765625, 0.0]], torch.float16), ([[1.0, 1 / 3]], torch.float32)],
)
def test_vectors_go_in_half_precision_only_where_nothing_is_lost(values: list[list[float]], dtype: torch.dtype) -> None:
    vectors = np.array(values, dtype=np.float32)
    read = vectors_of(wire_form(vectors))
    assert read.dtype == dtype
    assert np.array_equal(read.float().numpy(), vectors)


def test_a_part_of_a_larger_array_is_written_alone() -> None:
    large = np.ones((10_000, 8), dtype=np.float32)
    assert len(base64.b64decode(wire_form(large[:2]))) < 4_000

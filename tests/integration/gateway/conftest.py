"""A gateway over HTTP in front of an engine without a model."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from fakes.encoders import small_tokenizer
from fakes.engine import FakeEngine
from fakes.serving import Served, gateway


@pytest.fixture
async def engine() -> AsyncIterator[FakeEngine]:
    async with FakeEngine(small_tokenizer()) as engine:
        yield engine


@pytest.fixture
async def served(engine: FakeEngine) -> AsyncIterator[Served]:
    """A gateway that compresses, with the library over an encoder without weights."""
    async with gateway(engine) as served:
        yield served

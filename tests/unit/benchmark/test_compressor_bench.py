"""Timing compressors: who runs on what, and what is reported of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from fakes.encoders import HashEncoder, small_tokenizer
from semtoken import Compressor
from semtoken.benchmark import Bench, run_bench, running_text
from semtoken.evaluation.methods.base import Compressed, Method, Resources

TOKENIZER = small_tokenizer()


class Slow(Method):
    """Says that a text took a second, whatever it really took."""

    name = "slow"

    def __init__(self) -> None:
        super().__init__(Resources(TOKENIZER))
        self.asked: list[tuple[str, int]] = []

    def compress(
        self, text: str, question: str | None, budgets: Sequence[int], rng: np.random.Generator
    ) -> list[Compressed]:
        self.asked += [(text, budget) for budget in budgets]
        return [Compressed("", 0, 1.0)]


def test_methods_take_turns_on_the_same_texts_and_the_first_run_does_not_count() -> None:
    slow = Slow()
    bench = Bench(tokens=(256, 512), batches=(1, 2), runs=2)
    rows = run_bench(bench, running_text(()), TOKENIZER, Compressor(HashEncoder(), TOKENIZER), {"slow": slow})
    assert [(row.method, row.tokens, row.batch) for row in rows] == [
        (method, tokens, batch) for method in ("semtoken", "slow") for tokens in (256, 512) for batch in (1, 2)
    ]
    assert len(slow.asked) == 3 * (1 + 2) * 2
    assert len({text for text, _ in slow.asked}) > 3 * 2
    assert {budget for _, budget in slow.asked} == {107, 213}
    told = {(row.tokens, row.batch): row for row in rows if row.method == "slow"}
    assert told[256, 2].tokens_per_s == pytest.approx(256)
    assert told[512, 1].ms_per_1k_tokens == pytest.approx(1000 / 512 * 1000, abs=0.01)
    assert told[512, 1].encoder_share is None


def test_the_encoder_s_share_is_a_share_and_memory_is_measured() -> None:
    bench = Bench(tokens=(512,), runs=1)
    (row,) = run_bench(bench, running_text(()), TOKENIZER, Compressor(HashEncoder(), TOKENIZER), {})
    assert row.encoder_share is not None
    assert 0 < row.encoder_share < 1
    assert row.peak_mib > 100

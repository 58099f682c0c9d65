"""One line of each log template stays, whatever the ratio."""

from __future__ import annotations

import pytest
from fakes.encoders import HashEncoder, small_tokenizer
from semtoken import CompressionOptions, Compressor, Reason
from semtoken.evaluation.checks import Check, check_result

RARE = "2024-05-01 12:00:{:02d} ERROR disk /dev/sd{} failed with status {} while syncing journal block {}"
LONG = (
    "2024-05-01 12:01:00 WARN The scheduler could not place the task. It waited for memory on every node. "
    "It asked the planner for another node. The planner had none. It gave up after thirty seconds of waiting."
)
LOG = "\n".join(
    [f"2024-05-01 11:00:{n % 60:02d} INFO request {n} served in {n % 7} ms by worker {n % 3}" for n in range(120)]
    + [LONG]
    + [f"2024-05-01 11:30:{n % 60:02d} INFO heartbeat number {n} sent" for n in range(60)]
    + [RARE.format(1, "a", 5, 77)]
    + ["2024-05-01 11:59:59 DEBUG " + "so and on " * (n + 1) for n in range(24)]
)
COMPRESSOR = Compressor(HashEncoder(), small_tokenizer())


@pytest.mark.parametrize("ratio", [2.4, 8.0, 20.0])
def test_every_template_stays_and_a_ratio_that_is_missed_for_it_says_so(ratio: float) -> None:
    result = COMPRESSOR.compress(LOG, "", CompressionOptions(mode="force", ratio=ratio))
    found = [finding for finding in check_result(result, (), ratio) if finding.check is Check.TEMPLATES]
    assert len(found) >= 4
    assert [finding.what for finding in found if not finding.held] == []
    assert LONG in result.text
    missed = result.compressed_tokens > round(result.original_tokens / ratio)
    assert (result.reason is Reason.BUDGET_MISSED) == missed
    assert missed == (ratio > 4)


def test_an_exact_bound_wins_over_templates() -> None:
    result = COMPRESSOR.compress(LOG, "", CompressionOptions(mode="force", target_tokens=100))
    assert 0 < result.compressed_tokens <= 100

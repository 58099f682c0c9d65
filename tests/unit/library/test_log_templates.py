"""One line of each log template stays, whatever the ratio; what only looks like a log is compressed like any text."""

from __future__ import annotations

import re
from importlib.resources import files

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


def transcript() -> str:
    """A talk with the time of each turn."""
    story = files("semtoken.evaluation").joinpath("data/documents/mad-tea-party.txt").read_text(encoding="utf-8")
    said = re.split(r"(?<=[.!?])\s+", story)
    return "\n".join(
        f"[2024-03-01 10:{n // 60:02d}:{n % 60:02d}] {('Anna', 'Ben', 'Cleo')[n % 3]}: {' '.join(sentence.split())}"
        for n, sentence in enumerate(said)
    )


@pytest.mark.parametrize("ratio", [2.4, 4.0, 8.0])
def test_a_transcript_with_time_stamps_is_no_log(ratio: float) -> None:
    result = COMPRESSOR.compress(transcript(), "", CompressionOptions(mode="force", ratio=ratio))
    assert result.reason is Reason.OK
    assert result.ratio == pytest.approx(ratio, rel=0.1)
    findings = list(check_result(result, (), ratio))
    assert [finding.what for finding in findings if not finding.held] == []
    assert Check.TEMPLATES not in {finding.check for finding in findings}


def test_an_error_that_occurs_once_in_a_log_stays() -> None:
    lines = [f"2024-05-01 11:00:{n % 60:02d} INFO request {n} served in {n % 7} ms" for n in range(400)]
    lines.insert(250, RARE.format(1, "a", 5, 77))
    result = COMPRESSOR.compress("\n".join(lines), "Which request was served?", CompressionOptions(ratio=20.0))
    assert lines[250] in result.text
    assert result.ratio > 15

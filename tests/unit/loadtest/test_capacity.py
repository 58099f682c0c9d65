"""The capacity model: its arithmetic, and that docs/scaling.md says what it says of the load tests."""

from __future__ import annotations

import re

import pytest
from typer.testing import CliRunner
from unit.docs.documents import DOCS, blocks

from loadtest.capacity.__main__ import app
from loadtest.capacity.checks import Check, checks, table
from loadtest.capacity.gateway_cost import Used, costs
from loadtest.capacity.measured import encoder_cost, engine_cost
from loadtest.capacity.model import EncoderCost, EngineCost, GatewayCost, Load, Needed, needed

PAGE = DOCS / "scaling.md"
GATEWAY = GatewayCost(request_s=0.001, event_s=0.0001, byte_s=0.0)
ENCODER = EncoderCost(tokens_per_s=10_000)
ENGINE = EngineCost(token_s=1e-4, token2_s=0.0, step_s=0.1, context_s=0.0)


def printed(marker: str) -> str:
    (found,) = re.findall(rf"<!-- {marker} -->\n(.*?)<!-- end -->", PAGE.read_text(), re.DOTALL)
    return str(found)


def test_the_page_has_what_the_model_predicts_and_what_was_measured() -> None:
    assert printed("checks") == table()


def test_the_page_has_what_its_command_prints() -> None:
    (command,) = [block.text for block in blocks(PAGE) if block.text.startswith("python -m loadtest.capacity ")]
    ran = CliRunner().invoke(app, command.split()[3:])
    assert ran.exit_code == 0, ran.output
    assert ran.output == printed("capacity")


@pytest.mark.parametrize("check", list(checks()), ids=lambda check: f"{check.source}-{check.what}")
def test_a_prediction_is_within_a_fifth_of_the_load_test(check: Check) -> None:
    assert abs(check.error) < 0.2


def test_what_a_load_needs() -> None:
    load = Load(rate=7, prompt_tokens=8_000, output_tokens=101, ratio=4)
    # Seconds a request: 0.0111, 0.8, and 0.2 of prefill with 100 steps of 0.01 each.
    assert needed(load, GATEWAY, ENCODER, ENGINE, batch=10, utilisation=0.7) == Needed(1, 8, 12)


def test_compression_off_needs_no_encoder_and_more_engines() -> None:
    off = needed(Load(7, 8_000, 101), GATEWAY, ENCODER, ENGINE, batch=10, utilisation=0.7)
    assert off.encoders == 0
    assert off.engines == 18


def test_prefill_is_fitted_to_what_was_measured() -> None:
    """Calibration's own points, which the fit is made of, within a twelfth."""
    for tokens, seconds in ((512, 0.76359), (2048, 4.34351), (4096, 12.16409)):
        assert engine_cost().prefill_s(tokens) == pytest.approx(seconds, rel=1 / 12)


def test_an_encoder_is_as_fast_as_at_the_nearest_shorter_text() -> None:
    assert encoder_cost(100) == encoder_cost(1_024)
    assert encoder_cost(8_000) == encoder_cost(4_096)
    assert encoder_cost(1_024).tokens_per_s < encoder_cost(4_096).tokens_per_s


def test_costs_are_told_apart_by_two_runs() -> None:
    found = costs([Used(cpu_s=1.4, requests=400, events=20_000), Used(cpu_s=1.5, requests=2_000, events=10_000)])
    assert found == pytest.approx({"request_us": 444.4, "event_us": 61.1}, abs=0.1)


def test_one_figure_of_an_engine_is_not_enough() -> None:
    ran = CliRunner().invoke(app, ["--prefill-tokens-per-s", "1000"])
    assert ran.exit_code == 2
    assert "--decode-tokens-per-s" in ran.output

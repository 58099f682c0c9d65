"""A real Prometheus reads the gateway and its vLLM under load, and has an answer to everything that is asked of it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator

import httpx
import pytest
from e2e.eventful_load import EventfulLoad
from e2e.prometheus import Prometheus, watching
from e2e.real_gateway import RealGateway
from promql_parser import VectorSelector
from unit.monitoring.expressions import (
    Expression,
    operands,
    page_expressions,
    panel_expressions,
    rule_expressions,
    selectors,
)

# The first test waits for the engine and for the load as well.
pytestmark = [
    pytest.mark.engine,
    pytest.mark.timeout(1800),
]

ROUNDS = 2
ASKED = [*panel_expressions(), *rule_expressions("alert"), *rule_expressions("record"), *page_expressions()]
# What does not happen in a run in which all is well in the end, and cannot be made to without ending the engine
# that all tests here share, by selector or by metric.
WITHOUT_DATA = {
    'semtoken_engine_requests_total{outcome=~"5xx|error"}': "needs an engine that fails",
    "semtoken_compression_requests_total{reason=~"
    '"encoder_error|encoder_stalled|encoder_missing|encoder_loading|tokenizer_mismatch|tokenizer_unchecked"}': (
        "needs a broken encoder"
    ),
    'semtoken_prompt_tokens_total{stage="forwarded"} offset 1w': "needs a week",
    "semtoken_engine_breaker_open": "needs an engine that fails",
    "semtoken_engine_retries_total": "needs an engine that fails",
    "semtoken_quality_drift_bucket": "quality is not measured by default",
    "semtoken_quality_mean_drift": "quality is not measured by default",
    "semtoken_quality_replays_total": "quality is not measured by default",
    "semtoken_quality_switched_off": "quality is not measured by default",
}


@pytest.fixture(scope="module")
def prometheus(gateway: RealGateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """After load in which everything has happened that can be made to; skips aloud where there is no Prometheus."""
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not installed (Debian: prometheus)")
    with watching(gateway, tmp_path_factory.mktemp("prometheus")) as started:
        with httpx.Client(base_url=gateway.url, trust_env=False, timeout=600.0) as client:
            load = EventfulLoad(gateway, client)
            for _ in range(ROUNDS):
                for happens in load.everything():
                    happens()
                # Two reads at least before anything changes again.
                time.sleep(3)
        yield started


@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: asked.where)
def test_there_is_data(prometheus: Prometheus, asked: Expression) -> None:
    for operand in operands(asked.text):
        prometheus.values(operand)
        if not any(name in WITHOUT_DATA for selector in selectors(operand) for name in names_of(selector)):
            assert prometheus.values(operand), f"no data for {operand}"


@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: asked.where)
def test_every_series_that_is_asked_for_is_there(prometheus: Prometheus, asked: Expression) -> None:
    for selector in selectors(asked.text):
        exempt, name = set(WITHOUT_DATA), selector.prettify()
        if not exempt & names_of(selector):
            # The last ten minutes: of what no longer goes on too.
            assert prometheus.values(f"last_over_time({name}[10m])"), f"no series for {name}"


def names_of(selector: VectorSelector) -> set[str]:
    return {str(selector.name), selector.prettify()}


def test_every_rule_was_evaluated(prometheus: Prometheus) -> None:
    assert prometheus.failing_rules() == {}


def test_what_is_without_data_is_asked_for(prometheus: Prometheus) -> None:
    assert set(WITHOUT_DATA) <= {
        name for asked in ASKED for selector in selectors(asked.text) for name in names_of(selector)
    }

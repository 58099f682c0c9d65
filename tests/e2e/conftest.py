"""One real gateway with a real vLLM for all end-to-end tests, and the official client to talk to it."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import pytest
from e2e.real_gateway import RealGateway, served
from openai import DefaultHttpxClient, OpenAI
from semtoken.bundled import BundledModels
from semtoken_server.supervisor import EngineNotInstalledError
from semtoken_server.supervisor.command import installed_build


@pytest.fixture(scope="session")
def gateway(models: BundledModels, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealGateway]:
    """Ready to answer; skips aloud where the engine or its models cannot be had."""
    try:
        build = installed_build()
    except EngineNotInstalledError as error:
        pytest.skip(str(error))
    if build == "cpu":
        try:
            ctypes.CDLL("libnuma.so.1")
        except OSError:
            pytest.skip("vLLM's CPU build cannot start without libnuma.so.1 (Debian: libnuma1)")
    with served(tmp_path_factory.mktemp("gateway")) as started:
        assert started.model == models.llm.name
        yield started


@pytest.fixture
def client(gateway: RealGateway) -> Iterator[OpenAI]:
    """The official client, as a user makes it."""
    with (
        DefaultHttpxClient(trust_env=False) as transport,
        OpenAI(
            base_url=f"{gateway.url}/v1", api_key="none", timeout=300.0, max_retries=0, http_client=transport
        ) as client,
    ):
        yield client

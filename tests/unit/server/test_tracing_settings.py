"""The settings of tracing: an address without credentials, and the extra that it needs."""

from __future__ import annotations

from importlib.machinery import ModuleSpec
from importlib.util import find_spec

import pytest
from semtoken_server import settings as module
from semtoken_server.settings import InvalidSettingsError, Settings

URL = "http://collector:4318"


@pytest.mark.parametrize("error", [None, ModuleNotFoundError("No module named 'opentelemetry'")])
def test_without_the_extra_the_error_names_it(
    monkeypatch: pytest.MonkeyPatch, error: ModuleNotFoundError | None
) -> None:
    def without_it(name: str) -> ModuleSpec | None:
        if not name.startswith("opentelemetry"):
            return find_spec(name)
        if error is not None:
            raise error
        return None

    monkeypatch.setattr(module, "find_spec", without_it)
    with pytest.raises(InvalidSettingsError, match=r"tracing_endpoint: .*semtoken\[otel\]"):
        Settings.load(tracing_endpoint=URL)
    assert Settings.load().tracing_endpoint is None


@pytest.mark.parametrize("url", ["collector:4318", "grpc://collector:4317", "http://", "/v1/traces"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidSettingsError, match="tracing_endpoint"):
        Settings.load(tracing_endpoint=url)


@pytest.mark.parametrize("url", ["http://me:hunter2@c:4318", "http://c:4318?key=hunter2", "http://c:4318#hunter2"])
def test_credentials_in_the_address_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(InvalidSettingsError, match="OTEL_EXPORTER_OTLP_HEADERS") as raised:
        Settings.load(tracing_endpoint=url)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("share", [-0.1, 1.1, "nan"])
def test_a_share_is_a_share(share: object) -> None:
    with pytest.raises(InvalidSettingsError, match="tracing_share"):
        Settings.load(tracing_share=share)

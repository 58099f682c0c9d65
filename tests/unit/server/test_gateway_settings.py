"""Settings: where they come from, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from semtoken_server.settings import (
    CompressionDefaults,
    InvalidSettingsError,
    Settings,
    shared_compressor_socket,
    shared_metrics_dir,
)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "semtoken.yaml"


def test_the_command_line_wins_over_the_environment_and_this_over_the_file(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text("host: a\nport: 1\nworkers: 5\ncompression: {ratio: 3, mode: force}\n")
    monkeypatch.setenv("SEMTOKEN_HOST", "b")
    monkeypatch.setenv("SEMTOKEN_PORT", "2")
    monkeypatch.setenv("SEMTOKEN_COMPRESSION__RATIO", "4")
    settings = Settings.load(config, host="c")
    assert (settings.host, settings.port, settings.workers, settings.drain_s) == ("c", 2, 5, 30.0)
    assert settings.compression == CompressionDefaults(ratio=4, mode="force")


@pytest.mark.parametrize("given", ["http://a:1, http://b:2/", '["http://a:1", "http://b:2"]'])
def test_engines_from_the_environment(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMTOKEN_ENGINE_URLS", given)
    assert Settings.load().engine_urls == ("http://a:1", "http://b:2")


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ({"prot": 1}, "prot: no such setting"),
        ({"port": 70000}, "port: .*70000"),
        ({"compression": {"ratoi": 2}}, "compression.ratoi: no such setting"),
        ({"compression": {"ratio": 0}}, "compression.ratio"),
        ({"engine_urls": ["localhost:8000"]}, "localhost:8000"),
        ({"engine_urls": ["http://h:1/v1"]}, "before /v1"),
        ({"engine_urls": '["http://h:1'}, "engine_urls"),
    ],
)
def test_a_bad_override_is_named(override: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidSettingsError, match=told):
        Settings.load(**override)


def test_credentials_in_an_engine_url_are_refused_and_not_repeated() -> None:
    with pytest.raises(InvalidSettingsError, match="no credentials"):
        Settings.load(engine_urls=["http://me:hunter2@h:1"])


@pytest.mark.parametrize("name", ["SEMTOKEN_PROT", "semtoken_prot"])
def test_an_unknown_variable_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(InvalidSettingsError, match=name):
        Settings.load()


@pytest.mark.parametrize(
    ("text", "told"), [("prot: 1", "prot: no such setting"), ("a: [", "semtoken.yaml"), ("- 1", "semtoken.yaml")]
)
def test_a_bad_file_is_named(config: Path, text: str, told: str) -> None:
    config.write_text(text)
    with pytest.raises(InvalidSettingsError, match=told):
        Settings.load(config)


def test_a_missing_file_is_named(config: Path) -> None:
    with pytest.raises(InvalidSettingsError, match="no settings file"):
        Settings.load(config)


def test_secrets_are_masked_and_absent_from_errors(monkeypatch: pytest.MonkeyPatch, config: Path) -> None:
    assert "hunter2" not in str(Settings.load(engine_api_key="hunter2").masked_dict())
    config.write_text("engine_api_key: [hunter2]")
    with pytest.raises(InvalidSettingsError, match="engine_api_key") as raised:
        Settings.load(config)
    assert "hunter2" not in str(raised.value)


def test_the_password_of_the_redis_is_masked_and_absent_from_errors() -> None:
    settings = Settings.load(cache_redis_url="redis://:hunter2@h:6379/0")
    assert "hunter2" not in str(settings.masked_dict()) + repr(settings)
    for url in ("http://:hunter2@h", "hunter2", ["redis://:hunter2@h"]):
        with pytest.raises(InvalidSettingsError, match="cache_redis_url") as raised:
            Settings.load(cache_redis_url=url)
        assert "hunter2" not in str(raised.value)


def test_workers_get_their_parent_s_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("SEMTOKEN_EXPORTED_SETTINGS", "SEMTOKEN_COMPRESSOR_SOCKET", "PROMETHEUS_MULTIPROC_DIR"):
        # Set first, so that the fixture takes them out of the environment again.
        monkeypatch.setenv(name, "")
    parent = Settings.load(
        engine_urls=["http://a:1"],
        engine_api_key="hunter2",
        cache_redis_url="redis://:hunter3@h",
        compression={"protect": ["x"]},
    )
    parent.export(tmp_path, tmp_path / "socket")
    monkeypatch.setenv("SEMTOKEN_PORT", "9")
    assert Settings.imported() == parent
    assert Settings.load().port == 9
    assert shared_metrics_dir() == tmp_path
    assert shared_compressor_socket() == tmp_path / "socket"


def test_a_bare_off_in_yaml_is_the_mode_off(tmp_path: Path) -> None:
    config = tmp_path / "settings.yaml"
    config.write_text("compression: {mode: off}")
    assert Settings.load(config).compression.mode == "off"


@pytest.mark.parametrize("name", ["drain_s", "compress_timeout_s", "engine_read_timeout_s"])
def test_no_time_is_endless(name: str) -> None:
    with pytest.raises(InvalidSettingsError, match=name):
        Settings.load(None, **{name: float("inf")})


def test_without_exported_settings_there_is_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEMTOKEN_EXPORTED_SETTINGS", raising=False)
    with pytest.raises(InvalidSettingsError, match="semtoken serve"):
        Settings.imported()


def test_every_setting_says_what_it_is() -> None:
    for model in (Settings, CompressionDefaults):
        assert [name for name, field in model.model_fields.items() if not field.description] == []

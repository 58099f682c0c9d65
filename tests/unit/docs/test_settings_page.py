"""docs/settings.md and the settings are the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from annotated_types import Ge, Gt, Le
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python
from semtoken_server.settings import NESTED, PREFIX, CompressionDefaults, Settings
from unit.docs.documents import DOCS, blocks, codes, table_rows

PAGE = DOCS / "settings.md"
ROWS = {
    codes(row["setting"])[0]: row for row in table_rows(PAGE, "setting", "variable", "default", "values", "meaning")
}


def every_setting() -> dict[str, FieldInfo]:
    """Fields by their name in the file, nested ones with a dot."""
    fields = {name: field for name, field in Settings.model_fields.items() if name != "compression"}
    return fields | {f"compression.{name}": field for name, field in CompressionDefaults.model_fields.items()}


SETTINGS = every_setting()

SECRETS = ("engine_api_key", "cache_redis_url", "limits_redis_url")

# A value for each setting, other than its default, as the environment has it.
OTHERS = {
    "host": "0.0.0.0",
    "port": "0",
    "workers": "256",
    "max_body_bytes": "1",
    "operations_port": "0",
    "operations_host": "0.0.0.0",
    "drain_delay_s": "0.5",
    "drain_s": "0.5",
    "log_level": "debug",
    "log_format": "json",
    "log_requests": "true",
    "tracing_endpoint": "http://collector:4318",
    "tracing_share": "0.25",
    "keys_file": "/etc/semtoken/keys.yaml",
    "anonymous_passes": '["cache_salt"]',
    "cors_origins": '["https://chat.example"]',
    "max_concurrent": "1",
    "max_inflight_bytes": "1",
    "max_queue": "0",
    "queue_wait_s": "0.5",
    "body_timeout_s": "0.5",
    "max_prompt_tokens": "1",
    "limits_redis_url": "redis://:secret@limits:6379/2",
    "engine_urls": '["http://a:1", "http://b:2"]',
    "engine_api_key": "secret",
    "engine_port": "1",
    "engine_args": '["--max-num-seqs", "16"]',
    "engine_log": "/tmp/engine.log",
    "engine_connect_timeout_s": "0.5",
    "engine_read_timeout_s": "0.5",
    "engine_health_interval_s": "0.5",
    "engine_health_timeout_s": "0.5",
    "engine_first_byte_timeout_s": "0.5",
    "engine_load_factor": "2.5",
    "engine_retries": "0",
    "engine_retry_budget": "0.5",
    "engine_breaker_failures": "1",
    "engine_breaker_open_s": "0.5",
    "model": "some-model",
    "tokenizer": "some-tokenizer",
    "encoder": "some-encoder",
    "device": "cpu",
    "encoder_runtime": "torch",
    "encoder_gpu_memory_mib": "1024",
    "compress_timeout_s": "0.5",
    "compress_threads": "2",
    "compress_queue": "1",
    "cache_bytes": "0",
    "cache_redis_url": "rediss://:secret@cache:6379/1",
    "cache_redis_ttl_s": "1",
    "fit_window": "false",
    "window_reserve_tokens": "1",
    "quality_share": "0.5",
    "quality_max_drift": "0.25",
    "quality_min_samples": "10",
    "quality_probe_s": "0.5",
    "quality_timeout_s": "0.5",
    "quality_max_inflight": "0",
    "quality_priority": "1",
    "compression.mode": "force",
    "compression.ratio": "20.0",
    "compression.stability": "document",
    "compression.roles": '["user"]',
    "compression.protect": '["a, b"]',
    "compression.keep_tags": "true",
    "compression.min_tokens": "0",
    "compression.on_failure": "closed",
}


def test_every_setting_is_documented_and_nothing_else() -> None:
    assert set(ROWS) == set(SETTINGS)


def test_no_setting_is_documented_twice() -> None:
    assert len(ROWS) == len(table_rows(PAGE, "setting", "variable", "default", "values", "meaning"))


@pytest.mark.parametrize("name", SETTINGS)
def test_the_default_is_the_documented_one(name: str) -> None:
    (told,) = codes(ROWS[name]["default"])
    assert yaml.safe_load(told) == to_jsonable_python(SETTINGS[name].default)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_variable_sets_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (variable,) = codes(ROWS[name]["variable"])
    assert variable == PREFIX + name.upper().replace(".", NESTED)
    monkeypatch.setenv(variable, OTHERS[name])
    given: object = Settings.load().masked_dict()
    for part in name.split("."):
        assert isinstance(given, dict)
        given = given[part]
    expected = "**********" if name in SECRETS else yaml.safe_load(OTHERS[name])
    assert given == expected
    assert given != to_jsonable_python(SETTINGS[name].default)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_documented_values_are_the_allowed_ones(name: str) -> None:
    field = SETTINGS[name]
    told = ROWS[name]["values"]
    low = [f"from {bound.ge}" for bound in field.metadata if isinstance(bound, Ge)]
    low += [f"over {bound.gt}" for bound in field.metadata if isinstance(bound, Gt)]
    high = [str(bound.le) for bound in field.metadata if isinstance(bound, Le)]
    if high:
        (start,) = low
        assert told == f"{start.removeprefix('from ')} to {high[0]}"
    elif low:
        assert told.startswith(low[0])
    if choices := literals(field.annotation):
        assert set(codes(told)) == choices


def literals(annotation: object) -> set[str]:
    """The words that a setting may be, if it is one of several, or a list of such."""
    found = {value for value in getattr(annotation, "__args__", ()) if isinstance(value, str)}
    for inner in getattr(annotation, "__args__", ()):
        found |= literals(inner)
    return found


def test_the_file_is_a_settings_file(tmp_path: Path) -> None:
    (example,) = [block for block in blocks(PAGE) if block.language == "yaml"]
    file = tmp_path / "settings.yaml"
    file.write_text(example.text)
    wanted = yaml.safe_load(example.text)
    settings = Settings.load(file).masked_dict()
    compression = wanted.pop("compression")
    assert wanted == {name: settings[name] for name in wanted}
    assert compression == {name: settings["compression"][name] for name in compression}

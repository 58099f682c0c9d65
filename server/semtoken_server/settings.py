"""Settings of the gateway: command line over environment over YAML file over defaults.

The only module that reads the environment.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    YamlConfigSettingsSource,
)
from semtoken.options import Mode, ProtectedString, Role, Stability
from yaml import YAMLError

from semtoken_server.access.passes import Pass
from semtoken_server.options import OnFailure

PREFIX = "SEMTOKEN_"
NESTED = "__"
_EXPORTED = "SEMTOKEN_EXPORTED_SETTINGS"
_COMPRESSOR = "SEMTOKEN_COMPRESSOR_SOCKET"
_METRICS_DIR = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client reads it at import
_SECRETS = ("engine_api_key", "cache_redis_url", "limits_redis_url")
# An address of a collector is refused for the credentials in it, say.
_UNSHOWN = (*_SECRETS, "tracing_endpoint")
_NOTICED_S = 5.0
UNREADABLE_YAML = (YAMLError, ValueError, TypeError, LookupError, AttributeError, RecursionError)
"""What PyYAML raises for a text: a value that its tag cannot make (a date that does not exist, ``!!bool maybe``) and
endless nesting get bare errors of Python."""
# Variables with our prefix that are read elsewhere: by the test suite, and by worker processes.
_NOT_SETTINGS = frozenset({"SEMTOKEN_EVAL_DATA", _EXPORTED, _COMPRESSOR})


def shared_metrics_dir() -> Path | None:
    """Where the workers of one gateway share their metrics; None where there is one process."""
    folder = os.environ.get(_METRICS_DIR)
    return Path(folder) if folder else None


def shared_compressor_socket() -> Path | None:
    """Where the compressor of all workers of one gateway listens; None where each process has its own."""
    path = os.environ.get(_COMPRESSOR)
    return Path(path) if path else None


class InvalidSettingsError(ValueError):
    """A setting is unknown or has a bad value; the message names it and where it came from."""


def _split(value: Any) -> Any:
    """A list from its environment form: JSON, or words parted by commas."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        return json.loads(value)
    return [part.strip() for part in value.split(",") if part.strip()]


def _engine_url(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"an engine URL looks like http://host:port (got {value!r})")
    if parts.username or parts.password:
        raise ValueError("an engine URL carries no credentials; set engine_api_key")
    if parts.query or parts.fragment or parts.path.rstrip("/").endswith("/v1"):
        raise ValueError(f"an engine URL ends before /v1 and has no query (got {value!r})")
    return value.rstrip("/")


def _redis_url(value: Any) -> Any:
    """The value itself is not repeated: it may hold a password."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if isinstance(text, str) and urlsplit(text).scheme not in ("redis", "rediss", "unix"):
        raise ValueError("the URL of a Redis begins with redis://, rediss:// or unix://")
    if find_spec("redis") is None:
        raise ValueError("a Redis needs the extra: pip install 'semtoken[redis]'")
    return value


def _collector_url(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("the address of a collector looks like http://host:4318")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("the address of a collector carries no credentials; set OTEL_EXPORTER_OTLP_HEADERS")
    if not _is_installed("opentelemetry.exporter.otlp.proto.http"):
        raise ValueError("tracing needs the extra: pip install 'semtoken[otel]'")
    return value


def _is_installed(module: str) -> bool:
    """Also where the packages around it are missing."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _mode(value: Any) -> Any:
    """YAML reads a bare ``off`` as false."""
    return "off" if value is False else value


EngineUrl = Annotated[str, BeforeValidator(_engine_url)]


class CompressionDefaults(BaseModel):
    """What compression does where a request says nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Annotated[Mode, BeforeValidator(_mode)] = Field(default="auto", description="auto, force or off")
    ratio: float = Field(default=2.4, ge=1.0, le=20.0, description="original over forwarded tokens")
    stability: Stability = Field(default="turn", description="turn (query-aware) or document (query-free)")
    roles: tuple[Role, ...] = Field(default=("user", "tool"), description="roles that may be compressed")
    protect: tuple[ProtectedString, ...] = Field(default=(), max_length=1_000, description="strings that always stay")
    keep_tags: bool = Field(default=False, description="whether <semtoken:keep> tags pin what they enclose")
    min_tokens: int = Field(default=512, ge=0, description="messages under this many tokens stay as they are in auto")
    on_failure: OnFailure = Field(default="open", description="open forwards uncompressed, closed answers 503")


class Settings(BaseSettings):
    """Every setting of the gateway. Build with :meth:`load`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter=NESTED, extra="forbid", frozen=True, protected_namespaces=()
    )

    host: str = Field(default="127.0.0.1", description="address that the gateway listens on")
    port: int = Field(default=8080, ge=0, le=65535, description="port that the gateway listens on")
    operations_host: str = Field(default="127.0.0.1", description="address of the operations port")
    operations_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="port for metrics and playground, beside everything else; none has them on the gateway's own",
    )
    workers: int = Field(default=1, ge=1, le=256, description="gateway processes")
    engine_urls: Annotated[tuple[EngineUrl, ...], NoDecode, BeforeValidator(_split)] = Field(
        default=(), description="engines to forward to; none means that the gateway starts one itself"
    )
    engine_api_key: SecretStr | None = Field(default=None, description="bearer token that the engines want")
    engine_port: int = Field(default=8100, ge=1, le=65535, description="loopback port of an engine started here")
    engine_args: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = Field(
        default=(), description="more arguments for an engine started here, such as --max-num-seqs,16"
    )
    engine_log: Path | None = Field(
        default=None, description="log file of an engine started here; by default in the user's cache"
    )
    model: str | None = Field(default=None, description="folder or name of the served model")
    tokenizer: str | None = Field(
        default=None, description="tokenizer folder or name; by default the model's, else what the engine serves"
    )
    encoder: str | None = Field(
        default=None, description="encoder folder, name or 'static'; by default the bundled one"
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="where the encoder runs: auto, cpu, cuda"
    )
    encoder_runtime: Literal["auto", "torch", "openvino"] = Field(
        default="auto", description="what computes the encoder: auto, torch, openvino"
    )
    encoder_gpu_memory_mib: int = Field(default=2048, ge=1024, description="memory of a GPU that is the encoder's, MiB")
    compression: CompressionDefaults = Field(
        default=CompressionDefaults(), description="compression where a request says nothing"
    )
    compress_timeout_s: float = Field(
        default=10.0,
        gt=0,
        allow_inf_nan=False,
        description="seconds, waiting included, before a request goes on uncompressed",
    )
    compress_threads: int = Field(default=4, ge=1, le=256, description="compressions at once, encoded together")
    compress_queue: int = Field(default=64, ge=1, description="compressions that may wait before more fail open")
    cache_bytes: int = Field(default=256 * 2**20, ge=0, description="memory for encoder vectors; 0 keeps none")
    cache_redis_url: Annotated[SecretStr, BeforeValidator(_redis_url)] | None = Field(
        default=None, description="Redis that several gateways share for encoder vectors"
    )
    cache_redis_ttl_s: int = Field(default=3600, ge=1, description="seconds that the Redis keeps a value")
    fit_window: bool = Field(
        default=True, description="whether a prompt over the model's context is compressed until it fits"
    )
    window_reserve_tokens: int = Field(
        default=512, ge=1, description="tokens of the context left for the answer where a request names no limit"
    )
    max_body_bytes: int = Field(default=32 * 2**20, ge=1, description="largest request body in bytes")
    keys_file: Path | None = Field(default=None, description="file of API keys; without one no key is asked for")
    anonymous_passes: Annotated[frozenset[Pass], NoDecode, BeforeValidator(_split)] = Field(
        default=frozenset(), description="what clients may say past the gateway where there are no keys"
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = Field(
        default=(), description="origins whose pages may call the gateway from a browser"
    )
    max_concurrent: int = Field(default=1024, ge=1, description="requests served at once by each process")
    max_inflight_bytes: int = Field(default=64 * 2**20, ge=1, description="bytes of bodies held by each process")
    max_queue: int = Field(default=256, ge=0, description="requests that may wait for their turn")
    queue_wait_s: float = Field(default=10.0, gt=0, allow_inf_nan=False, description="seconds they wait at most")
    body_timeout_s: float = Field(
        default=60.0, gt=0, allow_inf_nan=False, description="seconds for a body to arrive whole"
    )
    max_prompt_tokens: int | None = Field(default=None, ge=1, description="longest prompt in tokens, as it came")
    limits_redis_url: Annotated[SecretStr, BeforeValidator(_redis_url)] | None = Field(
        default=None, description="Redis in which several processes count the rates of keys together"
    )
    engine_connect_timeout_s: float = Field(
        default=5.0, gt=0, allow_inf_nan=False, description="seconds to connect to an engine"
    )
    engine_read_timeout_s: float = Field(
        default=600.0, gt=0, allow_inf_nan=False, description="seconds of silence from an engine before a request fails"
    )
    engine_health_interval_s: float = Field(
        default=2.0, gt=0, allow_inf_nan=False, description="seconds between health checks of an engine"
    )
    engine_health_timeout_s: float = Field(
        default=2.0, gt=0, allow_inf_nan=False, description="seconds to wait for the answer to a health check"
    )
    engine_first_byte_timeout_s: float = Field(
        default=120.0,
        gt=0,
        allow_inf_nan=False,
        description="seconds to wait for the first byte of a stream before another engine is tried",
    )
    engine_load_factor: float = Field(
        default=1.25,
        ge=1.0,
        allow_inf_nan=False,
        description="times the mean of running requests that an engine may have for the sake of its prefix cache",
    )
    engine_retries: int = Field(default=2, ge=0, le=10, description="further tries of a request that failed")
    engine_retry_budget: float = Field(
        default=0.2, ge=0, le=1.0, description="retries as a share of the requests of the last 30 seconds"
    )
    engine_breaker_failures: int = Field(
        default=5, ge=1, description="failures in a row after which an engine is left alone"
    )
    engine_breaker_open_s: float = Field(
        default=10.0, gt=0, allow_inf_nan=False, description="seconds that an engine is left alone after that"
    )
    drain_delay_s: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="seconds between not being ready and not listening; by default 0 on a loopback host, else 5",
    )
    quality_share: float = Field(
        default=0.0, ge=0.0, le=1.0, description="share of compressed requests whose quality is measured; 0 is none"
    )
    quality_max_drift: float = Field(
        default=0.5, gt=0, allow_inf_nan=False, description="mean drift, nats per token, above which compression stops"
    )
    quality_min_samples: int = Field(
        default=20, ge=10, le=10_000, description="least samples of a model that the mean is taken of"
    )
    quality_probe_s: float = Field(
        default=600.0,
        gt=0,
        allow_inf_nan=False,
        description="seconds until compression that was stopped is tried again",
    )
    quality_timeout_s: float = Field(
        default=60.0, gt=0, allow_inf_nan=False, description="seconds that the measurement of one sample may take"
    )
    quality_max_inflight: int = Field(
        default=16, ge=0, description="answers under way in a process above which a sample is not measured"
    )
    quality_priority: int | None = Field(
        default=None, description="priority of measurements, for engines with priority scheduling"
    )
    drain_s: float = Field(
        default=30.0, ge=0, allow_inf_nan=False, description="seconds that running requests get at shutdown"
    )
    log_level: Literal["critical", "error", "warning", "info", "debug"] = Field(
        default="info", description="least severe log line written"
    )
    log_format: Literal["text", "json"] = Field(default="text", description="how log lines look")
    log_requests: bool = Field(default=False, description="whether each request is a line in the log, at level info")
    tracing_endpoint: Annotated[str, BeforeValidator(_collector_url)] | None = Field(
        default=None, description="OpenTelemetry collector that spans go to, by OTLP over HTTP; none means no tracing"
    )
    tracing_share: float = Field(
        default=1.0, ge=0.0, le=1.0, description="share of requests traced, where the client has not decided"
    )

    @classmethod
    def load(cls, config: Path | None = None, **overrides: Any) -> Settings:
        """Settings from ``overrides`` over the environment over the YAML file ``config`` over defaults.

        Raises ``InvalidSettingsError`` for an unknown key, a bad value, or an unreadable file.
        """
        _check_environment(os.environ)
        if config is not None and not config.is_file():
            raise InvalidSettingsError(f"no settings file at {str(config)!r}")

        class Configured(Settings):
            """The settings with their file."""

            model_config = SettingsConfigDict(yaml_file=config)

        try:
            loaded = Configured(**overrides)
        except ValidationError as error:
            raise InvalidSettingsError(_explain(error)) from error
        except SettingsError as error:
            raise InvalidSettingsError(str(error)) from error
        except (OSError, *UNREADABLE_YAML) as error:
            raise InvalidSettingsError(f"settings file {str(config)!r}: {error}") from error
        return Settings.model_construct(**dict(loaded))

    @property
    def delay_before_draining_s(self) -> float:
        """``drain_delay_s``, or what it is by default for this host."""
        if self.drain_delay_s is not None:
            return self.drain_delay_s
        # Only what is reached from elsewhere has a load balancer that must notice.
        return 0.0 if self.host == "localhost" or self.host.startswith("127.") or self.host == "::1" else _NOTICED_S

    def masked_dict(self) -> dict[str, Any]:
        """Every setting in plain JSON types, secrets masked."""
        return self.model_dump(mode="json")

    def export(self, metrics_dir: Path, compressor_socket: Path) -> None:
        """Hand these settings to processes started from here, through the environment.

        ``metrics_dir`` is the folder where they share their metrics, ``compressor_socket`` where the one
        compressor listens that all workers use.
        """
        secrets = {name: value.get_secret_value() for name, value in self if isinstance(value, SecretStr)}
        os.environ[_EXPORTED] = json.dumps({**self.masked_dict(), **secrets})
        os.environ[_METRICS_DIR] = str(metrics_dir)
        os.environ[_COMPRESSOR] = str(compressor_socket)

    @classmethod
    def imported(cls) -> Self:
        """The settings that the parent process exported; raises ``InvalidSettingsError`` without any."""
        if (exported := os.environ.get(_EXPORTED)) is None:
            raise InvalidSettingsError("no settings were exported to this process; start it with `semtoken serve`")
        return cls(**json.loads(exported))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Command line, environment, YAML file: the order of the contract."""
        return init_settings, env_settings, YamlConfigSettingsSource(settings_cls)


def _check_environment(environment: Mapping[str, str]) -> None:
    """pydantic-settings passes over unknown variables; a misspelt setting must not be silent."""
    known = {name.upper() for name in Settings.model_fields}
    for name in environment:
        if not name.upper().startswith(PREFIX) or name in _NOT_SETTINGS:
            continue
        if name.upper().removeprefix(PREFIX).split(NESTED, 1)[0] not in known:
            raise InvalidSettingsError(f"{name}: no such setting (environment)")


def _explain(error: ValidationError) -> str:
    lines = []
    for fault in error.errors(include_url=False, include_context=False):
        name = ".".join(str(part) for part in fault["loc"]) or "settings"
        if fault["type"] == "extra_forbidden":
            lines.append(f"{name}: no such setting")
        else:
            shown = "" if name.startswith(_UNSHOWN) else f" (got {fault['input']!r:.200})"
            lines.append(f"{name}: {fault['msg']}{shown}")
    return "; ".join(lines)

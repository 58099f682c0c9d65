"""The engine that the gateway starts itself when it is given none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from semtoken.bundled import models_dir, prepare_encoder, prepare_llm
from semtoken.errors import ModelNotFoundError

from semtoken_server.cli.terminal import spinner, warn
from semtoken_server.settings import Settings
from semtoken_server.supervisor import EngineSupervisor, encoder_share, vllm_command


@dataclass(frozen=True, slots=True)
class Backing:
    """Settings that name an engine, and the supervisor of that engine if it was started here."""

    settings: Settings
    supervisor: EngineSupervisor | None


@contextmanager
def backing_engine(settings: Settings) -> Iterator[Backing]:
    """The engines of the settings; with none, a vLLM started on loopback for as long as this lasts.

    Returns before that engine is healthy. Raises ``EngineStartError`` when it cannot even be started,
    and ``ModelNotFoundError`` when a bundled model is wanted that cannot be had.
    """
    if settings.engine_urls:
        _prepare_encoder_if_possible(settings)
        yield Backing(settings, None)
        return
    model = _served_model(settings)
    supervisor = _supervisor(settings, model)
    served = settings.model_copy(update={"engine_urls": (supervisor.command.url,), "model": model})
    with supervisor:
        yield Backing(served, supervisor)


def _served_model(settings: Settings) -> str:
    with spinner("looking for the bundled models") as tell:
        if settings.encoder is None:
            prepare_encoder(progress=tell)
        return settings.model or str(prepare_llm(progress=tell))


def _prepare_encoder_if_possible(settings: Settings) -> None:
    if settings.encoder is not None:
        return
    try:
        with spinner("looking for the bundled encoder") as tell:
            prepare_encoder(progress=tell)
    except ModelNotFoundError as error:
        # A gateway that cannot compress forwards what it gets and says so.
        warn(f"no compression: {error}", settings)


def _supervisor(settings: Settings, model: str) -> EngineSupervisor:
    # A folder is served under its own name, a hub name as it is.
    name = Path(model).resolve().name if Path(model).is_dir() else model
    reserve = encoder_share(settings.device, settings.encoder_gpu_memory_mib)
    command = vllm_command(model, name, port=settings.engine_port, extra_args=settings.engine_args, gpu_reserve=reserve)
    log = settings.engine_log or models_dir().parent / "logs" / f"engine-{settings.engine_port}.log"
    return EngineSupervisor(command, log)

"""Settings read anew while the gateway runs."""

from __future__ import annotations

import logging
from collections.abc import Callable

from semtoken_server.settings import InvalidSettingsError, Settings

logger = logging.getLogger(__name__)

LIVE = frozenset(
    {
        "compress_timeout_s",
        "compression",
        "drain_delay_s",
        "drain_s",
        "fit_window",
        "log_level",
        "max_body_bytes",
        "window_reserve_tokens",
    }
)
"""Settings that a running process takes over."""

WITH_WORKERS = LIVE | {
    "engine_api_key",
    "engine_connect_timeout_s",
    "engine_health_interval_s",
    "engine_read_timeout_s",
    "engine_urls",
    "log_requests",
    "tracing_endpoint",
    "tracing_share",
}
"""Settings that new worker processes take over besides."""

_LOGGERS = ("semtoken_server", "uvicorn", "uvicorn.error")


class Reloader:
    """Reads the settings again with ``load`` and takes over those that are ``live``.

    ``running`` are the settings in use, which differ from what ``load`` gave at the start where the
    gateway has filled something in, such as the address of an engine of its own.
    """

    def __init__(self, load: Callable[[], Settings], running: Settings, live: frozenset[str]) -> None:
        self._load = load
        self._loaded = load()
        self._running = running
        self._live = live

    def reload(self) -> Settings | None:
        """The settings to go on with; None, and a line in the log, when what is there now is no good."""
        try:
            found = self._load()
        except InvalidSettingsError as error:
            logger.error("the settings stay as they were: %s", " ".join(str(error).split()))
            return None
        changed = {name for name in Settings.model_fields if getattr(found, name) != getattr(self._loaded, name)}
        taken = {name for name in changed if name in self._live and self._can_take(name, found)}
        if later := changed - taken:
            logger.warning("changed, but only a restart takes them over: %s", ", ".join(sorted(later)))
        logger.info("settings reloaded, changed: %s", ", ".join(sorted(taken)) or "none")
        self._running = self._running.model_copy(update={name: getattr(found, name) for name in taken})
        self._loaded = self._loaded.model_copy(update={name: getattr(found, name) for name in taken})
        set_log_level(self._running.log_level)
        return self._running

    def _can_take(self, name: str, found: Settings) -> bool:
        # An engine of our own is started, or stopped, by a restart only.
        return name != "engine_urls" or bool(found.engine_urls and self._loaded.engine_urls)


def set_log_level(level: str) -> None:
    """The least severe line that this process writes from now on."""
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(level.upper())

"""How this process writes its log: uvicorn's lines and the gateway's in one form, on standard error."""

from __future__ import annotations

import copy
import logging
import logging.config
from typing import Any

from uvicorn.config import LOGGING_CONFIG

from semtoken_server.logs.json_lines import JsonLines
from semtoken_server.settings import Settings


def configure_logs(settings: Settings) -> None:
    """Write lines as the settings say from now on; as JSON also the warnings of Python and of all libraries."""
    logging.config.dictConfig(_config(settings))
    logging.captureWarnings(settings.log_format == "json")


def _config(settings: Settings) -> dict[str, Any]:
    level = settings.log_level.upper()
    config = copy.deepcopy(LOGGING_CONFIG)
    config["loggers"]["semtoken_server"] = {"handlers": ["default"], "level": level, "propagate": False}
    if settings.log_format == "json":
        config["formatters"] = {name: {"()": JsonLines} for name in config["formatters"]}
        # Without a handler Python writes warnings as bare text.
        config["root"] = {"handlers": ["default"], "level": "WARNING"}
    return config

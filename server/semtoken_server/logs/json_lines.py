"""One JSON object for each log line."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from semtoken_server.logs.about import working_for

_FIELDS = "%(levelname)s %(name)s %(message)s"
_NAMES = {"levelname": "level", "name": "logger", "exc_info": "exception", "stack_info": "stack"}
# uvicorn's message once more, with escapes for a terminal.
_LEFT_OUT = "color_message"


class JsonLines(JsonFormatter):
    """``time`` in RFC 3339, ``level``, ``logger``, ``message``; the ids of the request; ``exception``; extras."""

    def __init__(self) -> None:
        super().__init__(_FIELDS, rename_fields=_NAMES, reserved_attrs=[*RESERVED_ATTRS, "taskName", _LEFT_OUT])

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        """Time first, ids after the message."""
        written = datetime.fromtimestamp(record.created, UTC)
        log_data["time"] = written.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        super().add_fields(log_data, record, message_dict)
        if (about := working_for()) is not None:
            log_data.update({name: value for name, value in about._asdict().items() if value})

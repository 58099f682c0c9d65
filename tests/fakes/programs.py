"""Programs in processes of their own, with nothing of this process' environment that could matter."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

CLIENTS = Path(__file__).resolve().parents[2] / ".venv-clients/bin"
"""The environment of the client libraries, which `make clients` makes."""

# However busy the machine: the clients import for long.
_PATIENT_S = 240
# Services that these libraries would tell of what they do, or ask for prices and vocabularies.
_QUIET = {
    "LANGSMITH_TRACING": "false",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "NO_PROXY": "127.0.0.1",
    "TIKTOKEN_CACHE_DIR": "/nonexistent",
}


def environment(given: Mapping[str, str] | None = None) -> dict[str, str]:
    """Without our own packages, proxies and services; with ``given``."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "TMPDIR", "LANG")}
    return {**kept, **_QUIET, **(given or {})}


async def output_of(
    command: Sequence[str | Path],
    *,
    stdin: str = "",
    folder: Path | None = None,
    given: Mapping[str, str] | None = None,
) -> str:
    """What a command prints; raises ``AssertionError`` with its errors when it fails."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder,
        env=environment(given),
    )
    try:
        async with asyncio.timeout(_PATIENT_S):
            out, err = await process.communicate(stdin.encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise AssertionError(err.decode())
    return out.decode()

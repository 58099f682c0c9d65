"""As many requests as a number of connections carries, driven by wrk: in C, so that it is not what limits."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import orjson

from loadtest.passthrough.payload import Payload

_SCRIPT = Path(__file__).with_name("closed_loop.lua")
_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Throughput:
    """What went through in a round."""

    requests_per_s: float
    p50_ms: float
    p95_ms: float
    bytes_per_answer: float
    errors: int


def available() -> bool:
    """Whether wrk is installed (Debian's package has that name)."""
    return shutil.which("wrk") is not None


def closed_loop(url: str, payload: Payload, *, connections: int, duration_s: float) -> Throughput:
    """Keep ``connections`` busy for ``duration_s``, in whole seconds; raises ``CalledProcessError``."""
    with tempfile.NamedTemporaryFile(suffix=".json") as body:
        body.write(payload.body)
        body.flush()
        duration = f"{max(1, round(duration_s))}s"
        flags = ["-t", "1", "-c", str(connections), "-d", duration, "--timeout", f"{_TIMEOUT_S}s", "-s", str(_SCRIPT)]
        ran = subprocess.run(["wrk", *flags, url, "--", body.name], check=True, capture_output=True)
    line = next(line for line in ran.stdout.splitlines() if line.startswith(b"JSON "))
    told = orjson.loads(line.removeprefix(b"JSON "))
    return Throughput(
        requests_per_s=told["requests"] / (told["duration_us"] / 1e6),
        p50_ms=told["p50_us"] / 1000,
        p95_ms=told["p95_us"] / 1000,
        bytes_per_answer=told["bytes"] / max(1, told["requests"]),
        errors=told["errors"],
    )

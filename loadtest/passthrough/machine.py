"""Where and of what state of the code the figures are."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]


def machine() -> dict[str, Any]:
    """Processor, cores, system and Python, and the load that the machine carries already."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_1_min_before": load(),
    }


def load() -> float:
    """Processes that ran or wanted to in the last minute: over the run's own, other work disturbed it."""
    return round(os.getloadavg()[0], 2)


def commit() -> str:
    """The commit of the working tree, with ``+changes`` where it has some; empty outside of a repository."""
    try:
        return _git("rev-parse", "HEAD") + ("+changes" if _git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def _git(*arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(_ROOT), *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()

"""Prompts as JSON lines, to be read by a process that makes none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from loadtest.prompts.prompt import Prompt


def write(prompts: Sequence[Prompt], file: Path) -> None:
    """One line each."""
    file.write_bytes(b"".join(msgspec.json.encode(prompt) + b"\n" for prompt in prompts))


def read(file: Path) -> list[Prompt]:
    """What ``write`` wrote."""
    return [msgspec.json.decode(line, type=Prompt) for line in file.read_bytes().splitlines()]

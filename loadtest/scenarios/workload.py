"""What the users of one Locust process share."""

from __future__ import annotations

import secrets
import subprocess
import sys
import tempfile
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import httpx

from loadtest.prompts.files import read
from loadtest.prompts.prompt import Prompt
from loadtest.sending.stream import Target, client, first_model


@dataclass(frozen=True, slots=True)
class Workload:
    """The prompts still to be sent, and where to."""

    prompts: Iterator[Prompt]
    target: Target
    client: httpx.Client


def workload(host: str | None, options: Namespace, prompts: Sequence[Prompt]) -> Workload:
    """What Locust's options ask for; ends the process where the gateway's models are not to be had."""
    if not host:
        raise SystemExit("--host is missing")
    connected = client(host)
    try:
        model = options.model or first_model(connected)
    except httpx.HTTPError as error:
        raise SystemExit(f"{host}: {error}") from error
    target = Target(model, options.mode, options.run_id or secrets.token_hex(4), ignore_eos=bool(options.ignore_eos))
    return Workload(islice(cycle(prompts), options.start % len(prompts), None), target, connected)


def prompts(options: Namespace, scenarios: Sequence[str]) -> list[Prompt]:
    """From their file, or made by another process: the models' libraries must not be patched by gevent.

    Ends the process where they cannot be had.
    """
    if options.prompts:
        return read(Path(options.prompts))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "prompts.jsonl"
        command = [sys.executable, "-m", "loadtest.prompts", "--out", str(out), "--seed", str(options.seed)]
        command += ["--scenario", ",".join(scenarios) or options.scenario]
        command += ["--max-prompt-chars", str(options.max_prompt_chars)]
        command += ["--data", options.data] if options.data else []
        if subprocess.run(command, check=False).returncode != 0:
            raise SystemExit("no prompts")
        return read(out)

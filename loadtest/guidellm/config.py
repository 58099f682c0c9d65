"""guidellm's configuration (version 0.8) for one mode and rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from loadtest.comparison.plan import HEADER, Mode
from loadtest.prompts.prompt import Prompt

FORMAT = "/v1/chat/completions"


@dataclass(frozen=True, slots=True)
class Profile:
    """What is the same in all runs: a Poisson process for so many seconds."""

    url: str
    model: str
    tokenizer: Path | None
    """Folder with the model's tokenizer; ``None``: guidellm takes the one that ``model`` names."""
    seconds: int
    seed: int
    key: str | None = field(default=None, repr=False)
    """Of the gateway, where it wants one."""

    def config(self, mode: Mode, rate: float, prompts: Path, reports: Path) -> dict[str, Any]:
        """What ``guidellm run --config`` reads; ``reports`` is their path without an ending."""
        extras = {"headers": {"x-semtoken-mode": HEADER[mode]}, "body": {"temperature": 0.0}}
        backend = {"kind": "openai_http", "target": self.url, "model": self.model, "request_format": FORMAT}
        authorised = {} if self.key is None else {"api_key": self.key}
        tokenizer = {} if self.tokenizer is None else {"model": str(self.tokenizer)}
        return {
            "metadata": {
                "name": f"semtoken-{mode}-{rate:g}",
                "description": f"Compression {mode}, prompts of loadtest.prompts",
            },
            "spec": {
                "backend": {
                    **backend,
                    **authorised,
                    "extras": extras,
                    "http2": False,
                    "api_routes": {"/health": "health/ready"},
                },
                "profile": {"kind": "poisson", "rate": rate},
                "constraints": [{"kind": "max_duration", "seconds": self.seconds}],
                "tokenizer": {"kind": "huggingface_auto", **tokenizer},
                "data": [{"kind": "json_file", "path": str(prompts)}],
                "seed": {"kind": "static", "value": self.seed},
                "outputs": [{"kind": form, "path": f"{reports}.{form}"} for form in ("json", "html")],
            },
            "benchmarks": [{"profile.rate": rate}],
        }


def rows(prompts: Sequence[Prompt], run: str) -> bytes:
    """JSON lines with guidellm's columns: whole chats, each with the length of its answer.

    ``run`` stands at each prompt's beginning, so that no run finds prefixes of another one in the engine's cache.
    """
    return b"".join(
        orjson.dumps(
            {"messages": prompt.body("", run)["messages"], "output_tokens_count": prompt.max_tokens},
            option=orjson.OPT_APPEND_NEWLINE,
        )
        for prompt in prompts
    )

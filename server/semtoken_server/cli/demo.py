"""`semtoken demo`: the main job on a real long prompt, with compression off and on."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import orjson
import uvicorn
from rich.console import Console
from rich.table import Table
from semtoken.evaluation.bundled import Demo, bundled_demo

from semtoken_server.asgi import build_app
from semtoken_server.cli.announce import wait_until_ready
from semtoken_server.cli.embedded import backing_engine
from semtoken_server.cli.listening import listen, local_url, uvicorn_config
from semtoken_server.cli.terminal import spinner
from semtoken_server.settings import Settings

_ANSWER_TOKENS = 48
_TIMEOUT_S = 300.0
_READY_S = 300.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """One streamed answer and what it took; times in seconds, from the request being sent."""

    answer: str
    original_tokens: int
    forwarded_tokens: int
    compress_ms: float
    first_token_s: float
    total_s: float


def demo() -> None:
    """Ask about a long document with compression off and on, through a real engine, and compare."""
    shown = bundled_demo()
    ports = _free_ports(2)
    settings = Settings.load(port=ports[0], engine_port=ports[1], log_level="warning")
    with listen(settings) as listening, backing_engine(settings) as backing, _serving(backing.settings, listening):
        if backing.supervisor is not None:
            with spinner("starting the engine"):
                backing.supervisor.wait_ready()
        url = local_url(settings, listening)
        model = wait_until_ready(url, _READY_S)
        with httpx.Client(base_url=url, timeout=_TIMEOUT_S, trust_env=False) as client:
            # The first request of a fresh engine pays for what later ones find ready.
            _ask(client, model, "Hello", "off")
            # Compressed first: what the engine's prefix cache then has in common with the whole prompt
            # can only help the other side.
            with spinner("asking with compression on"):
                on = _ask(client, model, _prompt(shown), "auto")
            with spinner("asking with compression off"):
                off = _ask(client, model, _prompt(shown), "off")
    _show(shown, model, off, on)


def _prompt(shown: Demo) -> str:
    return f"{shown.document}\n\nQuestion: {shown.question}"


@contextlib.contextmanager
def _serving(settings: Settings, listening: socket.socket) -> Iterator[None]:
    """The gateway in a thread of this process."""
    server = uvicorn.Server(uvicorn_config(settings, build_app(settings)))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="gateway", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


def _ask(client: httpx.Client, model: str, prompt: str, mode: str) -> Outcome:
    body = {
        "model": model,
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": _ANSWER_TOKENS,
        "temperature": 0,
        "stream": True,
        "semtoken": {"mode": mode},
    }
    begun = time.perf_counter()
    first: float | None = None
    answer = ""
    with client.stream("POST", "/v1/chat/completions", json=body) as response:
        if not response.is_success:
            raise httpx.HTTPStatusError(response.read().decode(), request=response.request, response=response)
        for line in response.iter_lines():
            if not line.startswith("data: {"):
                continue
            for choice in orjson.loads(line.removeprefix("data: ")).get("choices", []):
                if text := choice["delta"].get("content"):
                    first = first or time.perf_counter()
                    answer += text
    ended = time.perf_counter()
    told = response.headers
    return Outcome(
        answer=answer.strip(),
        original_tokens=int(told["x-semtoken-original-tokens"]),
        forwarded_tokens=int(told["x-semtoken-forwarded-tokens"]),
        compress_ms=float(told.get("x-semtoken-compress-ms", 0.0)),
        first_token_s=(first or ended) - begun,
        total_s=ended - begun,
    )


def _show(shown: Demo, model: str, off: Outcome, on: Outcome) -> None:
    table = Table(title=f"{model}, one prompt of {off.original_tokens} tokens", title_justify="left")
    for heading in ("", "compression off", "compression on", "off / on"):
        table.add_column(heading, justify="left" if not heading else "right")
    table.add_row("prompt tokens before", str(off.original_tokens), str(on.original_tokens), "")
    table.add_row("prompt tokens after", str(off.forwarded_tokens), str(on.forwarded_tokens), "")
    table.add_row("ratio", _ratio(off), _ratio(on), "")
    table.add_row("time compressing", "-", f"{on.compress_ms / 1000:.2f} s", "")
    table.add_row(
        "time to first token",
        f"{off.first_token_s:.2f} s",
        f"{on.first_token_s:.2f} s",
        f"{off.first_token_s / on.first_token_s:.2f}x",
    )
    table.add_row("time in all", f"{off.total_s:.2f} s", f"{on.total_s:.2f} s", f"{off.total_s / on.total_s:.2f}x")
    table.add_row("answer", off.answer, on.answer, "")
    console = Console()
    console.print(f"Document: {shown.source}", markup=False, highlight=False)
    console.print(f"Question: {shown.question}", markup=False, highlight=False)
    console.print(f"In it:    {shown.answer}", markup=False, highlight=False)
    console.print(table)


def _ratio(outcome: Outcome) -> str:
    return f"{outcome.original_tokens / outcome.forwarded_tokens:.2f}x"


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [probe.getsockname()[1] for probe in probes]

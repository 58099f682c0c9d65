"""`semtoken demo`: the main job on a real long prompt, with compression off and on."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
import uvicorn
from rich.console import Console
from rich.table import Table
from rich.text import Text
from semtoken.evaluation.bundled import Demo, bundled_demo, bundled_texts

from semtoken_server.asgi import build_app
from semtoken_server.cli.announce import wait_until_ready
from semtoken_server.cli.embedded import backing_engine
from semtoken_server.cli.listening import listen, local_url, uvicorn_config
from semtoken_server.cli.terminal import spinner
from semtoken_server.settings import Settings
from semtoken_server.supervisor import EngineStartError

_ANSWER_TOKENS = 48
_WARM_UP_CHARACTERS = 3_000
_TIMEOUT_S = 300.0
_READY_S = 300.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """One streamed answer and what it took; times in seconds, from the request being sent."""

    answer: str
    prompt_tokens: int
    """As the engine counted them."""
    status: str
    compress_s: float
    first_token_s: float
    total_s: float


def demo() -> None:
    """Ask about a long document with compression off and on, through a real engine, and compare."""
    shown = bundled_demo()
    settings = _settings(*_free_ports(2))
    with listen(settings) as listening, backing_engine(settings) as backing, _serving(backing.settings, listening):
        if backing.supervisor is not None:
            with spinner("starting the engine"):
                backing.supervisor.wait_ready()
        url = local_url(settings, listening)
        model = wait_until_ready(url, _READY_S)
        with httpx.Client(base_url=url, timeout=_TIMEOUT_S, trust_env=False) as client:
            with spinner("warming up"):
                # The first request pays for what later ones find ready, in the engine and in the encoder.
                _ask(client, model, _warm_up_text(), "force")
            # Compressed first: an engine that was started elsewhere may cache prefixes, and what it then
            # has of this prompt can only help the other side.
            with spinner("asking with compression on"):
                on = _ask(client, model, _prompt(shown), "auto")
            with spinner("asking with compression off"):
                off = _ask(client, model, _prompt(shown), "off")
    _show(shown, model, off, on)
    if on.status != "compressed":
        raise EngineStartError(f"the prompt was not compressed: {on.status}")


def _settings(port: int, engine_port: int) -> Settings:
    # However slow the machine: what the demo is to show, it waits for.
    settings = Settings.load(port=port, engine_port=engine_port, log_level="warning", compress_timeout_s=_TIMEOUT_S)
    # Both prompts begin alike, and neither is to find the other's work done.
    return settings.model_copy(update={"engine_args": (*settings.engine_args, "--no-enable-prefix-caching")})


def _prompt(shown: Demo) -> str:
    return f"{shown.document}\n\nQuestion: {shown.question}"


def _warm_up_text() -> str:
    """The beginning of another text, which has nothing in common with the demo's."""
    return bundled_texts()[0][:_WARM_UP_CHARACTERS]


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
        "stream_options": {"include_usage": True},
        "semtoken": {"mode": mode},
    }
    begun = time.perf_counter()
    first: float | None = None
    answer = ""
    prompt_tokens = 0
    with client.stream("POST", "/v1/chat/completions", json=body) as response:
        if not response.is_success:
            raise EngineStartError(f"the gateway answered {response.status_code}: {response.read().decode()}")
        for event in _events(response):
            for choice in event.get("choices", []):
                if text := choice["delta"].get("content"):
                    first = first or time.perf_counter()
                    answer += text
            if usage := event.get("usage"):
                prompt_tokens = usage["prompt_tokens"]
    ended = time.perf_counter()
    told = response.headers
    return Outcome(
        answer=answer.strip(),
        prompt_tokens=prompt_tokens,
        status=told["x-semtoken-status"],
        compress_s=float(told.get("x-semtoken-compress-ms", 0.0)) / 1000,
        first_token_s=(first or ended) - begun,
        total_s=ended - begun,
    )


def _events(response: httpx.Response) -> Iterator[dict[str, Any]]:
    for line in response.iter_lines():
        if line.startswith("data: {"):
            yield orjson.loads(line.removeprefix("data: "))


def _show(shown: Demo, model: str, off: Outcome, on: Outcome) -> None:
    table = Table(title=f"{model} on vLLM", title_justify="left", show_lines=True)
    for heading in ("", "compression off", "compression on"):
        table.add_column(heading)
    before = f"{off.prompt_tokens}"
    table.add_row("prompt tokens before", before, before)
    table.add_row("prompt tokens forwarded", before, f"{on.prompt_tokens} ({on.status})")
    table.add_row("ratio", "1.00x", f"{off.prompt_tokens / on.prompt_tokens:.2f}x")
    table.add_row("time compressing", "-", f"{on.compress_s:.2f} s")
    table.add_row("time to first token", *_times(off.first_token_s, on.first_token_s))
    table.add_row("time in all", *_times(off.total_s, on.total_s))
    table.add_row("answer", Text(off.answer), Text(on.answer))
    console = Console()
    for name, text in (("Document", shown.source), ("Question", shown.question), ("In it", shown.answer)):
        console.print(f"{name}: {text}", markup=False, highlight=False)
    console.print(table)


def _times(off_s: float, on_s: float) -> tuple[str, str]:
    change = f"{off_s / on_s:.2f}x faster" if on_s <= off_s else f"{on_s / off_s:.2f}x slower"
    return f"{off_s:.2f} s", f"{on_s:.2f} s ({change})"


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [probe.getsockname()[1] for probe in probes]

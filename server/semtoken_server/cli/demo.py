"""`semtoken demo`: the main job on a real long prompt, with compression off and on."""

from __future__ import annotations

import time

import httpx
from rich.console import Console
from rich.table import Table
from rich.text import Text
from semtoken.evaluation.bundled import Demo, bundled_demo, bundled_texts

from semtoken_server.benchmark.streaming import Answer, ask
from semtoken_server.cli.local_gateway import PATIENCE_S, local_gateway
from semtoken_server.cli.terminal import spinner
from semtoken_server.supervisor import EngineStartError

_ANSWER_TOKENS = 48
_WARM_UP_CHARACTERS = 3_000
_REST_S = 2.0


def demo() -> None:
    """Ask about a long document with compression off and on, through a real engine, and compare."""
    shown = bundled_demo()
    # Both prompts begin alike, and neither is to find the other's work done.
    with (
        local_gateway("--no-enable-prefix-caching") as gateway,
        httpx.Client(base_url=gateway.url, timeout=PATIENCE_S, trust_env=False) as client,
    ):
        with spinner("warming up"):
            # The first request pays for what later ones find ready, in the engine and in the encoder.
            _ask(client, gateway.model, _warm_up_text(), "force")
        # Compressed first: an engine that was started elsewhere may cache prefixes, and what it then
        # has of this prompt can only help the other side.
        with spinner("asking with compression on"):
            on = _ask(client, gateway.model, _prompt(shown), "auto")
        with spinner("asking with compression off"):
            off = _ask(client, gateway.model, _prompt(shown), "off")
    _show(shown, gateway.model, off, on)
    if on.status != "compressed":
        raise EngineStartError(f"the prompt was not compressed: {on.status}")


def _prompt(shown: Demo) -> str:
    return f"{shown.document}\n\nQuestion: {shown.question}"


def _warm_up_text() -> str:
    """The beginning of another text, which has nothing in common with the demo's."""
    return bundled_texts()[0][:_WARM_UP_CHARACTERS]


def _ask(client: httpx.Client, model: str, prompt: str, mode: str) -> Answer:
    # vLLM's workers spin for a second after their last work, which a request out of the blue does not meet.
    time.sleep(_REST_S)
    messages = [{"role": "user", "content": prompt}]
    options = {"model": model, "max_tokens": _ANSWER_TOKENS, "temperature": 0, "semtoken": {"mode": mode}}
    return ask(client, {"messages": messages, **options})


def _show(shown: Demo, model: str, off: Answer, on: Answer) -> None:
    table = Table(title=f"{model} on vLLM", title_justify="left", show_lines=True)
    for heading in ("", "compression off", "compression on"):
        table.add_column(heading)
    before = f"{off.prompt_tokens}"
    table.add_row("prompt tokens before", before, before)
    table.add_row("prompt tokens forwarded", before, f"{on.prompt_tokens} ({on.status})")
    table.add_row("ratio", "1.00x", f"{off.prompt_tokens / on.prompt_tokens:.2f}x")
    table.add_row("time compressing", "-", f"{on.compress_ms / 1000:.2f} s")
    table.add_row("time to first token", *_times(off.ttft_s, on.ttft_s))
    table.add_row("time in all", *_times(off.total_s, on.total_s))
    table.add_row("answer", Text(off.text), Text(on.text))
    console = Console()
    for name, text in (("Document", shown.source), ("Question", shown.question), ("In it", shown.answer)):
        console.print(f"{name}: {text}", markup=False, highlight=False)
    console.print(table)


def _times(off_s: float, on_s: float) -> tuple[str, str]:
    change = f"{off_s / on_s:.2f}x faster" if on_s <= off_s else f"{on_s / off_s:.2f}x slower"
    return f"{off_s:.2f} s", f"{on_s:.2f} s ({change})"

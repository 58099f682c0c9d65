"""Tells, once the gateway is ready, how to talk to it."""

from __future__ import annotations

import contextlib
import logging
import math
import shlex
import sys
import threading
import time
from collections.abc import Callable

import httpx
import typer

from semtoken_server.cli.terminal import spinner
from semtoken_server.supervisor import EngineStartError

logger = logging.getLogger(__name__)

_INTERVAL_S = 0.5

_EXAMPLES = """
SemToken is ready on {url} and serves {model}

curl {url}/v1/chat/completions -H 'content-type: application/json' \\
  -d '{{"model": "{model}", "temperature": 0,
       "messages": [{{"role": "user", "content": "What is the capital of France?"}}]}}'

{python} - <<'EOF'
from openai import OpenAI

client = OpenAI(base_url="{url}/v1", api_key="none")
answer = client.chat.completions.create(
    model="{model}",
    messages=[{{"role": "user", "content": "What is the capital of France?"}}],
    temperature=0,
    extra_body={{"semtoken": {{"ratio": 2.4}}}},
)
print(answer.choices[0].message.content)
EOF
"""


def announce_when_ready(url: str, *, keys: bool = False, plainly: bool = True) -> None:
    """Wait in the background until the gateway at ``url`` is ready; print examples that work as they stand.

    With ``keys``, which it has none of, only that it is ready; where that is not to be told ``plainly``, as a
    line of the log.
    """
    threading.Thread(target=_announce, args=(url, keys, plainly), name="announce", daemon=True).start()


def wait_until_ready(url: str, timeout_s: float = math.inf) -> str:
    """Wait until the gateway is ready; returns the name of the model that it serves.

    Raises ``EngineStartError``, saying what is missing, when that takes longer than ``timeout_s``.
    """
    return _wait(url, timeout_s, _first_model)


def _first_model(client: httpx.Client) -> str:
    return str(client.get("/v1/models").raise_for_status().json()["data"][0]["id"])


def _wait(url: str, timeout_s: float, then: Callable[[httpx.Client], str]) -> str:
    """What ``then`` makes of the gateway once it is ready; raises ``EngineStartError`` after ``timeout_s``."""
    deadline = time.monotonic() + timeout_s
    missing = "the gateway does not answer"
    with spinner(f"starting the gateway on {url}") as tell, httpx.Client(base_url=url, trust_env=False) as client:
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.HTTPError):
                answer = client.get("/health/ready", timeout=5.0)
                if answer.is_success:
                    return then(client)
                missing = _missing(answer)
                tell(missing)
            time.sleep(_INTERVAL_S)
    raise EngineStartError(f"not ready after {timeout_s:g} s: {missing}")


def examples(url: str, model: str) -> str:
    """A `curl` and an OpenAI client that work as they stand.

    The client is run by this very Python, since another one may well be without `openai`.
    """
    return _EXAMPLES.format(url=url, model=model, python=shlex.quote(sys.executable))


def _announce(url: str, keys: bool, plainly: bool) -> None:
    if not plainly:
        _wait(url, math.inf, lambda _client: "")
        logger.info("ready on %s", url)
    elif keys:
        _wait(url, math.inf, lambda _client: "")
        typer.echo(f"\nSemToken is ready on {url}; its clients need a key of keys_file")
    else:
        typer.echo(examples(url, wait_until_ready(url)))


def _missing(answer: httpx.Response) -> str:
    try:
        state = answer.json()
    except ValueError:
        return "waiting for the gateway"
    engine = " ".join(f"{name} {health}" for name, health in state.get("engine", {}).items())
    return f"waiting: engine {engine}, encoder {state.get('encoder')}, tokenizer {state.get('tokenizer')}"

"""Two gateways behind a real HAProxy or nginx, with the configuration that we hand out."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal

import httpx
import pytest
from fakes.processes import free_port
from integration.lifecycle.conftest import eventually, paced_engine, serve

__all__ = ["paced_engine", "serve"]

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
Balancer = Literal["haproxy", "nginx"]
_NGINX_LOG = "/var/log/nginx/access.log"


def command(name: Balancer) -> str:
    """Where the balancer is; Debian has it where only root's path leads. Skips the test where it is not installed."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed (Debian: apt-get install {name})")
    return found


@contextmanager
def balancer(name: Balancer, gateways: list[str], folder: Path) -> Iterator[str]:
    """The URL of a balancer before two gateways, given by their URLs; its logs are in ``folder``."""
    port = free_port()
    a, b = (url.removeprefix("http://") for url in gateways)
    if name == "haproxy":
        variables = {"LISTEN": f"127.0.0.1:{port}", "GATEWAY_A": a, "GATEWAY_B": b}
        argv = [command(name), "-db", "-f", str(DEPLOY / "haproxy" / "haproxy.cfg")]
    else:
        variables = {"LISTEN": f"127.0.0.1:{port}", "GATEWAY_A": a, "GATEWAY_B": b}
        text = (DEPLOY / "nginx" / "nginx.conf").read_text()
        for variable, value in variables.items():
            text = text.replace("${" + variable + "}", value)
        assert _NGINX_LOG in text
        text = text.replace(_NGINX_LOG, str(folder / "access.log"))
        (folder / "nginx.conf").write_text(text)
        directives = f"daemon off; pid {folder}/nginx.pid;"
        argv = [command(name), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", directives]
    log = folder / "balancer.log"
    with log.open("wb") as output:
        process = subprocess.Popen(argv, stdout=output, stderr=output, env={**os.environ, **variables})
    url = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: process.poll() is not None or _passes(f"{url}/v1/models"), f"see {log}")
        assert process.poll() is None, log.read_text()
        yield url
    finally:
        process.terminate()
        process.wait()


def _passes(url: str) -> bool:
    """Whether a gateway's answer comes through, be it that a key is missing."""
    try:
        return not httpx.get(url, trust_env=False, timeout=5.0).is_server_error
    except httpx.HTTPError:
        return False


@contextmanager
def vanished() -> Iterator[str]:
    """The URL of a gateway whose machine is gone: a connect is neither taken nor refused.

    Linux drops what comes to a listener whose queue is full.
    """
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"

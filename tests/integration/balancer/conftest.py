"""Two gateways behind a real HAProxy or nginx, with the configuration that we hand out."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest
from fakes.processes import free_port
from integration.lifecycle.conftest import answers, eventually, paced_engine, serve

__all__ = ["paced_engine", "serve"]

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
Balancer = Literal["haproxy", "nginx"]


def command(name: Balancer) -> str:
    """Where the balancer is; Debian has it where only root's path leads. Skips the test where it is not installed."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed (Debian: apt-get install {name})")
    return found


@contextmanager
def balancer(name: Balancer, gateways: list[str], folder: Path) -> Iterator[str]:
    """The URL of a balancer before two gateways, given by their URLs."""
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
        (folder / "nginx.conf").write_text(text)
        directives = f"daemon off; pid {folder}/nginx.pid;"
        argv = [command(name), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", directives]
    log = folder / "balancer.log"
    with log.open("wb") as output:
        process = subprocess.Popen(argv, stdout=output, stderr=output, env={**os.environ, **variables})
    url = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: process.poll() is not None or answers(f"{url}/v1/models"), f"see {log}")
        assert process.poll() is None, log.read_text()
        yield url
    finally:
        process.terminate()
        process.wait()

"""A Ray of its own on this machine, without a dashboard, that serves a file as `serve deploy` takes it.

    python tests/integration/ray_serve/cluster.py FILE FOLDER METRICS_PORT

A process by itself, since Ray warns and logs at will. It writes how many threads would encode in an actor of one
CPU, then `ready`, and goes on until its input ends.
"""

from __future__ import annotations

import sys
from typing import Any

import ray
import yaml
from ray import serve
from ray.serve._private.api import serve_start
from ray.serve.config import gRPCOptions
from ray.serve.schema import ServeDeploySchema
from semtoken.encoders.threads import cpu_workers

CPUS = 4
"""That Ray believes in: a replica of the file asks for some."""


class Encoding:
    """An actor in which something would be encoded."""

    def threads(self) -> int:
        """That an encoder would take."""
        return cpu_workers()


def encoding_threads() -> int:
    """Those in an actor of one CPU: fewer than PyTorch takes by itself on any machine with more cores."""
    actor: Any = ray.remote(Encoding).options(num_cpus=1).remote()
    threads = int(ray.get(actor.threads.remote()))
    ray.kill(actor)
    return threads


def main() -> None:
    file, folder, metrics_port = sys.argv[1:]
    with open(file, encoding="utf-8") as opened:
        config = ServeDeploySchema.model_validate(yaml.safe_load(opened))
    ray.init(
        num_cpus=CPUS,
        include_dashboard=False,
        object_store_memory=100 * 2**20,
        namespace="serve",
        _node_ip_address="127.0.0.1",
        _temp_dir=folder,
        _metrics_export_port=int(metrics_port),
    )
    try:
        sys.stdout.write(f"encoding threads: {encoding_threads()}\n")
        # As `serve run` does it; `serve deploy` is a request to the dashboard, which does the same.
        client = serve_start(
            http_options=config.http_options.model_dump(),
            proxy_location=config.proxy_location,
            grpc_options=gRPCOptions(**config.grpc_options.model_dump()),
        )
        client.deploy_apps(config, _blocking=True)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.read()
    finally:
        serve.shutdown()  # type: ignore[no-untyped-call]
        ray.shutdown()
    sys.stdout.write("over\n")


if __name__ == "__main__":
    main()

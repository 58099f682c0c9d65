"""Builds applications as Ray Serve does: lists of arguments as JSON come in, what was built goes out.

    python tests/unit/deploy/ray_applications.py FILE < ARGUMENTS

A process by itself, since Ray's modules warn when they are imported. ``FILE`` is one that `serve deploy` takes.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import yaml
from ray.serve.schema import ServeDeploySchema
from semtoken_server.ray_serve import build
from semtoken_server.settings import InvalidSettingsError


def built(args: dict[str, Any]) -> dict[str, Any]:
    """The options of the deployment, or the error that there was."""
    try:
        deployment = build(args)._bound_deployment
    except InvalidSettingsError as error:
        return {"error": str(error)}
    options = deployment._deployment_config
    return {
        "name": deployment.name,
        "max_ongoing_requests": options.max_ongoing_requests,
        "graceful_shutdown_timeout_s": options.graceful_shutdown_timeout_s,
        "scales": options.autoscaling_config is not None,
    }


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        (application,) = ServeDeploySchema.model_validate(yaml.safe_load(file)).applications
    (deployment,) = application.deployments
    told = {
        "file": {"import_path": application.import_path, "name": deployment.name, "built": built(application.args)},
        "build": f"{build.__module__}:{build.__name__}",
        "built": [built(args) for args in json.load(sys.stdin)],
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()

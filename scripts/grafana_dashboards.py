"""Write the Grafana dashboards to ``deploy/grafana/dashboards``, and them and the alerts as Kubernetes wants them.

Tests hold the files equal to what they are made of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from dashboards.compression import compression
from dashboards.engines import engines
from dashboards.frame import rendered
from dashboards.overview import overview
from grafana_foundation_sdk.builders.dashboard import Dashboard
from kubernetes_monitoring import manifests

FOLDER = Path(__file__).parents[1] / "deploy" / "grafana" / "dashboards"
DASHBOARDS: Mapping[str, Callable[[], Dashboard]] = {
    "overview": overview,
    "compression": compression,
    "engines": engines,
}


def contents() -> dict[Path, str]:
    """Every file, and what belongs into it."""
    return {FOLDER / f"{name}.json": rendered(build()) for name, build in DASHBOARDS.items()}


def main() -> None:
    """Write them all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    dashboards = contents()
    for path, text in {**dashboards, **manifests(dashboards)}.items():
        path.write_text(text)
        print(path)


if __name__ == "__main__":
    main()

"""The gateways to compare with, each in a virtual environment of its own in the user's cache."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from loadtest.passthrough.engine import MODEL


@dataclass(frozen=True, slots=True)
class Peer:
    """A gateway from PyPI at one version."""

    name: str
    requirement: str
    version: str

    @property
    def folder(self) -> Path:
        """Its environment: ``$XDG_CACHE_HOME/semtoken/loadtest/NAME-VERSION``."""
        cache = os.environ.get("XDG_CACHE_HOME", "")
        root = Path(cache) if Path(cache).is_absolute() else Path.home() / ".cache"
        return root / "semtoken" / "loadtest" / f"{self.name}-{self.version}"

    def install(self) -> None:
        """Make its environment unless it is there; raises ``CalledProcessError``."""
        done = self.folder / ".installed"
        if done.exists():
            return
        print(f"installing {self.requirement}=={self.version} into {self.folder}", file=sys.stderr)
        venv.create(self.folder, clear=True, with_pip=True)
        pip = [str(self.folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "-q", "install"]
        subprocess.run([*pip, f"{self.requirement}=={self.version}"], check=True, stdout=subprocess.DEVNULL)
        done.touch()


# Not 1.82.7, 1.82.8 and 1.107.0, which are reported as compromised.
LITELLM = Peer("litellm", "litellm[proxy]", "1.106.2")
ROUTER = Peer("vllm-router", "vllm-router", "0.1.17")


def litellm_command(engine: str, port: int, folder: Path) -> list[str]:
    """LiteLLM's proxy with one worker, in the form that its documentation advises for production."""
    config = folder / "litellm.yaml"
    config.write_text(
        f"""model_list:
  - model_name: {MODEL}
    litellm_params:
      model: openai/{MODEL}
      api_base: {engine}/v1
      api_key: none
litellm_settings:
  set_verbose: false
  request_timeout: 600
"""
    )
    flags = ["--config", str(config), "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
    return [str(LITELLM.folder / "bin" / "litellm"), *flags, "--telemetry", "False"]


LITELLM_ENVIRONMENT = {
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOG": "ERROR",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    # No keys are checked, which is less work for it; on loopback that is safe.
    "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
}


def router_command(engine: str, port: int, metrics_port: int) -> list[str]:
    """vLLM's router with the policy that costs it least."""
    flags = ["--host", "127.0.0.1", "--port", str(port), "--worker-urls", engine, "--policy", "round_robin"]
    quiet = ["--log-level", "error", "--prometheus-port", str(metrics_port)]
    return [str(ROUTER.folder / "bin" / "vllm-router"), *flags, *quiet]

"""Which runtime computes an encoder on a device."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from semtoken.encoders.runtimes.base import Runtime
from semtoken.encoders.runtimes.openvino import OpenVinoRuntime, available
from semtoken.encoders.runtimes.torch import TorchRuntime, torch_dtype
from semtoken.errors import ModelNotFoundError

LoadModel = Callable[[torch.dtype], Any]
"""The ``transformers`` model in a number format; raises ``ModelNotFoundError``."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """A device and how much of a GPU's memory is the encoder's (None: as much as it needs)."""

    device: torch.device
    gpu_memory_mib: int | None = None


def _torch(load: LoadModel, place: Place) -> Runtime:
    return TorchRuntime(load(torch_dtype(place.device)), place.device, gpu_memory_mib=place.gpu_memory_mib)


def _openvino(load: LoadModel, place: Place) -> Runtime:
    device = place.device
    if device.type != "cpu":
        raise ModelNotFoundError(f"the runtime openvino is for device cpu, got {device.type!r}")
    try:
        return OpenVinoRuntime(load(torch.float32))
    except ImportError as error:
        raise ModelNotFoundError("the runtime openvino is not installed: pip install 'semtoken[openvino]'") from error


def _auto(load: LoadModel, place: Place) -> Runtime:
    """The fastest measured (docs/performance.md): OpenVINO on a CPU with int8 products, else PyTorch."""
    if place.device.type == "cpu" and available():
        try:
            return OpenVinoRuntime(load(torch.float32))
        except (ImportError, RuntimeError) as error:
            _log.warning("OpenVINO cannot compile this encoder, so PyTorch runs it: %s", error)
    return _torch(load, place)


RUNTIMES: dict[str, Callable[[LoadModel, Place], Runtime]] = {
    "auto": _auto,
    "torch": _torch,
    "openvino": _openvino,
}


def build_runtime(name: str, load: LoadModel, place: Place) -> Runtime:
    """The runtime of that name; raises ``ModelNotFoundError`` where there is none or it is not installed."""
    if name not in RUNTIMES:
        raise ModelNotFoundError(f"runtime must be one of {', '.join(RUNTIMES)}, got {name!r}")
    return RUNTIMES[name](load, place)

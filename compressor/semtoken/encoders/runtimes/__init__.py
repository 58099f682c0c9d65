"""Runtimes: the libraries that compute an encoder's forward pass."""

from semtoken.encoders.runtimes.base import WINDOW, Runtime
from semtoken.encoders.runtimes.choice import RUNTIMES, Place, build_runtime
from semtoken.encoders.runtimes.openvino import OpenVinoRuntime
from semtoken.encoders.runtimes.torch import TorchRuntime

__all__ = ["RUNTIMES", "WINDOW", "OpenVinoRuntime", "Place", "Runtime", "TorchRuntime", "build_runtime"]

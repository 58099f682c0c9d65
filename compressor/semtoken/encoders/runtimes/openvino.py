"""OpenVINO on a CPU: weights in int8, each token's activations in int8 by groups as they come.

Weights are rounded to 255 steps of each output channel and activations, at run time, to 255 steps of each
group of ``GROUP`` values of one token (dynamic quantisation, as in LLM.int8(), arXiv 2208.07339, but by
groups), so that nothing has to be calibrated and no token's rounding depends on another's.
"""

from __future__ import annotations

import sys
import threading
import warnings
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
import transformers

from semtoken.datamodels import FloatArray, IntArray
from semtoken.encoders.hardware import hardware
from semtoken.encoders.runtimes.base import WINDOW
from semtoken.encoders.runtimes.torch import torch_dtype
from semtoken.encoders.runtimes.weights import weights_digest
from semtoken.encoders.threads import cpu_workers
from semtoken.errors import EncoderError

TILE = 4
GROUP = 128


def available() -> bool:
    """Whether OpenVINO is installed and this processor multiplies int8 faster than anything else."""
    traits: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    fast = any(traits.get(name) for name in ("avx512_vnni", "avx_vnni", "amx_int8"))
    return fast and find_spec("openvino") is not None


class OpenVinoRuntime:
    """A ``transformers`` model in float32, compiled by OpenVINO with its linear layers in int8."""

    def __init__(self, model: Any) -> None:
        openvino = _import_openvino()
        self.device = "cpu"
        self.tile = TILE
        self.workers = cpu_workers()
        self.width = int(model.config.hidden_size)
        versions = f"openvino {openvino.get_version()} transformers {transformers.__version__}"
        self.identity = f"{weights_digest(model)} {versions} int8 {GROUP} {self.tile}"
        self.processor = hardware(torch.device("cpu"))
        self._compiled = _compile(openvino, _in_int8(openvino, _converted(openvino, model)), self.workers)
        self._local = threading.local()

    def prepare(self) -> None:
        """A request of its own for the thread that calls; see :class:`semtoken.encoders.runtimes.base.Runtime`."""
        self._local.request = self._compiled.create_infer_request()

    def __call__(self, ids: IntArray, mask: IntArray) -> FloatArray:
        """See :class:`semtoken.encoders.runtimes.base.Runtime`."""
        request = self._local.request
        try:
            request.infer((ids, mask), share_inputs=True)
        except RuntimeError as error:
            raise EncoderError(f"the encoder failed: {error}") from error
        output = torch.from_numpy(request.get_output_tensor(0).data)
        # What int8 leaves exact fits bfloat16, of which a cache holds twice as many.
        vectors: FloatArray = output.bfloat16().float().numpy()
        return vectors


def _import_openvino() -> Any:
    # It reports its use to its makers unless the package that does so is not there.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino  # noqa: PLC0415 - an optional dependency

    return openvino


class _HiddenState(torch.nn.Module):
    """The one output that is wanted."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        return self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state


def _converted(openvino: Any, model: Any) -> Any:
    ids = torch.zeros(TILE, WINDOW, dtype=torch.int64)
    mask = torch.ones(TILE, WINDOW, dtype=torch.int64)
    mask[:, -1] = 0
    with torch.no_grad(), warnings.catch_warnings():
        # PyTorch warns of its own ways.
        warnings.simplefilter("ignore", FutureWarning)
        exported = torch.export.export(_HiddenState(model.eval()), (ids, mask))
        return openvino.convert_model(exported)


def _in_int8(openvino: Any, graph: Any) -> Any:
    """Replace the constant weights (n, k) of linear layers by int8 times a scale per output channel."""
    ops = openvino.opset13
    for node in graph.get_ordered_ops():
        if node.get_type_name() != "MatMul":
            continue
        source = node.input(1).get_source_output().get_node()
        if source.get_type_name() != "Constant" or not node.get_attributes()["transpose_b"]:
            continue
        weights = np.asarray(source.data, dtype=np.float32)
        largest = np.abs(weights).max(axis=1, keepdims=True)
        scale = np.where(largest > 0, largest, 1).astype(np.float32) / 127
        steps = ops.constant(np.round(weights / scale).astype(np.int8))
        node.input(1).replace_source_output(ops.multiply(ops.convert(steps, "f32"), ops.constant(scale)).output(0))
    return graph


def _compile(openvino: Any, graph: Any, workers: int) -> Any:
    options = {
        "INFERENCE_PRECISION_HINT": "bf16" if torch_dtype(torch.device("cpu")) is torch.bfloat16 else "f32",
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": GROUP,
        # A stream of one thread for each caller; bound to no core, for others compute here as well.
        "NUM_STREAMS": workers,
        "INFERENCE_NUM_THREADS": workers,
        "ENABLE_CPU_PINNING": False,
    }
    return openvino.Core().compile_model(graph, "CPU", options)

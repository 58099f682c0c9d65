"""PyTorch: any device, in bfloat16 where the processor multiplies it."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
import transformers

from semtoken.datamodels import FloatArray, IntArray
from semtoken.encoders.hardware import hardware
from semtoken.encoders.runtimes.weights import weights_digest
from semtoken.encoders.threads import cpu_workers, one_thread_each
from semtoken.errors import EncoderError

TILE = {"cpu": 4, "cuda": 64}
CUDA_CONTEXT_MIB = 600
"""What CUDA itself takes for a process, beside what PyTorch allocates."""


class TorchRuntime:
    """A ``transformers`` model as it is.

    On CUDA, where an engine has the rest, the process takes no more than ``gpu_memory_mib`` MiB; then
    a tile fails that would need more.
    """

    def __init__(
        self, model: Any, device: torch.device, *, tile: int | None = None, gpu_memory_mib: int | None = None
    ) -> None:
        if device.type == "cuda" and gpu_memory_mib is not None:
            _limit(device, gpu_memory_mib)
        self._model = model.to(device).eval()
        self._device = device
        # On the default stream every copy would wait for whatever else this process computes.
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]
        self.device = device.type
        self.tile = tile or TILE[device.type]
        self.workers = cpu_workers() if device.type == "cpu" else 1
        self.width = int(model.config.hidden_size)
        versions = f"torch {torch.__version__} transformers {transformers.__version__}"
        self.identity = f"{weights_digest(model)} {versions} {model.dtype} {device.type} {self.tile}"
        self.processor = hardware(device)

    def prepare(self) -> None:
        """One thread per pass on a CPU; see :class:`semtoken.encoders.runtimes.base.Runtime`."""
        if self.device == "cpu":
            one_thread_each()

    def __call__(self, ids: IntArray, mask: IntArray) -> FloatArray:
        """See :class:`semtoken.encoders.runtimes.base.Runtime`."""
        try:
            with torch.inference_mode(), nullcontext() if self._stream is None else torch.cuda.stream(self._stream):
                output = self._model(
                    input_ids=torch.from_numpy(ids).to(self._device),
                    attention_mask=torch.from_numpy(mask).to(self._device),
                ).last_hidden_state
                vectors: FloatArray = output.float().cpu().numpy()
        except RuntimeError as error:  # out of memory is one of these
            raise EncoderError(f"the encoder failed: {error}") from error
        return vectors


def _limit(device: torch.device, mib: int) -> None:
    total = torch.cuda.get_device_properties(device).total_memory
    own = max(1, mib - CUDA_CONTEXT_MIB) * 2**20
    torch.cuda.set_per_process_memory_fraction(min(1.0, own / total), device)


def torch_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the device multiplies it, else float32."""
    fast = device.type == "cuda" or torch.ops.mkldnn._is_mkldnn_bf16_supported()  # noqa: SLF001 - no public test
    return torch.bfloat16 if fast else torch.float32

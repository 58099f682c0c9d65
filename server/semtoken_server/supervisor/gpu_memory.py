"""The encoder's share of a GPU that it has in common with an engine."""

from __future__ import annotations

from collections.abc import Callable


def gpu_memory_mib() -> int | None:
    """Memory of the first GPU in MiB, or None where there is none."""
    import torch  # noqa: PLC0415 - takes seconds

    return torch.cuda.get_device_properties(0).total_memory // 2**20 if torch.cuda.is_available() else None


def encoder_share(device: str, reserved_mib: int, total_mib: Callable[[], int | None] = gpu_memory_mib) -> float:
    """Which share of the GPU's memory, from 0 to 1, an encoder on ``device`` (auto, cpu, cuda) is to find free."""
    total = None if device == "cpu" else total_mib()
    return 0.0 if total is None else min(1.0, reserved_mib / total)

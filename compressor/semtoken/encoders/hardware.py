"""What decides about the last bits of a result beside the software: the kind of processor."""

from __future__ import annotations

import platform

import torch


def hardware(device: torch.device) -> str:
    """Names the processor's kind; machines of one name give the same bits.

    Matrix kernels choose their order of summation by instruction set and cache sizes.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    # Newer versions of torch tell more than the instruction set.
    tell = getattr(torch.cpu, "get_capabilities", dict)
    traits = {name: value for name, value in tell().items() if not name.startswith("num_")}
    return f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()} {sorted(traits.items())}"

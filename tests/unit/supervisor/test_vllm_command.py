"""What vLLM is started with."""

from __future__ import annotations

from pathlib import Path

import pytest
from semtoken_server.supervisor import encoder_share, vllm_command
from semtoken_server.supervisor.command import Build


def value(argv: tuple[str, ...], flag: str) -> str:
    return argv[argv.index(flag) + 1]


@pytest.mark.parametrize("build", ["cpu", "cuda"])
def test_model_name_and_address(build: Build) -> None:
    command = vllm_command("org/model", "small", port=18_123, build=build)
    assert value(command.argv, "--model") == "org/model"
    assert value(command.argv, "--served-model-name") == "small"
    assert (value(command.argv, "--host"), value(command.argv, "--port")) == ("127.0.0.1", "18123")
    assert command.url == "http://127.0.0.1:18123"


def test_a_local_model_waits_for_no_hub(tmp_path: Path) -> None:
    assert vllm_command(str(tmp_path), "m", build="cpu").defaults["HF_HUB_OFFLINE"] == "1"
    assert "HF_HUB_OFFLINE" not in vllm_command("org/model", "m", build="cpu").defaults


def test_each_build_gets_its_own_arguments() -> None:
    cpu, cuda = (vllm_command("org/model", "m", build=build) for build in ("cpu", "cuda"))
    assert cpu.defaults["VLLM_TARGET_DEVICE"] == "cpu"
    assert "--gpu-memory-utilization" not in cpu.argv
    assert "VLLM_TARGET_DEVICE" not in cuda.defaults
    assert float(value(cuda.argv, "--gpu-memory-utilization")) == 0.92


def test_the_engine_leaves_the_encoder_its_memory() -> None:
    share = encoder_share("auto", 2048, lambda: 80 * 1024)
    command = vllm_command("org/model", "m", build="cuda", gpu_reserve=share)
    assert float(value(command.argv, "--gpu-memory-utilization")) == pytest.approx(0.92 - 2 / 80)


@pytest.mark.parametrize(("device", "total"), [("cpu", 80 * 1024), ("auto", None)])
def test_an_encoder_on_the_cpu_takes_nothing_from_the_engine(device: str, total: int | None) -> None:
    assert encoder_share(device, 2048, lambda: total) == 0


def test_extra_arguments_come_last_so_that_they_win() -> None:
    command = vllm_command("org/model", "m", extra_args=("--max-num-seqs", "4"), build="cpu")
    assert command.argv[-2:] == ("--max-num-seqs", "4")

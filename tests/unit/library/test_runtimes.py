"""Every runtime: the same vectors but for rounding, whatever shares the tile; and which one is taken."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from fakes.tiny_models import make_bert, make_encoder
from semtoken.encoders import EncoderInput
from semtoken.encoders.runtimes import (
    RUNTIMES,
    WINDOW,
    OpenVinoRuntime,
    Place,
    Runtime,
    TorchRuntime,
    build_runtime,
    choice,
)
from semtoken.encoders.runtimes import openvino as module
from semtoken.encoders.runtimes.torch import CUDA_CONTEXT_MIB, TILE
from semtoken.errors import ModelNotFoundError

CPU = Place(torch.device("cpu"))
NAMES = [name for name in RUNTIMES if name != "openvino" or find_spec("openvino")]


def load(dtype: torch.dtype, weights: int = 0) -> torch.nn.Module:
    return torch.nn.Module.to(make_bert(weights), dtype)


def windows(runtime: Runtime, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    ids = draw.integers(4, 40, (runtime.tile, WINDOW))
    mask = np.zeros_like(ids)
    for row, length in enumerate(draw.integers(20, WINDOW - 1, runtime.tile)):
        mask[row, :length] = 1
    return ids * mask, mask


@pytest.fixture(params=NAMES)
def runtime(request: pytest.FixtureRequest) -> Runtime:
    made = build_runtime(request.param, load, CPU)
    made.prepare()
    return made


def test_vectors_are_those_of_the_model_but_for_rounding(runtime: Runtime) -> None:
    ids, mask = windows(runtime)
    vectors = runtime(ids, mask)
    assert vectors.shape == (runtime.tile, WINDOW, runtime.width)
    assert vectors.dtype == np.float32
    with torch.inference_mode():
        exact = make_bert()(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask)).last_hidden_state
    kept = mask.astype(bool)
    one, other = vectors[kept], exact.numpy()[kept]
    cosines = (one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
    assert cosines.min() > 0.99


def test_a_window_is_the_same_to_the_last_bit_in_any_row_and_company(runtime: Runtime) -> None:
    ids, mask = windows(runtime)
    others, other_mask = windows(runtime, seed=1)
    alone = runtime(ids, mask)[0]
    for row in range(runtime.tile):
        others[row], other_mask[row] = ids[0], mask[0]
        np.testing.assert_array_equal(runtime(others, other_mask)[row][mask[0] == 1], alone[mask[0] == 1])
        others, other_mask = windows(runtime, seed=row + 2)


def test_the_vectors_stay_as_they_are_when_the_next_tile_runs(runtime: Runtime) -> None:
    first = runtime(*windows(runtime))
    kept = first.copy()
    runtime(*windows(runtime, seed=1))
    np.testing.assert_array_equal(first, kept)


def test_other_weights_are_another_identity(runtime: Runtime) -> None:
    name = "openvino" if isinstance(runtime, OpenVinoRuntime) else "torch"
    same = build_runtime(name, load, CPU)
    other = build_runtime(name, lambda dtype: load(dtype, weights=1), CPU)
    assert same.identity == runtime.identity != other.identity


def test_an_encoder_runs_on_each(runtime: Runtime) -> None:
    text = "the cost of the scan is in the notes. " * 40
    encoder = make_encoder(runtime=runtime)
    [encoding] = encoder.encode([EncoderInput(text, np.array([0, 38, 76]))])
    assert np.isfinite(encoding.vectors).all()
    assert encoding.vectors.any(axis=1).all()


def test_auto_takes_openvino_where_it_is_installed_and_int8_is_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openvino")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_vnni": True})
    assert isinstance(build_runtime("auto", load, CPU), OpenVinoRuntime)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True})
    assert isinstance(build_runtime("auto", load, CPU), TorchRuntime)


def test_auto_takes_torch_where_openvino_cannot(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no such operation")

    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_vnni": True})
    pytest.importorskip("openvino")
    monkeypatch.setattr(module, "_converted", fail)
    assert isinstance(build_runtime("auto", load, CPU), TorchRuntime)
    assert "no such operation" in caplog.text


def test_auto_takes_torch_where_openvino_is_there_but_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "available", lambda: True)
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert isinstance(build_runtime("auto", load, CPU), TorchRuntime)


def test_a_runtime_that_is_not_installed_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ModelNotFoundError, match="pip install"):
        build_runtime("openvino", load, CPU)


def test_an_unknown_runtime_is_refused_with_its_name() -> None:
    with pytest.raises(ModelNotFoundError, match="'onnx'"):
        build_runtime("onnx", load, CPU)
    with pytest.raises(ModelNotFoundError, match="cuda"):
        build_runtime("openvino", load, Place(torch.device("cuda")))


def test_openvino_does_not_report_to_its_makers() -> None:
    pytest.importorskip("openvino")
    build_runtime("openvino", load, CPU)
    assert sys.modules["openvino_telemetry"] is None


def test_the_tile_of_a_gpu_gives_the_vectors_of_the_tile_of_a_cpu_but_for_rounding() -> None:
    one, other = (TorchRuntime(make_bert(), torch.device("cpu"), tile=tile) for tile in (TILE["cuda"], TILE["cpu"]))
    ids, mask = windows(one)
    small = other(ids[: other.tile], mask[: other.tile])
    np.testing.assert_allclose(one(ids, mask)[: other.tile], small, atol=1e-5)
    assert one.identity != other.identity


def test_on_a_gpu_pytorch_gets_what_the_context_leaves_of_the_reserve(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to: list[float] = []
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(total_memory=80 * 2**30))
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", lambda share, _: set_to.append(share))
    with pytest.raises((RuntimeError, AssertionError)):  # there is no GPU to go on with
        TorchRuntime(make_bert(), torch.device("cuda"), gpu_memory_mib=2048)
    assert set_to == [pytest.approx((2048 - CUDA_CONTEXT_MIB) / (80 * 1024))]

"""The floor of an encoder's time."""

from __future__ import annotations

import pytest
import torch
from fakes.tiny_models import make_bert
from semtoken.benchmark import Shape, measure_floor
from semtoken.encoders.runtimes import WINDOW, TorchRuntime
from torch.utils.flop_counter import FlopCounterMode


def test_operations_are_those_that_pytorch_counts() -> None:
    model = make_bert()
    config = model.config
    shape = Shape(config.hidden_size, config.intermediate_size, config.num_hidden_layers)
    linear = [part for part in model.encoder.modules() if isinstance(part, torch.nn.Linear)]
    assert shape.weights == sum(part.weight.numel() for part in linear)
    ids = torch.ones(2, WINDOW, dtype=torch.long)
    model.config._attn_implementation = "eager"
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        model(input_ids=ids)
    assert counter.get_total_flops() == pytest.approx(2 * WINDOW * shape.operations)


def test_a_floor_holds_together() -> None:
    shape = Shape(32, 64, 1)
    floor = measure_floor(shape, TorchRuntime(make_bert(), torch.device("cpu")), runs=1)
    assert [row.number_format for row in floor.rows] == ["float32", "bfloat16", "int8"]
    for row in floor.rows:
        assert row.compute_ms_per_1k == pytest.approx(shape.operations / row.gflop_per_s / 1e3, abs=0.1)
    assert floor.runtime_ms_per_1k > 0

"""What the whole suite shares: the bundled models, loaded once, and evaluation data."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings
from semtoken import Compressor
from semtoken.bundled import BundledModels, bundled_models

# A busy machine makes nothing wrong.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

if "PYTEST_XDIST_WORKER" in os.environ:
    # Side by side each with a thread for every core they would wait for one another.
    torch.set_num_threads(1)


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What runs side by side: files, but all tests of the one real engine together."""
    for item in items:
        engine = item.get_closest_marker("engine") is not None
        item.add_marker(pytest.mark.xdist_group("engine" if engine else str(item.path)))


@pytest.fixture(scope="session")
def models() -> BundledModels:
    """Folders of the bundled small LLM and encoder; skips aloud where they were not prepared."""
    found = bundled_models()
    if not found.ready:
        pytest.skip("the bundled models are missing: run `semtoken models prepare`")
    return found


@pytest.fixture(scope="session")
def compressor(models: BundledModels) -> Compressor:
    """The library over the bundled encoder and the small LLM's tokenizer."""
    return Compressor.from_pretrained(models.encoder, models.llm, device="cpu")


@pytest.fixture(scope="session")
def eval_data() -> Path:
    """Folder of evaluation data; skips aloud where SEMTOKEN_EVAL_DATA does not name one."""
    folder = os.environ.get("SEMTOKEN_EVAL_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("SEMTOKEN_EVAL_DATA names no folder of evaluation data")
    return Path(folder)

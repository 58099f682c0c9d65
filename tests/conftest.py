"""What the whole suite shares: the bundled models, loaded once, and evaluation data."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from semtoken import Compressor
from semtoken.bundled import BundledModels, bundled_models

# A busy machine makes nothing wrong.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


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

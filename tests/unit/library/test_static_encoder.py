"""Static encoders: what a folder holds, what is looked up of it, and how one is made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from fakes.tiny_models import bert_tokenizer, make_bert, make_static_encoder
from safetensors.numpy import save_file
from semtoken import Deadline, DeadlineExceededError, ModelNotFoundError, bundled, distillation
from semtoken.bundled import BundledModels, bundled_models
from semtoken.encoders import EncoderInput
from semtoken.encoders.loading import load_encoder
from semtoken.encoders.static import StaticEncoder
from semtoken.encoders.transformer import TransformerEncoder

VOCABULARY = bert_tokenizer().backend_tokenizer.get_vocab_size()


def item(text: str) -> EncoderInput:
    return EncoderInput(text, np.zeros(1, dtype=np.int64))


def write(folder: Path, tensors: Mapping[str, np.ndarray]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    save_file(dict(tensors), folder / "model.safetensors")
    bert_tokenizer().backend_tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text(json.dumps({"model_type": "model2vec"}))
    return folder


def table(rows: int = VOCABULARY) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(rows, 8)).astype(np.float16)


def test_a_token_s_vector_is_its_row_wherever_it_stands(tmp_path: Path) -> None:
    rows = table()
    encoder = StaticEncoder.from_pretrained(write(tmp_path, {"embeddings": rows}))
    [found] = encoder.encode([item("the x of the y " * 2000)])
    assert encoder.width == 8
    assert len(found.token_ids) == 10000
    assert found.vectors.dtype == np.float32
    np.testing.assert_array_equal(found.vectors, rows[found.token_ids].astype(np.float32))


def test_shared_rows_and_weights_are_those_of_the_file(tmp_path: Path) -> None:
    rows = table(4)
    mapping = np.arange(VOCABULARY) % 4
    weights = np.linspace(0.5, 1.0, VOCABULARY, dtype=np.float32)
    folder = write(tmp_path, {"embeddings": rows, "mapping": mapping, "weights": weights})
    [found] = StaticEncoder.from_pretrained(folder).encode([item("the end of it")])
    ids = found.token_ids
    np.testing.assert_allclose(found.vectors, rows[mapping[ids]].astype(np.float32) * weights[ids, None], rtol=1e-6)


def test_a_long_text_stops_between_blocks_once_the_deadline_is_over() -> None:
    class After(Deadline):
        """Over at the third look."""

        looks = 0

        @property
        def over(self) -> bool:
            self.looks += 1
            return self.looks > 2

    told: list[int] = []
    encoder = make_static_encoder(told.append)
    with pytest.raises(DeadlineExceededError):
        encoder.encode([item("the x " * 5000)], deadline=After.after(60))
    assert told == []
    encoder.encode([item("the x"), item("of")])
    assert told == [2, 1]


def test_the_fingerprint_follows_the_vectors(tmp_path: Path) -> None:
    rows = table()
    one = StaticEncoder.from_pretrained(write(tmp_path / "one", {"embeddings": rows})).fingerprint
    same = StaticEncoder.from_pretrained(write(tmp_path / "same", {"embeddings": rows})).fingerprint
    rows[5, 0] += 1
    other = StaticEncoder.from_pretrained(write(tmp_path / "other", {"embeddings": rows})).fingerprint
    assert one == same != other


@pytest.mark.parametrize("tensors", [{"other": table()}, {"embeddings": table(VOCABULARY - 1)}])
def test_a_folder_that_does_not_fit_is_named(tmp_path: Path, tensors: dict[str, np.ndarray]) -> None:
    with pytest.raises(ModelNotFoundError, match=tmp_path.name):
        load_encoder(write(tmp_path, tensors))


def test_the_folder_says_what_kind_of_encoder_it_holds(tmp_path: Path) -> None:
    assert isinstance(load_encoder(write(tmp_path / "static", {"embeddings": table()})), StaticEncoder)
    make_bert().save_pretrained(tmp_path / "bert")
    bert_tokenizer().save_pretrained(tmp_path / "bert")
    assert isinstance(load_encoder(tmp_path / "bert", device="cpu"), TransformerEncoder)
    with pytest.raises(ModelNotFoundError, match="nowhere"):
        load_encoder(tmp_path / "nowhere")


def test_the_short_name_is_the_prepared_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(ModelNotFoundError, match="models prepare --static"):
        load_encoder("static")
    write(bundled_models().static, {"embeddings": table()})
    assert isinstance(load_encoder("static"), StaticEncoder)


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(distillation, "find_spec", lambda _name: None)
    with pytest.raises(ModelNotFoundError, match="model2vec and skeletoken: pip install"):
        bundled.prepare_static(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_encoder_is_distilled_into_a_folder_that_loads(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("model2vec", reason="the extra `static` is not installed")
    models = bundled_models(tmp_path)
    make_bert().save_pretrained(models.encoder)
    bert_tokenizer().save_pretrained(models.encoder)
    (models.encoder / "special_tokens_map.json").write_text("{}")
    capfd.readouterr()
    folder = bundled.prepare_static(tmp_path)
    assert capfd.readouterr().err == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([models.encoder.name, folder.name])
    encoder = load_encoder(folder)
    assert isinstance(encoder, StaticEncoder)
    [found] = encoder.encode([item("the end of it")])
    assert found.vectors.shape == (len(found.token_ids), encoder.width)
    assert len(np.unique(found.vectors.round(4), axis=0)) == len(set(found.token_ids.tolist()))
    written = (folder / "model.safetensors").stat().st_mtime_ns
    assert bundled.prepare_static(tmp_path) == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == written


@pytest.mark.model
def test_words_that_mean_the_same_are_near_in_the_real_one(models: BundledModels) -> None:
    if not models.static.is_dir():
        pytest.skip("no static encoder: run `semtoken models prepare --static`")
    car, automobile, banana = load_encoder("static").encode([item(w) for w in ("car", "automobile", "banana")])
    assert float(car.units[0] @ automobile.units[0]) > float(car.units[0] @ banana.units[0]) + 0.2

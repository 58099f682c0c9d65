"""Loads what an evaluation needs, each model once and only if something asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from semtoken import Compressor
from semtoken.bundled import BundledModels, prepare_models
from semtoken.encoders.loading import LoadedEncoder, load_encoder
from semtoken.errors import InvalidOptionError
from semtoken.evaluation.methods import METHODS, Method, Resources, build_methods, require_known
from semtoken.evaluation.scorers import LocalModel, RemoteModel, Scorer
from semtoken.evaluation.scorers.base import MAX_NEW_TOKENS
from semtoken.evaluation.scorers.local import Device
from semtoken.evaluation.scorers.rendering import load_tokenizer
from semtoken.tokenizer import ServedTokenizer

from semtoken_server.cli.evaluate_output import say


@dataclass(frozen=True, slots=True)
class Engine:
    """An OpenAI-compatible engine."""

    url: str
    model: str | None
    api_key: str | None


@dataclass(frozen=True)
class Models:
    """The evaluated model, the encoder, and the methods made from them."""

    given_folder: Path | None
    given_encoder: str | None
    device: Device
    max_new_tokens: int = MAX_NEW_TOKENS
    runtime: str = "auto"

    @cached_property
    def bundled(self) -> BundledModels:
        """The bundled models, put in place where they are not yet."""
        return prepare_models(progress=say)

    @cached_property
    def folder(self) -> Path:
        """Where the evaluated model, or at least its tokenizer, is."""
        return self.given_folder or self.bundled.llm

    @cached_property
    def local(self) -> LocalModel:
        """The evaluated model in this process."""
        return LocalModel.from_pretrained(self.folder, device=self.device, max_new_tokens=self.max_new_tokens)

    @cached_property
    def served(self) -> ServedTokenizer:
        """The tokenizer in which budgets are counted."""
        return ServedTokenizer(load_tokenizer(self.folder))

    @cached_property
    def encoder(self) -> LoadedEncoder:
        """The encoder that was asked for."""
        return load_encoder(self.encoder_folder, device=self.device, runtime=self.runtime)

    @property
    def encoder_folder(self) -> str | Path:
        """Where the encoder is, or its name."""
        return self.given_encoder or self.bundled.encoder

    @property
    def encoder_device(self) -> str:
        """Where the encoder runs: cpu or cuda."""
        return self.encoder.device

    @cached_property
    def compressor(self) -> Compressor:
        """The library with the encoder that was asked for."""
        return Compressor(self.encoder, self.served)

    def scorer(self, engine: Engine | None) -> Scorer:
        """The model behind the URL, or the local one."""
        if engine is None:
            return self.local
        return RemoteModel.connect(
            engine.url, self.folder, model=engine.model, api_key=engine.api_key, max_new_tokens=self.max_new_tokens
        )

    def methods(self, names: list[str]) -> list[Method]:
        """The methods by name; only what they need is loaded."""
        require_known(names)
        asked = [METHODS[name] for name in names]
        local = self.local if any(method.needs_language_model for method in asked) else None
        resources = Resources(
            tokenizer=self.served,
            language_model=local,
            causal_model=local.causal if local else None,
            encoder=self.encoder if any(method.needs_encoder for method in asked) else None,
            compressor=self.compressor if any(method.needs_compressor for method in asked) else None,
        )
        return build_methods(names, resources)


def exclusive(*, model: Path | None, url: str | None) -> None:
    """Raise ``InvalidOptionError`` when both a model folder and a URL are given."""
    if model is not None and url is not None:
        raise InvalidOptionError(f"--model {model} and --url {url} exclude one another", param="url")

"""Input embeddings on their way to the engine, and engines that may not be sent any."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import torch
from fakes.compressors import missing, with_model
from fakes.encoders import small_tokenizer
from fakes.engine import FakeEngine, vectors_of
from fakes.serving import Served, eventually, gateway
from fakes.texts import NEEDLE, chat, document, rag
from fakes.tiny_models import make_llama
from safetensors.torch import load_file

CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/completions"
EMBEDS = {"realise": "embeds"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("llama")
    make_llama().save_pretrained(folder)
    return folder


@pytest.fixture
async def embedding(engine: FakeEngine, model: Path) -> AsyncIterator[Served]:
    """A gateway that finds the served model's embeddings, before an engine that takes them."""
    engine.embeds = "on"
    async with gateway(engine, with_model(model)) as served:
        yield served


def refusal(response: Any) -> str:
    error = response.json()["error"]
    assert (response.status_code, error["param"], error["type"]) == (400, "realise", "invalid_request_error")
    return str(error["message"])


def rows_of(model: Path, ids: list[int]) -> torch.Tensor:
    return load_file(model / "model.safetensors")["model.embed_tokens.weight"][ids]


def count_rows_in(vectors: torch.Tensor, table: torch.Tensor) -> int:
    return int((torch.cdist(vectors.double(), table.double()) < 1e-6).any(dim=1).sum())


@pytest.mark.parametrize("path", [CHAT, COMPLETIONS])
async def test_embeddings_fit_the_window_too(engine: FakeEngine, model: Path, path: str) -> None:
    engine.embeds, engine.window = "on", 1000
    async with gateway(engine, with_model(model)) as served:
        body = chat(rag(150), max_tokens=50) if path == CHAT else {"prompt": rag(150), "max_tokens": 50}
        response = await served.post(path, {**body, "semtoken": EMBEDS})
    assert response.status_code == 200
    assert response.headers["x-semtoken-reason"] == "fit_window"
    assert b"prompt_embeds" in engine.last.body
    assert 850 < response.json()["usage"]["prompt_tokens"] <= 950
    assert response.json()["usage"]["prompt_tokens"] == int(response.headers["x-semtoken-forwarded-tokens"])


async def test_a_completion_is_forwarded_as_embeddings(embedding: Served, model: Path) -> None:
    prompt = f"{rag()}\nAnswer:"
    asked = {"model": "fake-model", "prompt": prompt, "max_tokens": 5, "semtoken": EMBEDS}
    response = await embedding.post(COMPLETIONS, asked)
    forwarded = embedding.engine.last.json
    vectors = vectors_of(forwarded.pop("prompt_embeds"))
    # A prompt beside the embeddings, even an empty one, would be one prompt more.
    assert forwarded == {"model": "fake-model", "max_tokens": 5}
    assert vectors.shape[1] == 32
    assert int(response.headers["x-semtoken-forwarded-tokens"]) == len(vectors)
    assert response.json()["usage"]["prompt_tokens"] == len(vectors)
    assert response.json()["semtoken"]["status"] == "compressed"
    assert len(vectors) * 2 < small_tokenizer().count(prompt)
    end = small_tokenizer().ids("\nAnswer:")
    assert torch.equal(vectors[-len(end) :].float(), rows_of(model, end))
    needle = rows_of(model, small_tokenizer().ids(f" {NEEDLE}"))
    assert count_rows_in(needle, vectors.float()) == len(needle)


async def test_of_several_prompts_all_go_as_embeddings(embedding: Served, model: Path) -> None:
    short = "Say something short."
    await embedding.post(COMPLETIONS, {"prompt": [rag(), short], "semtoken": EMBEDS})
    first, second = embedding.engine.last.json["prompt_embeds"]
    assert "prompt" not in embedding.engine.last.json
    assert len(vectors_of(first)) > len(vectors_of(second))
    assert torch.equal(vectors_of(second).float(), rows_of(model, small_tokenizer().ids(short)))


async def test_a_short_completion_stays_as_it_came(embedding: Served) -> None:
    response = await embedding.post(COMPLETIONS, {"prompt": "Hello", "semtoken": EMBEDS})
    assert response.headers["x-semtoken-reason"] == "too_short"
    assert embedding.engine.last.json == {"prompt": "Hello"}


async def test_a_chat_is_forwarded_with_parts_of_embeddings(embedding: Served) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:,"}}
    body = chat(rag(), "It is 7316.", "Thanks.")
    body["messages"][2]["content"] = [image, {"type": "text", "text": document(50, needle=False)}]
    response = await embedding.post(CHAT, {**body, "semtoken": EMBEDS})
    first, answer, last = embedding.engine.last.json["messages"]
    assert [part["type"] for part in first["content"]] == ["prompt_embeds"]
    assert answer == body["messages"][1]
    assert last["content"][0] == image
    assert last["content"][1]["type"] == "prompt_embeds"
    assert response.json()["usage"]["prompt_tokens"] == int(response.headers["x-semtoken-forwarded-tokens"])


async def test_the_body_keeps_what_the_gateway_does_not_know(embedding: Served) -> None:
    raw = (b'{"prompt": "%s", "seed": 123456789012345678901234567890, "semtoken": {"realise": "embeds"}}') % (
        rag().replace("\n", "\\n").encode()
    )
    await embedding.post(COMPLETIONS, raw)
    assert b'"seed": 123456789012345678901234567890' in embedding.engine.last.body


async def test_an_engine_is_asked_once(embedding: Served) -> None:
    for _ in range(2):
        await embedding.post(COMPLETIONS, {"prompt": rag(), "semtoken": EMBEDS})
    by_ids, by_vectors = embedding.engine.received[0].json, embedding.engine.received[1].json
    assert len(vectors_of(by_vectors["prompt_embeds"])) == len(by_ids["prompt"])
    assert by_ids["max_tokens"] == by_vectors["max_tokens"] == 1
    assert len(embedding.engine.received) == 4


@pytest.mark.parametrize("route", [CHAT, COMPLETIONS])
@pytest.mark.parametrize("text", ["Hello", rag()])
async def test_an_engine_without_embeddings_is_400(embedding: Served, route: str, text: str) -> None:
    embedding.engine.embeds = "off"
    body = {"prompt": text} if route == COMPLETIONS else chat(text)
    message = refusal(await embedding.post(route, {**body, "semtoken": EMBEDS}))
    assert "--enable-prompt-embeds" in message
    # What it was sent was our question, not the client's prompt.
    assert {request.json.get("max_tokens") for request in embedding.engine.received} == {1}


async def test_an_engine_that_answers_otherwise_to_embeddings_is_400(embedding: Served) -> None:
    embedding.engine.embeds = "foreign"
    message = refusal(await embedding.post(COMPLETIONS, {"prompt": rag(), "semtoken": EMBEDS}))
    assert "another one" in message


async def test_a_restarted_engine_is_asked_again(embedding: Served) -> None:
    body = {"prompt": rag(), "semtoken": EMBEDS}
    assert (await embedding.post(COMPLETIONS, body)).status_code == 200
    embedding.engine.embeds = "off"
    embedding.engine.healthy = False
    await eventually(lambda: embedding.metric("semtoken_engine_up") == 0)
    embedding.engine.healthy = True
    await eventually(lambda: embedding.metric("semtoken_engine_up") == 1)
    await eventually(lambda: embedding.backend.queue_depth == 0)
    refusal(await embedding.post(COMPLETIONS, body))


async def test_without_the_model_s_folder_it_is_400(served: Served) -> None:
    served.engine.embeds = "on"
    message = refusal(await served.post(CHAT, {**chat(rag()), "semtoken": EMBEDS}))
    assert "folder of the served model" in message


async def test_where_the_engine_cannot_be_asked_the_prompt_goes_on_as_it_came(embedding: Served) -> None:
    embedding.engine.behaviour = "busy"
    body = {"prompt": rag(), "semtoken": EMBEDS}
    response = await embedding.post(COMPLETIONS, body)
    assert response.headers["x-semtoken-reason"] == "embeds_unchecked"
    assert embedding.engine.last.json == {"prompt": rag()}
    closed = await embedding.post(COMPLETIONS, {**body, "semtoken": {**EMBEDS, "on_failure": "closed"}})
    assert closed.status_code == 503
    assert closed.json()["error"]["code"] == "embeds_unchecked"


async def test_without_a_compressor_the_prompt_goes_on_as_it_came(engine: FakeEngine) -> None:
    engine.embeds = "on"
    async with gateway(engine, missing) as served:
        response = await served.post(COMPLETIONS, {"prompt": rag(), "semtoken": EMBEDS})
        assert response.headers["x-semtoken-reason"] == "encoder_missing"
        assert engine.last.json == {"prompt": rag()}


async def test_what_embeddings_stand_for_is_explained_without_an_engine(embedding: Served) -> None:
    embedding.engine.embeds = "off"
    response = await embedding.post("/v1/compress", {"text": document(), "semtoken": EMBEDS})
    result = response.json()
    assert len(result["token_ids"]) == result["compressed_tokens"]
    assert {"keep", "merge"} <= {span["decision"] for span in result["spans"]}
    assert "embeds" not in result

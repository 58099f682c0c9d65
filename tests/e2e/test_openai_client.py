"""The official client, the gateway and a real vLLM with a real model, on a real long document."""

from __future__ import annotations

from typing import Any

import httpx
import openai
import pytest
from e2e.real_gateway import RealGateway
from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam
from semtoken import Compressor
from semtoken.evaluation.bundled import bundled_demo, bundled_texts

# The first test waits for the engine as well.
pytestmark = [pytest.mark.engine, pytest.mark.timeout(1200)]

DEMO = bundled_demo()
PROMPT = f"{DEMO.document}\n\nQuestion: {DEMO.question}"
CHAT: list[ChatCompletionMessageParam] = [{"role": "user", "content": PROMPT}]
ASKED = 2.4


def test_the_engine_sees_fewer_tokens_and_counts_them_as_the_gateway_does(
    gateway: RealGateway, client: OpenAI, compressor: Compressor
) -> None:
    before = gateway.engine_metric("vllm:prompt_tokens_total")
    raw = client.chat.completions.with_raw_response.create(
        model=gateway.model, messages=CHAT, max_tokens=24, temperature=0
    )
    answer = raw.parse()
    assert raw.headers["x-semtoken-status"] == "compressed"
    forwarded = int(raw.headers["x-semtoken-forwarded-tokens"])
    original = int(raw.headers["x-semtoken-original-tokens"])
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == forwarded
    assert gateway.engine_metric("vllm:prompt_tokens_total") - before == forwarded
    assert original == compressor.tokenizer.count_messages(CHAT)
    # The question and the chat template are in both, so the whole ratio is a little less than was asked.
    assert 0.9 * ASKED < original / forwarded < 1.1 * ASKED
    assert answer.choices[0].message.content
    assert answer.model_extra is not None
    assert answer.model_extra["semtoken"]["forwarded_tokens"] == forwarded


def test_off_forwards_every_token(gateway: RealGateway, client: OpenAI, compressor: Compressor) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model=gateway.model, messages=CHAT, max_tokens=1, extra_body={"semtoken": {"mode": "off"}}
    )
    usage = raw.parse().usage
    assert usage is not None
    assert usage.prompt_tokens == compressor.tokenizer.count_messages(CHAT)
    assert raw.headers["x-semtoken-status"] == "off"


def test_what_is_streamed_is_what_is_not(gateway: RealGateway, client: OpenAI) -> None:
    whole = client.chat.completions.create(model=gateway.model, messages=CHAT, max_tokens=24, temperature=0, seed=1)
    with client.chat.completions.create(
        model=gateway.model,
        messages=CHAT,
        max_tokens=24,
        temperature=0,
        seed=1,
        stream=True,
        stream_options={"include_usage": True},
    ) as stream:
        chunks = list(stream)
    said = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
    assert len(said) > 2
    assert "".join(said) == whole.choices[0].message.content
    last = chunks[-1]
    assert last.usage == whole.usage
    assert last.usage is not None
    assert last.model_extra is not None
    assert last.model_extra["semtoken"]["status"] == "compressed"
    assert last.model_extra["semtoken"]["forwarded_tokens"] == last.usage.prompt_tokens


def test_completions_go_on_as_token_ids(gateway: RealGateway, client: OpenAI) -> None:
    # Without a chat's template the model may have nothing to add.
    raw = client.completions.with_raw_response.create(
        model=gateway.model, prompt=PROMPT, max_tokens=8, temperature=0, extra_body={"min_tokens": 4}
    )
    answer = raw.parse()
    assert raw.headers["x-semtoken-status"] == "compressed"
    assert answer.usage is not None
    assert str(answer.usage.prompt_tokens) == raw.headers["x-semtoken-forwarded-tokens"]
    assert answer.choices[0].text


def test_a_prompt_over_the_window_is_answered(gateway: RealGateway, client: OpenAI, compressor: Compressor) -> None:
    prompt = f"{bundled_texts()[0]}\n\n{DEMO.document}\n\nQuestion: {DEMO.question}"
    chat: list[ChatCompletionMessageParam] = [{"role": "user", "content": prompt}]
    window, room = 8192, 5000
    assert compressor.tokenizer.count_messages(chat) > window
    # One word is enough, and ends an answer that has the room for thousands.
    asked: dict[str, Any] = {"model": gateway.model, "messages": chat, "max_tokens": room, "temperature": 0}
    said = {"structured_outputs": {"choice": ["Xerox", "Kodak"]}}
    with pytest.raises(openai.BadRequestError, match="maximum context length"):
        client.chat.completions.create(**asked, extra_body={"semtoken": {"mode": "off"}, **said})
    raw = client.chat.completions.with_raw_response.create(**asked, extra_body=said)
    answer = raw.parse()
    assert answer.choices[0].message.content in ("Xerox", "Kodak")
    assert raw.headers["x-semtoken-status"] == "compressed"
    assert raw.headers["x-semtoken-reason"] == "fit_window"
    assert answer.usage is not None
    assert str(answer.usage.prompt_tokens) == raw.headers["x-semtoken-forwarded-tokens"]
    assert 0.95 * (window - room) < answer.usage.prompt_tokens <= window - room


def test_a_client_s_own_token_ids_reach_the_engine_as_they_are(
    gateway: RealGateway, client: OpenAI, compressor: Compressor
) -> None:
    ids = list(compressor.tokenizer.ids(PROMPT))[:1000]
    raw = client.completions.with_raw_response.create(model=gateway.model, prompt=ids, max_tokens=1)
    usage = raw.parse().usage
    assert usage is not None
    assert usage.prompt_tokens == len(ids)
    assert raw.headers["x-semtoken-status"] == "skipped"
    assert raw.headers["x-semtoken-reason"] == "client_token_ids"


def test_the_engine_does_what_it_alone_can(gateway: RealGateway, client: OpenAI) -> None:
    answer = client.chat.completions.create(
        model=gateway.model,
        messages=[{"role": "user", "content": "Name a colour."}],
        max_tokens=4,
        n=2,
        logprobs=True,
        top_logprobs=2,
        extra_body={"min_tokens": 4, "structured_outputs": {"choice": ["red", "blue"]}},
    )
    assert [choice.message.content in ("red", "blue") for choice in answer.choices] == [True, True]
    assert answer.choices[0].logprobs is not None
    assert answer.choices[0].logprobs.content


def test_the_engine_s_own_refusals_are_the_client_s(gateway: RealGateway, client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model=gateway.model, messages=CHAT, temperature=-1)
    assert "temperature" in str(refused.value)
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="no-such-model", messages=CHAT)


def test_models_and_tokens(gateway: RealGateway, client: OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [gateway.model]
    with httpx.Client(base_url=gateway.url, trust_env=False) as plain:
        told = plain.post("/tokenize", json={"model": gateway.model, "prompt": "one two"}).json()
    assert told["count"] == len(told["tokens"]) > 0
    ready = gateway.get("/health/ready").json()
    assert ready["tokenizer"] == "match"
    assert list(ready["engine"].values()) == ["up"]


def test_the_metrics_tell_what_was_saved(gateway: RealGateway, client: OpenAI) -> None:
    client.chat.completions.create(model=gateway.model, messages=CHAT, max_tokens=1)
    samples = dict(
        line.rsplit(" ", 1) for line in gateway.get("/metrics").text.splitlines() if not line.startswith("#")
    )
    original = float(samples['semtoken_prompt_tokens_total{stage="original"}'])
    assert original > 1.5 * float(samples['semtoken_prompt_tokens_total{stage="forwarded"}']) > 0
    assert float(samples['semtoken_compression_requests_total{reason="ok",status="compressed"}']) >= 1
    assert float(samples["semtoken_compression_ratio_count"]) >= 1

"""What the gateway counts is what the engine counts, in every form of request on every route."""

from __future__ import annotations

import httpx
import pytest
from e2e.differential.forms import FEATURES, MESSAGES, RESPONSES, Fields, base
from e2e.real_gateway import RealGateway
from semtoken.evaluation.bundled import bundled_demo

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1200)]

# Counted, and forwarded as it came.
LOOKED_AT = {"semtoken": {"mode": "force", "ratio": 1.0}}
# What a template renders beside the messages is the template's: that of the bundled model knows no tools, and
# the gateway does not know that a last message is to be gone on with.
NOT_COUNTED = ("prefill", "echo", "truncated")
DEMO = bundled_demo()


@pytest.mark.parametrize("path", FEATURES)
def test_every_form_is_counted_as_the_engine_counts_it(gateway: RealGateway, path: str) -> None:
    wrong: list[str] = []
    counted = 0
    with httpx.Client(base_url=gateway.url, trust_env=False, timeout=300) as client:
        for name, fields in FEATURES[path].items():
            if name in NOT_COUNTED or "stream_options" in fields:
                continue
            answer = client.post(path, json=base(path, gateway.model) | fields | LOOKED_AT)
            assert answer.status_code == 200, f"{name}: {answer.text}"
            usage = answer.json()["usage"]
            prompt = usage.get("prompt_tokens", usage.get("input_tokens"))
            if (forwarded := answer.headers.get("x-semtoken-forwarded-tokens")) is None:
                continue
            counted += 1
            if int(forwarded) != prompt:
                wrong.append(f"{name}: {forwarded}, the engine {prompt}")
    assert not wrong
    assert counted >= 8


@pytest.mark.parametrize("path", [RESPONSES, MESSAGES])
@pytest.mark.parametrize("stream", [False, True])
def test_a_long_document_is_compressed(gateway: RealGateway, path: str, stream: bool) -> None:
    prompt = f"{DEMO.document}\n\nQuestion: {DEMO.question}"
    body: Fields = {"input": prompt} if path == RESPONSES else {"messages": [{"role": "user", "content": prompt}]}
    with httpx.Client(base_url=gateway.url, trust_env=False, timeout=300) as client:
        answer = client.post(path, json=base(path, gateway.model) | body | {"stream": stream})
    assert answer.headers["x-semtoken-status"] == "compressed"
    forwarded = int(answer.headers["x-semtoken-forwarded-tokens"])
    assert 2 < int(answer.headers["x-semtoken-original-tokens"]) / forwarded < 2.6
    assert f'"input_tokens":{forwarded}' in answer.text
    assert answer.text.count('"semtoken"') == 1

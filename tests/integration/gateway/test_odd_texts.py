"""Texts that nobody wrote for a reader: each is compressed or left alone, and never makes compression fail."""

from __future__ import annotations

import pytest
from fakes.engine import FakeEngine
from fakes.serving import Served, gateway
from fakes.texts import chat

CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"
COMPRESS = "/v1/compress"
# However busy the machine: these tests are about what is answered, not how fast.
PATIENT_S = 300


async def answered(served: Served, text: str, mode: str) -> None:
    options = {"mode": mode}
    for path, body in ((CHAT, chat(text, semtoken=options)), (COMPLETIONS, {"prompt": text, "semtoken": options})):
        response = await served.post(path, body, timeout=PATIENT_S)
        assert response.status_code == 200, response.text
        # Failing open would be a 200 too.
        assert response.headers["x-semtoken-status"] in ("compressed", "skipped"), response.headers
    alone = await served.post(COMPRESS, {"text": text, "semtoken": options}, timeout=PATIENT_S)
    assert alone.status_code == 200, alone.text


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\x00\x01" * 500,
        "\n" * 5000,
        "x\n" * 5000,
        "a" * 50_000,
        "[" * 10_000,
        "\u202eعربي \u05d0e\u0301 " * 200,
        "😀\u200d" * 500,
        "<|assistant|>" * 100,
        "lorem ipsum " * 4000,
    ],
)
async def test_odd_texts_are_answered(engine: FakeEngine, text: str) -> None:
    async with gateway(engine, compress_timeout_s=PATIENT_S) as served:
        for mode in ("auto", "force"):
            await answered(served, text, mode)

"""Two hundred requests over every compressed route and its features, valid ones and others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from e2e.differential.forms import CHAT, FEATURES, MESSAGES, base, user
from e2e.differential.refused import GATEWAY_S, REFUSED

COUNT = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    name: str
    path: str
    body: bytes = field(repr=False)
    answered_by_gateway: bool = False
    """Whether the gateway refuses it without asking the engine, in its own words and with the same status."""


def requests(model: str) -> list[Asked]:
    """``COUNT`` requests, always the same."""
    made = list(_made(model))
    for number in range(COUNT - len(made)):
        seed = {"seed": number, "max_tokens": 1 + number % 5, "stop": ["\n"]}
        body = base(CHAT, model) | seed | {"stream": number % 2 == 0, "messages": [user(f"Say {number}.")]}
        made.append(Asked(f"seed {number}", CHAT, json.dumps(body).encode()))
    return made


def _made(model: str) -> Iterator[Asked]:
    for path, forms in FEATURES.items():
        for name, fields in forms.items():
            for stream in (False, True):
                if stream or "stream_options" not in fields:
                    body = base(path, model) | fields | ({"stream": True} if stream else {})
                    yield Asked(f"{name}{', streamed' if stream else ''}", path, json.dumps(body).encode())
    for path, refused in REFUSED.items():
        for name, fields in refused:
            yield Asked(f"bad {name}", path, json.dumps(base(path, model) | fields).encode())
    for path, bodies in GATEWAY_S.items():
        for name, given in bodies:
            raw = given if isinstance(given, bytes) else json.dumps(base(path, model) | given).encode()
            yield Asked(f"bad {name}", path, raw, answered_by_gateway=True)
    messages = base(MESSAGES, model)
    counted = {"model": model, "messages": messages["messages"], "system": "Be brief."}
    yield Asked("count", "/v1/messages/count_tokens", json.dumps(counted).encode())
    unknown = json.dumps({**counted, "model": "no-such-model"}).encode()
    yield Asked("bad count", "/v1/messages/count_tokens", unknown, answered_by_gateway=True)
    yield Asked("tokens", "/tokenize", json.dumps({"model": model, "prompt": "One two"}).encode())
    yield Asked("chat tokens", "/tokenize", json.dumps({"model": model, "messages": [user()]}).encode())
    yield Asked("text", "/detokenize", json.dumps({"model": model, "tokens": [504, 1123]}).encode())
    yield Asked("no embeddings", "/v1/embeddings", json.dumps({"model": model, "input": "One"}).encode())

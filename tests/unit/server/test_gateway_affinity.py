"""What requests to an engine are told to have in common."""

from __future__ import annotations

from typing import Any

import pytest
from semtoken_server.families import FAMILIES

FAMILY = {family.path: family for family in FAMILIES}
CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/completions"
RESPONSES, MESSAGES = "/v1/responses", "/v1/messages"
FIRST, ANSWER, SECOND = (
    {"role": role, "content": text} for role, text in (("user", "One"), ("assistant", "Two"), ("user", "Three"))
)
SYSTEM = {"role": "system", "content": "Be brief."}
LONG = "x" * 2000
WHO, WHEN = "Who built it?", "When?"


def said(*parts: Any) -> list[dict[str, Any]]:
    """The messages of one user's, of parts: texts, and others as they are."""
    content = [{"type": "text", "text": part} if isinstance(part, str) else part for part in parts]
    return [{"role": "user", "content": content}]


def image(data: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}


@pytest.mark.parametrize(
    ("path", "one", "other"),
    [
        (CHAT, {"messages": [SYSTEM, FIRST]}, {"messages": [SYSTEM, FIRST, ANSWER, SECOND], "seed": 5}),
        (CHAT, {"messages": [FIRST]}, {"messages": [FIRST, SECOND], "semtoken": {"ratio": 4}, "stream": True}),
        (RESPONSES, {"input": [FIRST]}, {"input": [FIRST, ANSWER, SECOND]}),
        (RESPONSES, {"input": "One", "instructions": "A"}, {"input": "One", "instructions": "A", "top_p": 1}),
        (MESSAGES, {"messages": [FIRST], "system": "A"}, {"messages": [FIRST, ANSWER, SECOND], "system": "A"}),
        (COMPLETIONS, {"prompt": LONG + "a"}, {"prompt": LONG + "b"}),
        (COMPLETIONS, {"prompt": "a"}, {"prompt": ["a", "b"]}),
        (COMPLETIONS, {"prompt": [1] * 2000}, {"prompt": [[1] * 2000 + [2], [3]]}),
        (CHAT, {"messages": said(LONG + WHO)}, {"messages": said(LONG + WHEN)}),
        (CHAT, {"messages": [SYSTEM, *said(LONG, WHO)]}, {"messages": [SYSTEM, *said(LONG, WHEN), ANSWER, SECOND]}),
        (CHAT, {"messages": said("From this:", LONG, WHO)}, {"messages": said("From this:", LONG, WHEN)}),
        (CHAT, {"messages": said(image(LONG), WHO)}, {"messages": said(image(LONG), WHEN)}),
        (RESPONSES, {"input": LONG + WHO}, {"input": LONG + WHEN}),
        (RESPONSES, {"input": said(LONG, WHO)}, {"input": said(LONG, WHEN)}),
        (MESSAGES, {"messages": said(LONG, WHO), "system": "A"}, {"messages": said(LONG, WHEN), "system": "A"}),
    ],
)
def test_what_begins_alike_goes_together(path: str, one: dict[str, Any], other: dict[str, Any]) -> None:
    family = FAMILY[path]
    assert family.affinity({"model": "m", **one}) == family.affinity({"model": "m", **other})
    assert len(family.affinity(one)) == 16
    assert family.affinity({"model": "m", **one}) != family.affinity({"model": "n", **one})


@pytest.mark.parametrize(
    ("path", "one", "other"),
    [
        (CHAT, {"messages": [SYSTEM, FIRST]}, {"messages": [SYSTEM, SECOND]}),
        (CHAT, {"messages": [SYSTEM, FIRST]}, {"messages": [FIRST]}),
        (CHAT, {"messages": [FIRST]}, {"messages": [FIRST], "tools": [{"type": "function"}]}),
        (RESPONSES, {"input": "One"}, {"input": "Two"}),
        (RESPONSES, {"input": "One"}, {"input": "One", "instructions": "A"}),
        (RESPONSES, {"input": [SYSTEM, FIRST]}, {"input": [SYSTEM, SECOND]}),
        (MESSAGES, {"messages": [FIRST], "system": "A"}, {"messages": [FIRST], "system": "B"}),
        (COMPLETIONS, {"prompt": "a"}, {"prompt": "b"}),
        (CHAT, {"messages": said("From this:", WHO)}, {"messages": said("From this:", WHEN)}),
        (CHAT, {"messages": said(LONG)}, {"messages": said("y" + LONG)}),
        (
            CHAT,
            {"messages": [{"role": "system", "content": LONG + "a"}]},
            {"messages": [{"role": "system", "content": LONG}]},
        ),
        (CHAT, {"messages": said(image(LONG + "a"), WHO)}, {"messages": said(image(LONG + "b"), WHO)}),
        (RESPONSES, {"input": said("One")}, {"input": said("Two")}),
        (MESSAGES, {"messages": said("One")}, {"messages": said("Two")}),
    ],
)
def test_what_begins_otherwise_need_not(path: str, one: dict[str, Any], other: dict[str, Any]) -> None:
    assert FAMILY[path].affinity(one) != FAMILY[path].affinity(other)

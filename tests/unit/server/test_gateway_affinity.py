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
    ],
)
def test_what_begins_otherwise_need_not(path: str, one: dict[str, Any], other: dict[str, Any]) -> None:
    assert FAMILY[path].affinity(one) != FAMILY[path].affinity(other)

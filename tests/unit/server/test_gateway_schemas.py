"""What the schemas of the compressed routes take and refuse."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError
from semtoken_server.schemas.compress import CompressRequest
from semtoken_server.schemas.generation import ChatRequest, CompletionRequest
from semtoken_server.schemas.messages import MessagesRequest
from semtoken_server.schemas.responses import ResponsesRequest

HELLO = [{"role": "user", "content": "Hello"}]


@pytest.mark.parametrize(
    ("schema", "body"),
    [
        (ChatRequest, {"messages": [0] * 99}),
        (ChatRequest, {"messages": HELLO, "tools": [0] * 99}),
        (MessagesRequest, {"messages": [0] * 99}),
        (MessagesRequest, {"messages": HELLO, "tools": [0] * 99}),
        (MessagesRequest, {"messages": [{"role": "user", "content": [0] * 99}]}),
        (ResponsesRequest, {"input": [0] * 99}),
        (ResponsesRequest, {"input": "Hello", "tools": [0] * 99}),
        (CompressRequest, {"messages": [0] * 99}),
        (CompressRequest, {"messages": HELLO, "tools": [0] * 99}),
        (CompletionRequest, {"prompt": [{}] * 99}),
    ],
)
def test_of_many_faults_the_first_is_told(schema: type[BaseModel], body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as raised:
        schema.model_validate(body)
    assert raised.value.error_count() == 1


@pytest.mark.parametrize("role", ["user", "assistant", "tool", "system"])
@pytest.mark.parametrize("said", [{}, {"content": None}, {"content": None, "tool_calls": []}])
def test_what_a_message_without_content_means_is_the_engine_s_to_say(role: str, said: dict[str, Any]) -> None:
    ChatRequest.model_validate({"messages": [{"role": role, **said}]})

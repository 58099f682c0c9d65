"""``/v1/messages``."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictStr, WithJsonSchema

from semtoken_server.schemas.generation import GenerationRequest, number


def _blocks(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise ValueError("a string or a list of content blocks")
    for index, block in enumerate(value):
        if not isinstance(block, dict):
            raise ValueError(f"block {index} must be an object")
        if block.get("type") == "text" and not isinstance(block.get("text"), str):
            raise ValueError(f"block {index} is of type text and has no text")
    return value


Blocks = Annotated[
    Any,
    AfterValidator(_blocks),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}]}),
]


class AnthropicMessage(BaseModel):
    """One message; fields beyond these pass to the engine."""

    model_config = ConfigDict(extra="allow")

    role: StrictStr = Field(min_length=1)
    content: Blocks


class MessagesRequest(GenerationRequest):
    """A message."""

    messages: list[AnthropicMessage] = Field(min_length=1, fail_fast=True)
    system: Blocks | None = None
    tools: list[dict[str, Any]] | None = Field(default=None, fail_fast=True)
    max_tokens: Any = None

    @property
    def output_tokens(self) -> int | None:
        """The longest answer asked for."""
        return number(self.max_tokens)

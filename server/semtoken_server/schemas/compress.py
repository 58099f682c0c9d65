"""``POST /v1/compress``."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, StrictStr, model_validator

from semtoken_server.schemas.generation import ChatMessage


class CompressRequest(BaseModel):
    """A text with its query, or a chat."""

    model_config = ConfigDict(extra="forbid")

    text: StrictStr | None = None
    query: StrictStr | None = Field(default=None, description="what the text is read for; over the option of that name")
    messages: list[ChatMessage] | None = Field(default=None, min_length=1, fail_fast=True)
    tools: list[dict[str, Any]] | None = Field(
        default=None, fail_fast=True, description="tool schemas, which count as tokens"
    )
    semtoken: dict[str, Any] | None = Field(default=None, description="compression options")

    @model_validator(mode="after")
    def _one_of(self) -> CompressRequest:
        if (self.text is None) == (self.messages is None):
            raise ValueError("either 'text' or 'messages' is needed, and not both")
        if self.text is None and self.query is not None:
            raise ValueError("'query' goes with 'text'; a chat's question is found in it")
        return self

"""``/v1/responses``."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, StrictStr, WithJsonSchema

from semtoken_server.schemas.generation import GenerationRequest, number

# What stands before the prompt and is known to the engine alone.
_ELSEWHERE = ("previous_response_id", "previous_input_messages", "prompt")


def _input(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if not isinstance(value, list) or not value:
        raise ValueError("a string or a list of items; not empty")
    for index, item in enumerate(value):
        if not isinstance(item, dict):
            raise ValueError(f"item {index} must be an object")
    return value


Input = Annotated[
    Any,
    AfterValidator(_input),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "minItems": 1, "items": {"type": "object"}}]}),
]


class ResponsesRequest(GenerationRequest):
    """A response."""

    input: Input
    instructions: StrictStr | None = None
    tools: list[dict[str, Any]] | None = Field(default=None, fail_fast=True)
    max_output_tokens: Any = None
    truncation: Any = None
    previous_response_id: StrictStr | None = None
    previous_input_messages: list[Any] | None = None
    prompt: dict[str, Any] | None = Field(default=None, description="a prompt template that the engine keeps")

    @property
    def output_tokens(self) -> int | None:
        """The longest answer asked for."""
        return number(self.max_output_tokens)

    @property
    def cut_by_engine(self) -> bool:
        """Whether the client wants a prompt that is too long cut off by the engine."""
        return self.truncation not in (None, "disabled")

    def uncompressible(self) -> str | None:
        """Why the request must reach the engine as it came, if so: what comes before its input is not in it."""
        return next((name for name in _ELSEWHERE if getattr(self, name)), None)

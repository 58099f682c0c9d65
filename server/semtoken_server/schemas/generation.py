"""``/v1/chat/completions`` and ``/v1/completions``."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictStr,
    WithJsonSchema,
)

DEFAULT_COMPLETION = 16
"""Tokens of a completion whose request sets no limit."""


def number(value: Any) -> int | None:
    """``value`` where it is a number of tokens."""
    # What is wrong with the value is for the engine to tell.
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _content(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise ValueError("a string or a list of content parts")
    for index, part in enumerate(value):
        if not isinstance(part, str | dict):
            raise ValueError(f"part {index} must be an object")
        if isinstance(part, dict) and part.get("type") == "text" and not isinstance(part.get("text"), str):
            raise ValueError(f"part {index} is of type text and has no text")
    return value


def _prompt(value: Any) -> Any:
    if isinstance(value, str) or is_texts(value) or is_token_ids(value):
        return value
    raise ValueError("a string, a list of strings, a list of token ids, or a list of such lists; not empty")


def is_texts(prompt: Any) -> bool:
    """Whether a prompt is a non-empty list of strings."""
    return isinstance(prompt, list) and set(map(type, prompt)) == {str}


def is_token_ids(prompt: Any) -> bool:
    """Whether a prompt is non-empty token ids, of one prompt or of several."""
    if not isinstance(prompt, list):
        return False
    kinds = set(map(type, prompt))
    return kinds == {int} or (kinds == {list} and all(set(map(type, ids)) == {int} for ids in prompt))


Content = Annotated[
    Any,
    AfterValidator(_content),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {}}, {"type": "null"}]}),
]
Prompt = Annotated[
    Any, AfterValidator(_prompt), WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {}}]})
]


class ChatMessage(BaseModel):
    """One message; fields beyond these pass to the engine."""

    model_config = ConfigDict(extra="allow")

    role: StrictStr = Field(min_length=1)
    # Without content is what agents replay of an answer that had none; of whom an engine takes it, it says.
    content: Content = None


class GenerationRequest(BaseModel):
    """What all families share; fields beyond these pass to the engine."""

    model_config = ConfigDict(extra="allow")

    model: StrictStr | None = None
    stream: StrictBool | None = None
    semtoken: dict[str, Any] | None = Field(default=None, description="compression options, for the gateway alone")

    @property
    def output_tokens(self) -> int | None:
        """The longest answer asked for; None where the request names none, or nothing that is a number of tokens."""
        return None

    @property
    def cut_by_engine(self) -> bool:
        """Whether the client wants a prompt that is too long cut off by the engine."""
        return False

    def uncompressible(self) -> str | None:
        """Why the request must reach the engine as it came, if so."""
        return None


class CompletionsRequest(GenerationRequest):
    """What the two older routes share."""

    echo: StrictBool | None = None
    prompt_logprobs: int | None = None
    suffix: StrictStr | None = None
    max_tokens: Any = None
    truncate_prompt_tokens: Any = None

    @property
    def output_tokens(self) -> int | None:
        """The longest answer asked for."""
        return number(self.max_tokens)

    @property
    def cut_by_engine(self) -> bool:
        """Whether the client wants a prompt that is too long cut off by the engine."""
        return self.truncate_prompt_tokens is not None

    def uncompressible(self) -> str | None:
        """Why the request must reach the engine as it came, if so: its answer speaks of the prompt itself."""
        if self.echo:
            return "echo"
        if self.prompt_logprobs is not None:
            return "prompt_logprobs"
        return "suffix" if self.suffix else None


class ChatRequest(CompletionsRequest):
    """A chat completion."""

    # Only the first fault is told: of 300,000 bad messages all would take seconds and hundreds of megabytes.
    messages: list[ChatMessage] = Field(min_length=1, fail_fast=True)
    tools: list[dict[str, Any]] | None = Field(default=None, fail_fast=True)
    max_completion_tokens: Any = None

    @property
    def output_tokens(self) -> int | None:
        """The longest answer asked for; the newer name wins, as it does in vLLM."""
        newer = number(self.max_completion_tokens)
        return super().output_tokens if newer is None else newer


class CompletionRequest(CompletionsRequest):
    """A completion."""

    prompt: Prompt
    add_special_tokens: StrictBool = True

    @property
    def output_tokens(self) -> int | None:
        """The longest answer asked for; without a limit a completion has 16 tokens, as OpenAI's has."""
        return DEFAULT_COMPLETION if self.max_tokens is None else super().output_tokens

    def uncompressible(self) -> str | None:
        """Why the request must reach the engine as it came, if so."""
        return "client_token_ids" if is_token_ids(self.prompt) else super().uncompressible()

    def texts(self) -> list[str]:
        """Every prompt that is text."""
        if isinstance(self.prompt, str):
            return [self.prompt]
        return list(self.prompt) if is_texts(self.prompt) else []

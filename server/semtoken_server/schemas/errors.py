"""The bodies of errors, as the OpenAPI document shows them; ``errors.py`` writes them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class ErrorDetails(BaseModel):
    """What went wrong; the engine's own errors have numbers for codes."""

    model_config = ConfigDict(extra="allow")

    message: str
    type: str
    param: str | None = None
    code: str | int | None = None


class Error(BaseModel):
    """OpenAI's form."""

    model_config = ConfigDict(extra="allow")

    error: ErrorDetails


class AnthropicError(BaseModel):
    """Anthropic's form; a body that vLLM cannot read it refuses in OpenAI's here too, without ``type``."""

    model_config = ConfigDict(extra="allow")

    type: Literal["error"] = "error"
    error: ErrorDetails

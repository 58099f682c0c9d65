"""What a caller may ask of a compression, validated in one place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from semtoken.errors import InvalidOptionError

Mode = Literal["auto", "force", "off"]
Realisation = Literal["text", "tokens", "embeds"]
Stability = Literal["turn", "document"]
Role = Literal["user", "tool"]

ProtectedString = Annotated[str, StringConstraints(min_length=1, max_length=10_000)]


class Stages(BaseModel):
    """Which scoring stages run; switching one off is an ablation, not a speed setting.

    Without ``encode`` the vectors are zero and only counts of tokens are left to score by; with every
    stage off the budget keeps the earliest units.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    encode: bool = True
    cluster: bool = True
    density: bool = True
    relevance: bool = True
    recency: bool = True


class CompressionOptions(BaseModel):
    """Options of one compression; every field has the default of the HTTP contract.

    Raises ``InvalidOptionError`` from :meth:`parse`; plain construction raises pydantic's
    ``ValidationError``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Mode = "auto"
    ratio: float = Field(default=2.4, ge=1.0, le=20.0, allow_inf_nan=False, strict=True)
    target_tokens: int | None = Field(default=None, ge=1, strict=True)
    realise: Realisation = "text"
    query: str | None = Field(default=None, max_length=100_000)
    stability: Stability = "turn"
    roles: tuple[Role, ...] = ("user", "tool")
    protect: tuple[ProtectedString, ...] = Field(default=(), max_length=1_000)
    keep_tags: bool = Field(default=False, strict=True)
    min_tokens: int = Field(default=512, ge=0, strict=True)
    window_tokens: int | None = Field(default=None, ge=1, strict=True)
    """Context window of the served model: a chat or prompt over it is compressed further, as far as it must be."""
    output_tokens: int = Field(default=1, ge=1, strict=True)
    """Tokens of the window that are to stay free for the answer."""
    thin: bool = Field(default=False, strict=True)
    stages: Stages = Stages()

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self:
        """Build options from untrusted values; the first bad one raises ``InvalidOptionError``."""
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            name = ".".join(str(part) for part in first["loc"]) or "options"
            raise InvalidOptionError(f"{name}: {first['msg']} (got {first['input']!r:.80})", param=name) from error

"""API keys: how they are made and hashed, and what each may do."""

from __future__ import annotations

import hashlib
import secrets
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from semtoken_server.access.passes import Pass
from semtoken_server.access.rules import OptionRules

PREFIX = "sk-semtoken-"
"""Lets scanners for leaked secrets know one when they see it."""
_SECRET_BYTES = 32

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


def new_key() -> str:
    """A key of 256 random bits."""
    return PREFIX + secrets.token_urlsafe(_SECRET_BYTES)


def digest_of(key: bytes) -> str:
    """The SHA-256 of a key in hexadecimal, as the file of keys has it.

    A slow, salted hash protects what people choose. Of 256 random bits nothing can be guessed, and a slow
    hash on every request would be a way to keep the gateway busy (ADR 17).
    """
    return hashlib.sha256(key).hexdigest()


def _rules(value: Any) -> Any:
    return OptionRules.none() if value is False else value


class ApiKey(BaseModel):
    """One key: its hash, and what whoever holds it may do. What is left out is not limited."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Name
    sha256: Annotated[str, StringConstraints(to_lower=True, pattern=r"^[0-9a-fA-F]{64}$")] = Field(repr=False)
    models: frozenset[str] | None = None
    options: Annotated[OptionRules, BeforeValidator(_rules)] = OptionRules()
    requests_per_minute: int | None = Field(default=None, ge=1, strict=True)
    tokens_per_minute: int | None = Field(default=None, ge=1, strict=True)
    max_concurrent: int | None = Field(default=None, ge=1, strict=True)
    tenant: str | None = Field(default=None, max_length=256)
    passes: frozenset[Pass] = frozenset()

    @property
    def cache_tenant(self) -> str:
        """Whose texts share cached vectors with this key's: its own alone where the file names no tenant."""
        return self.name if self.tenant is None else self.tenant

    def may_use(self, model: str) -> bool:
        """Whether requests may name a model."""
        return self.models is None or model in self.models


def anonymous(passes: frozenset[Pass]) -> ApiKey:
    """Everybody, where there are no keys: nothing is limited, and no cache is set apart."""
    return ApiKey(name="anonymous", sha256="0" * 64, tenant="", passes=passes)

"""Which compression options a key may set, and to what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from semtoken import InvalidOptionError
from semtoken.options import Mode, Realisation, Role, Stability

from semtoken_server.options import OnFailure


class Bounds(BaseModel):
    """The least and the greatest value of a number, either of them left out where there is none."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    min: float | None = Field(default=None, allow_inf_nan=False)
    max: float | None = Field(default=None, allow_inf_nan=False)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min is over max ({self.min:g} > {self.max:g})")
        return self

    def hold(self, value: float | None) -> bool:
        """Whether a value is within them; None, which asks for nothing, is."""
        return value is None or (self.min or 0.0) <= value <= (float("inf") if self.max is None else self.max)

    def told(self) -> str:
        """For people."""
        least = "" if self.min is None else f"from {self.min:g}"
        most = "" if self.max is None else f"up to {self.max:g}"
        return " ".join(part for part in (least, most) if part) or "any"


def _modes(value: Any) -> Any:
    """YAML reads a bare ``off`` as false."""
    return ["off" if mode is False else mode for mode in value] if isinstance(value, list) else value


class OptionRules(BaseModel):
    """For each option: ``true`` for any value, ``false`` for none, else the values or bounds that are allowed.

    They bind what a request sets. What it leaves to the server is the server's own choice.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    mode: Annotated[bool | tuple[Mode, ...], BeforeValidator(_modes)] = True
    ratio: bool | Bounds = True
    target_tokens: bool | Bounds = True
    realise: bool | tuple[Realisation, ...] = True
    query: bool = True
    stability: bool | tuple[Stability, ...] = True
    roles: bool | tuple[Role, ...] = True
    protect: bool = True
    keep_tags: bool = True
    on_failure: bool | tuple[OnFailure, ...] = True

    @classmethod
    def none(cls) -> Self:
        """Nothing may be set."""
        return cls(**dict.fromkeys(cls.model_fields, False))

    def check(self, asked: Mapping[str, Any]) -> None:
        """Raises ``InvalidOptionError`` naming the first option of ``asked``, valid values all, that is not allowed."""
        for name, value in asked.items():
            rule = getattr(self, name)
            if rule is True:
                continue
            if rule is False:
                raise InvalidOptionError(f"{name}: this key may not set it", param=name)
            if isinstance(rule, Bounds):
                allowed, told = rule.hold(value), rule.told()
            else:
                chosen = value if isinstance(value, list | tuple) else (value,)
                allowed, told = set(chosen) <= set(rule), ", ".join(rule)
            if not allowed:
                raise InvalidOptionError(f"{name}: this key may set {told} (got {value!r:.80})", param=name)

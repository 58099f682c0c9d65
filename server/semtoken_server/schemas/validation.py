"""Light validation with pydantic, told in OpenAI's terms."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from semtoken_server.errors import BadRequestError

Model = TypeVar("Model", bound=BaseModel)


def validated(model: type[Model], data: dict[str, Any]) -> Model:
    """``data`` as ``model``; raises ``BadRequestError`` whose ``param`` is the first bad field."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        param = _path(first["loc"])
        told = first["msg"].removeprefix("Value error, ")
        raise BadRequestError(f"{param}: {told}" if param else told, param=param or None) from error


def _path(location: tuple[int | str, ...]) -> str:
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path

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


def openapi_body(model: type[BaseModel]) -> dict[str, Any]:
    """The request body of a route in OpenAPI, for routes that read their body themselves."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    content = {"application/json": {"schema": _inlined(schema, definitions)}}
    return {"requestBody": {"required": True, "content": content}}


def _inlined(node: Any, definitions: dict[str, Any]) -> Any:
    """References replaced by what they stand for: OpenAPI would look for them elsewhere."""
    if isinstance(node, list):
        return [_inlined(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if (reference := node.get("$ref")) is not None:
        return _inlined(definitions[reference.rsplit("/", 1)[1]], definitions)
    return {name: _inlined(value, definitions) for name, value in node.items()}


def _path(location: tuple[int | str, ...]) -> str:
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path

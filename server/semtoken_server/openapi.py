"""The gateway's OpenAPI document, kept by hand: what each route takes, and what it answers.

FastAPI would not see the compressed routes, which are plain ASGI, and would describe bodies that it reads
itself. Schemas of requests are those that requests are checked with; answers are the engine's and told loosely.
"""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from semtoken import CompressionOptions

from semtoken_server.errors import form_of
from semtoken_server.families import FAMILIES
from semtoken_server.options import HEADER_PREFIX, OPTIONS, OnFailure
from semtoken_server.schemas.compress import CompressRequest
from semtoken_server.schemas.errors import AnthropicError, Error

Schema = dict[str, Any]

_REF = "#/components/schemas/"
_ANY: Schema = {"type": "object"}
_JSON = "application/json"
_ERRORS = {
    "400": "The request is wrong, or the engine says so",
    "404": "No such model, or a route that the engine has not",
    "413": "The body is over the limit",
    "429": "Too much is asked for now",
    "500": "A fault of the gateway or of the engine",
    "502": "The connection to the engine failed",
    "503": "No engine is healthy, or the prompt could not be compressed and on_failure is 'closed'",
    "504": "The engine did not answer in time",
    "default": "Any other refusal",
}


def document(version: str) -> Schema:
    """The document, as JSON."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "SemToken gateway", "version": version},
        "paths": {**_compressed(), **_passed(), **_own()},
        "components": {"schemas": _schemas()},
    }


def _compressed() -> Schema:
    streamed = {"text/event-stream": {"schema": {"type": "string"}}}
    return {
        family.path: {
            "post": {
                **_operation(family.path, family.summary, {_JSON: {"schema": _ANY}, **streamed}),
                "parameters": _option_headers(),
                "requestBody": _body({"$ref": _REF + family.schema.__name__}),
            }
        }
        for family in FAMILIES
    }


def _passed() -> Schema:
    posts = {
        "/v1/embeddings": "Embeddings, where the engine has them",
        "/v1/messages/count_tokens": "Tokens of a message as it comes, uncompressed",
        "/tokenize": "Token ids of a text or a chat",
        "/detokenize": "The text of token ids",
    }
    answer = {_JSON: {"schema": _ANY}}
    named = {"name": "model", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    return {
        **{
            path: {"post": {**_operation(path, summary, answer), "requestBody": _body(_ANY)}}
            for path, summary in posts.items()
        },
        "/v1/models": {"get": _operation("/v1/models", "The engine's models", answer)},
        "/v1/models/{model}": {
            "get": {**_operation("/v1/models/{model}", "One of them", answer), "parameters": [named]}
        },
    }


def _own() -> Schema:
    answer = {_JSON: {"schema": _ANY}}
    text = {"text/plain": {"schema": {"type": "string"}}}
    compress = {
        **_operation("/v1/compress", "What compression makes of a text or a chat, without an engine", answer),
        "parameters": _option_headers(),
        "requestBody": _body({"$ref": _REF + CompressRequest.__name__}),
    }
    ready = _operation("/health/ready", "Whether requests are best sent here now", answer)
    ready["responses"]["503"] = {"description": "Not now", "content": answer}
    return {
        "/v1/compress": {"post": compress},
        "/health/live": {"get": _operation("/health/live", "Whether the process answers", answer)},
        "/health/ready": {"get": ready},
        "/metrics": {"get": _operation("/metrics", "Prometheus or OpenMetrics exposition", text)},
        "/openapi.json": {"get": _operation("/openapi.json", "This document", answer)},
    }


def _operation(path: str, summary: str, content: Schema) -> Schema:
    error = (AnthropicError if form_of(path) == "anthropic" else Error).__name__
    refused = {
        status: {"description": told, "content": {_JSON: {"schema": {"$ref": _REF + error}}}}
        for status, told in _ERRORS.items()
    }
    return {"summary": summary, "responses": {"200": {"description": "The answer", "content": content}, **refused}}


def _body(schema: Schema) -> Schema:
    return {"required": True, "content": {_JSON: {"schema": schema}}}


def _option_headers() -> list[Schema]:
    return [
        {"name": HEADER_PREFIX + name.replace("_", "-"), "in": "header", "schema": {"type": "string"}}
        for name in OPTIONS
    ]


def _schemas() -> Schema:
    requests: list[type[BaseModel]] = [*(family.schema for family in FAMILIES), CompressRequest]
    models: list[type[BaseModel]] = [*requests, Error, AnthropicError]
    _, made = models_json_schema([(model, "validation") for model in models], ref_template=_REF + "{model}")
    schemas: Schema = made["$defs"]
    for model in requests:
        schemas[model.__name__]["properties"]["semtoken"] = {"$ref": _REF + "Options"}
    return {**schemas, "Options": _options()}


def _options() -> Schema:
    known = CompressionOptions.model_json_schema()["properties"]
    properties = {name: known[name] for name in OPTIONS if name in known}
    properties["on_failure"] = {"enum": list(get_args(OnFailure))}
    return {
        "anyOf": [{"type": "object", "properties": properties, "additionalProperties": False}, {"type": "null"}],
        "description": "Compression options, for the gateway alone",
    }

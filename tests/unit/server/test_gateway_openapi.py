"""The OpenAPI document tells of every route, and of nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fakes.encoders import small_tokenizer
from fakes.engine import FakeEngine
from fakes.families import CASES
from fakes.serving import gateway
from semtoken_server.openapi import document
from semtoken_server.options import OPTIONS
from semtoken_server.routes import compress, generation, openapi, operations, passthrough
from starlette.routing import Route

DOCUMENT = document("1.2.3")
MODULES = (generation, passthrough, compress, operations, openapi)


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_every_route_is_in_it() -> None:
    served = {
        (route.path.replace(":path", ""), method.lower())
        for module in MODULES
        for route in module.router.routes
        if isinstance(route, Route)
        for method in (route.methods or ())
        if method != "HEAD"
    }
    assert served == {(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods}


def test_every_reference_leads_somewhere() -> None:
    found = set(references(DOCUMENT))
    assert found
    for reference in found:
        where: Any = DOCUMENT
        for name in reference.removeprefix("#/").split("/"):
            where = where[name]


def test_every_answer_and_every_refusal_is_told() -> None:
    for path, methods in DOCUMENT["paths"].items():
        for operation in methods.values():
            assert operation["summary"]
            responses = operation["responses"]
            assert {"200", "400", "404", "413", "500", "502", "503", "504", "default"} <= set(responses)
            refused = responses["400"]["content"]["application/json"]["schema"]["$ref"]
            assert refused.endswith("/AnthropicError") == path.startswith("/v1/messages")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.path)
def test_the_compressed_routes_take_options_and_stream(case: Any) -> None:
    operation = DOCUMENT["paths"][case.path]["post"]
    assert set(operation["responses"]["200"]["content"]) == {"application/json", "text/event-stream"}
    headers = {parameter["name"] for parameter in operation["parameters"]}
    assert headers == {f"x-semtoken-{name.replace('_', '-')}" for name in OPTIONS}
    reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    schema = DOCUMENT["components"]["schemas"][reference.rsplit("/", 1)[1]]
    assert schema["properties"]["semtoken"] == {"$ref": "#/components/schemas/Options"}
    assert set(schema["required"]) <= set(case.asked("Hello"))


def test_the_options_are_the_contract_s() -> None:
    options = DOCUMENT["components"]["schemas"]["Options"]["anyOf"][0]
    assert set(options["properties"]) == set(OPTIONS)
    assert options["additionalProperties"] is False


async def test_it_is_served() -> None:
    async with FakeEngine(small_tokenizer()) as engine, gateway(engine) as served:
        response = await served.client.get("/openapi.json")
    assert response.headers["content-type"] == "application/json"
    assert json.loads(response.content)["paths"].keys() == DOCUMENT["paths"].keys()

"""What spans hold: all that docs/tracing.md names, nothing else, and nothing of prompts, answers, keys or errors."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import yaml
from fakes.compressors import with_broken_encoder
from fakes.encoders import small_tokenizer
from fakes.engine import WORDS, FakeEngine
from fakes.keys import entry, write_keys
from fakes.serving import eventually, gateway
from fakes.texts import NEEDLE, QUESTION, chat, rag
from unit.docs.documents import DOCS, blocks, codes, table_rows

pytest.importorskip("opentelemetry.sdk.trace", reason="the extra `otel` is not installed")

from fakes.spans import Spans, told
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind

PAGE = DOCS / "tracing.md"
CHAT = "/v1/chat/completions"
KEY = "sk-3f9c1e7ab2d84650"
AUTHORISED = {"authorization": f"Bearer {KEY}"}
ROLES = {"request": "request", "attempt": "attempt", "all but stages": "request attempt parse compress"}


@pytest.fixture
async def every(tmp_path: Path) -> list[ReadableSpan]:
    """Spans of requests of all kinds, good and bad."""
    spans, broken = Spans(), Spans()
    keys = write_keys(tmp_path / "keys.yaml", entry(KEY))
    async with FakeEngine(small_tokenizer()) as engine:
        async with gateway(engine, tracing=spans.tracing, keys_file=keys) as served:
            served.client.headers.update(AUTHORISED)
            await served.post(CHAT, chat(rag()))
            await served.post(CHAT, chat(rag(), stream=True, stream_options={"include_usage": True}))
            await served.post("/v1/completions", {"model": "fake-model", "prompt": rag()})
            await served.post("/v1/compress", {"text": rag(), "query": QUESTION})
            await served.post("/v1/embeddings", {"model": "fake-model", "input": rag()})
            await served.post(f"{CHAT}?note={QUESTION}", chat(rag(), semtoken={"mode": QUESTION}))
            await served.post(CHAT, {"messages": NEEDLE})
            await served.post(CHAT, chat(rag()), headers={"authorization": f"Bearer {KEY}-wrong"})
            for behaviour in ("die", "refuse", "busy"):
                engine.behaviour = behaviour
                await served.post(CHAT, chat(rag()))
        engine.behaviour = "answer"
        async with gateway(engine, with_broken_encoder, tracing=broken.tracing) as served:
            await served.post(CHAT, chat(rag(), semtoken={"on_failure": "closed"}))
            engine.behaviour = "stall"
            engine.arrived.clear()
            asking = asyncio.create_task(served.post(CHAT, chat(rag())))
            await engine.arrived.wait()
            asking.cancel()
            await eventually(lambda: len(broken.every(f"POST {CHAT}")) == 2)
    return [*spans.all, *broken.all]


async def test_nothing_of_prompts_answers_keys_or_errors_is_in_a_span(every: list[ReadableSpan]) -> None:
    assert len(every) > 50
    whole = "\n".join(span.to_json() for span in every)
    assert "BadRequestError" in whole
    for private in (*rag().split(". ")[:5], NEEDLE, QUESTION, QUESTION.split()[-1], "".join(WORDS), KEY, "messages"):
        assert private not in whole
    assert {event.name for span in every for event in span.events} == {"first_byte"}


async def test_the_page_names_every_attribute_where_it_is(every: list[ReadableSpan]) -> None:
    found: set[tuple[str, str]] = set()
    for span in every:
        role = {SpanKind.SERVER: "request", SpanKind.CLIENT: "attempt"}.get(span.kind, span.name)
        found |= {(role, name) for name in told(span)}
    documented: set[tuple[str, str]] = set()
    for row in table_rows(PAGE, "attribute", "on", "meaning"):
        for place in row["on"].replace("`", "").split(", "):
            documented |= {(role, codes(row["attribute"])[0]) for role in ROLES.get(place, place).split()}
    assert found == documented


async def test_the_page_names_every_span(every: list[ReadableSpan]) -> None:
    documented = {name for row in table_rows(PAGE, "span", "kind", "within", "when") for name in codes(row["span"])}
    found = {span.name for span in every if span.kind is SpanKind.INTERNAL}
    assert found == documented - {f"POST {CHAT}", "chat MODEL"}
    assert {f"POST {CHAT}", "chat fake-model"} <= {span.name for span in every}


def test_the_collector_s_example_joins_what_it_defines() -> None:
    (example,) = [yaml.safe_load(block.text) for block in blocks(PAGE) if block.language == "yaml"]
    traces = example["service"]["pipelines"]["traces"]
    for kind in ("receivers", "processors", "exporters"):
        assert traces[kind] == list(example[kind])
    assert example["receivers"]["otlp"]["protocols"]["http"]["endpoint"].endswith(":4318")

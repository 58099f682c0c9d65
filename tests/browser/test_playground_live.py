"""The charts of the last minutes, from the gateway's own metrics."""

from __future__ import annotations

import pytest
from fakes.serving import Served
from fakes.texts import QUESTION, document, rag
from playwright.async_api import Locator, expect

from browser.visits import WAIT_MS, Visit

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

NO_METRICS = "No live figures"


def chart(visit: Visit, title: str) -> Locator:
    return visit.page.locator(".chart", has_text=title).locator("p")


async def test_the_charts_tell_what_the_gateway_did(visit: Visit, served: Served) -> None:
    await expect(visit.by_id("live-note")).to_contain_text("every five seconds", timeout=WAIT_MS)
    body = {"messages": [{"role": "user", "content": rag()}], "stream": True}
    answer = await served.post("/v1/chat/completions", body)
    saved = int(answer.headers["x-semtoken-original-tokens"]) - int(answer.headers["x-semtoken-forwarded-tokens"])
    await expect(chart(visit, "Prompt tokens saved")).to_have_text(f"{saved:,}", timeout=WAIT_MS)
    await expect(chart(visit, "In flight")).to_have_text("0")
    await expect(chart(visit, "Time to first token")).to_contain_text("s")
    await expect(chart(visit, "Compression's share")).to_contain_text("%")
    await expect(visit.page.locator(".chart", has_text="Requests a second")).to_contain_text("peak")
    bars = visit.page.locator(".chart", has_text="Requests a second").locator(".bars")
    assert (await bars.get_attribute("d") or "").count("M") == 1


@pytest.mark.parametrize(("status", "why"), [(404, "another port"), (401, "need an API key"), (403, "may not")])
async def test_without_metrics_the_rest_works(visit: Visit, status: int, why: str) -> None:
    await visit.page.route("**/metrics", lambda route: route.fulfill(status=status, json={"error": {"message": "no"}}))
    await visit.page.reload()
    await expect(visit.by_id("live-note")).to_contain_text(NO_METRICS)
    await expect(visit.by_id("live-note")).to_contain_text(why)
    await expect(visit.by_id("charts")).to_be_hidden()
    await visit.compress(document(60), QUESTION)
    await expect(visit.by_id("status")).to_have_text("Compressed.")


async def test_nothing_is_read_while_nobody_looks(visit: Visit) -> None:
    await expect(visit.by_id("live-note")).to_contain_text("every five seconds", timeout=WAIT_MS)
    await visit.page.evaluate("""() => {
        Object.defineProperty(document, "visibilityState", {value: "hidden"});
        document.dispatchEvent(new Event("visibilitychange"));
    }""")
    read = len(visit.sent("/metrics"))
    await visit.page.wait_for_timeout(6_000)
    assert len(visit.sent("/metrics")) == read

"""What the playground shows of a compression."""

from __future__ import annotations

from typing import Any

import pytest
from fakes.serving import Served
from fakes.texts import NEEDLE, QUESTION, document
from playwright.async_api import Route, expect

from browser.visits import WAIT_MS, Visit

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


async def asked(served: Served, message: str, query: str) -> Any:
    options = {"mode": "auto", "ratio": 2.4, "realise": "text", "stability": "turn", "query": query}
    body = {"messages": [{"role": "user", "content": message}], "semtoken": options}
    return (await served.post("/v1/compress", body)).json()


@pytest.mark.parametrize("mark", ["", " 🦉🏽", " e\u0301"])
async def test_every_span_is_shown_as_the_gateway_decided(visit: Visit, served: Served, mark: str) -> None:
    """Also where a character is two UTF-16 units or two code points."""
    text = document(40).replace(".", f"{mark}.")
    await visit.compress(text, QUESTION)
    message = f"{text}\n\n{QUESTION}"
    spans = await visit.spans()
    assert "".join(span["text"] for span in spans) == message
    answer = await asked(served, message, QUESTION)
    told = answer["parts"][0]["spans"]
    assert [(span["text"], span["is"]) for span in spans] == [
        (message[span["start"] : span["end"]], span["decision"]) for span in told
    ]
    assert {span["is"] for span in spans} == {"keep", "drop", "pinned"}
    await expect(visit.by_id("tokens-before")).to_have_text(f"{answer['original_tokens']:,}")
    await expect(visit.by_id("tokens-after")).to_have_text(f"{answer['compressed_tokens']:,}")
    await expect(visit.by_id("ratio-met")).to_have_text(f"{answer['ratio']:.2f}×")
    await expect(visit.by_id("status")).to_have_text("Compressed.")
    assert await visit.by_id("stages").locator("li").count() == 7


async def test_what_is_thinned_and_merged_is_told_apart_by_more_than_colour(visit: Visit) -> None:
    text = "One two three. Four. Five six. Seven."
    pieces = [("keep", 0, 15), ("thin", 15, 21), ("merge", 21, 31), ("drop", 31, 37)]
    spans = [{"start": s, "end": e, "decision": d, "density": 0.5, "relevance": -1.25} for d, s, e in pieces]
    part = {"spans": spans, "kept": [[0, 15], [17, 19]]}
    answer = {"original_tokens": 9, "compressed_tokens": 5, "ratio": 1.8, "status": "compressed", "reason": "ok"}

    async def answered(route: Route) -> None:
        await route.fulfill(json={**answer, "parts": [part], "timings_ms": {"total": 3.0}})

    await visit.page.route("**/v1/compress", answered)
    await visit.compress(text)
    assert "".join(span["text"] for span in await visit.spans()) == text
    thinned = visit.page.locator("#spans .span.thin > *")
    assert await thinned.all_text_contents() == ["Fo", "ur", ". "]
    assert await thinned.evaluate_all("all => all.map(one => one.className)") == ["goes", "thin stays", "goes"]
    style = "one => getComputedStyle(one).textDecorationLine + getComputedStyle(one).fontStyle"
    looks = [await visit.page.locator(f"#spans .span.{kind}").evaluate(style) for kind in ("keep", "merge", "drop")]
    assert looks == ["nonenormal", "line-throughitalic", "line-throughnormal"]
    await visit.page.get_by_label("Forwarded only").check()
    await expect(visit.page.locator("#spans .span.drop")).to_be_hidden()
    await expect(thinned.nth(0)).to_be_hidden()
    await expect(thinned.nth(1)).to_be_visible()


async def test_scores_on_hover(visit: Visit) -> None:
    await visit.compress(document(40), QUESTION)
    await visit.page.locator("#spans .span", has_text=NEEDLE).first.hover()
    await expect(visit.by_id("detail")).to_contain_text("Kept word for word")
    await expect(visit.by_id("detail")).to_contain_text("Relevance +")


async def test_why_nothing_was_compressed(visit: Visit) -> None:
    await visit.compress("Too short.", "Is it?")
    await expect(visit.by_id("status")).to_have_text("Left as it is.")
    await expect(visit.by_id("reason")).to_contain_text("too short")
    assert [span["is"] for span in await visit.spans()] == ["keep"]


async def test_keep_tags_that_the_server_reads_do_not_shift_the_spans(visit: Visit) -> None:
    text = f"<semtoken:keep>Ada</semtoken:keep> sang. {document(40)}"
    page = visit.page
    await page.route("**/v1/compress", lambda route: route.continue_(headers={
        **route.request.headers, "x-semtoken-keep-tags": "true",
    }))  # fmt: skip
    await visit.compress(text)
    assert "".join(span["text"] for span in await visit.spans()) == text
    assert {span["is"] for span in await visit.spans()} == {"keep", "drop", "pinned"}


async def test_a_huge_text_does_not_freeze_the_page(visit: Visit) -> None:
    """Half a million characters in 12,000 spans; the bound is generous, a frozen page takes far longer."""
    text = "\n".join(f"{n:05} a line of a log that says nothing much." for n in range(12_000))
    spans = [{"start": 46 * n, "end": min(46 * (n + 1), len(text)), "decision": ("keep", "drop")[n % 2], "density": 0.0,
              "relevance": 0.0} for n in range(12_000)]  # fmt: skip
    answer = {"original_tokens": 130_000, "compressed_tokens": 65_000, "ratio": 2.0, "status": "compressed"}
    part = {"spans": spans, "kept": []}

    async def answered(route: Route) -> None:
        await route.fulfill(json={**answer, "reason": "ok", "parts": [part], "timings_ms": {"total": 3.0}})

    await visit.page.route("**/v1/compress", answered)
    await visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await visit.page.evaluate("text => navigator.clipboard.writeText(text)", text)
    await visit.page.evaluate("""() => {
        window.longest = 0;
        let before = performance.now();
        const beat = now => {
            window.longest = Math.max(window.longest, now - before);
            before = now;
            requestAnimationFrame(beat);
        };
        requestAnimationFrame(beat);
    }""")
    await visit.by_id("text").focus()
    await visit.page.keyboard.press("Control+V")
    assert await visit.by_id("text").input_value() == text
    await visit.button("Compress only").click()
    await expect(visit.page.locator("#spans .span")).to_have_count(12_000, timeout=WAIT_MS)
    spans_shown = await visit.spans()
    assert "".join(span["text"] for span in spans_shown) == text
    await visit.by_id("spans").evaluate("all => { all.scrollTop = all.scrollHeight / 2 }")
    await visit.page.locator("#spans .span").last.scroll_into_view_if_needed()
    longest = await visit.page.evaluate("window.longest")
    assert longest < 10_000

"""Both answers beside each other, stopped, refused and broken."""

from __future__ import annotations

import re

import pytest
from fakes.engine import MODEL, WORDS, FakeEngine
from fakes.texts import QUESTION, document
from playwright.async_api import Locator, Route, expect

from browser.visits import WAIT_MS, Visit

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

CARDS = ("compressed", "full")


def said(visit: Visit, card: str) -> Locator:
    return visit.by_id(card).locator(".said")


def figure(visit: Visit, card: str, name: str) -> Locator:
    return visit.by_id(card).locator("dl > div", has_text=name).locator("dd")


async def compare(visit: Visit) -> None:
    await visit.give(document(60), QUESTION)
    await visit.button("Compress and compare").click()
    await expect(visit.by_id("answers")).to_be_visible(timeout=WAIT_MS)


@pytest.mark.parametrize("in_turn", [False, True])
async def test_both_answers_stream_with_their_figures(visit: Visit, engine: FakeEngine, in_turn: bool) -> None:
    await visit.page.get_by_text("More options", exact=True).click()
    await visit.page.get_by_label("Answer one after the other").set_checked(in_turn)
    await compare(visit)
    for card in CARDS:
        await expect(said(visit, card)).to_have_text("".join(WORDS), timeout=WAIT_MS)
        for name in ("First token", "In all"):
            await expect(figure(visit, card, name)).to_have_text(re.compile(r"^[\d.]+ m?s$"))
    await expect(visit.by_id("comparison")).to_contain_text("prompt tokens fewer")
    await expect(visit.by_id("stop")).to_be_hidden()
    asked = {
        "off" if QUESTION in one.body.decode() and len(one.body) > 4_000 else "on": one.json for one in engine.received
    }
    assert {body["model"] for body in asked.values()} == {MODEL}
    for card, body in zip(CARDS, (asked["on"], asked["off"]), strict=True):
        tokens = engine.tokenizer.count_messages(body["messages"])
        await expect(figure(visit, card, "Prompt tokens")).to_have_text(f"{tokens:,}")
    await expect(figure(visit, "full", "Compression")).to_have_text("Off")


async def test_answers_to_a_prompt_that_was_left_alone_are_not_compared(visit: Visit) -> None:
    await visit.give("Too short.", QUESTION)
    await visit.button("Compress and compare").click()
    await expect(visit.by_id("comparison")).to_contain_text("Both got the same prompt. Left as it is.", timeout=WAIT_MS)


async def test_an_answer_can_be_stopped_by_itself(visit: Visit, engine: FakeEngine) -> None:
    engine.behaviour = "stall_midway"
    await compare(visit)
    for card in CARDS:
        await expect(said(visit, card)).to_have_text("".join(WORDS[:2]), timeout=WAIT_MS)
    await visit.page.get_by_role("button", name="Stop: Compressed").click()
    await expect(visit.by_id("compressed").locator(".problem")).to_have_text("Stopped.")
    await expect(said(visit, "compressed")).to_have_text("".join(WORDS[:2]))
    await expect(visit.by_id("full").locator(".problem")).to_be_hidden()
    await engine.cancelled.wait()
    engine.resume.set()
    await expect(said(visit, "full")).to_have_text("".join(WORDS), timeout=WAIT_MS)
    await expect(visit.by_id("comparison")).to_have_text("")


async def test_escape_stops_everything(visit: Visit, engine: FakeEngine) -> None:
    engine.behaviour = "stall"
    await compare(visit)
    await engine.arrived.wait()
    await visit.page.keyboard.press("Escape")
    for card in CARDS:
        await expect(visit.by_id(card).locator(".problem")).to_have_text("Stopped.")
    await expect(visit.by_id("stop")).to_be_hidden()


async def test_the_engine_s_refusal_is_told_in_its_words(visit: Visit, engine: FakeEngine) -> None:
    engine.behaviour = "refuse"
    await compare(visit)
    for card in CARDS:
        await expect(visit.by_id(card).locator(".problem")).to_have_text("Max_tokens is too large. (HTTP 400)")


async def test_a_busy_engine_says_when_to_try_again(visit: Visit, engine: FakeEngine) -> None:
    engine.behaviour = "busy"
    await compare(visit)
    await expect(visit.by_id("full").locator(".problem")).to_have_text("Busy. Try again in 7 s. (HTTP 503)")


async def test_an_engine_that_dies_midway(visit: Visit, engine: FakeEngine) -> None:
    engine.behaviour = "die_midway"
    await compare(visit)
    for card in CARDS:
        await expect(said(visit, card)).to_have_text("".join(WORDS[:2]), timeout=WAIT_MS)
    engine.resume.set()
    for card in CARDS:
        await expect(visit.by_id(card).locator(".problem")).to_have_text(
            re.compile("^The connection to the engine .*failed")
        )


async def test_an_option_that_cannot_be_met_is_told(visit: Visit) -> None:
    await visit.page.get_by_text("More options", exact=True).click()
    await visit.page.get_by_label("Embeddings").check()
    await visit.give(document(60), QUESTION)
    await visit.button("Compress only").click()
    await expect(visit.by_id("problem")).to_contain_text("embeds")
    await expect(visit.by_id("problem")).to_contain_text("(HTTP 400)")
    await expect(visit.by_id("result")).to_be_hidden()


async def test_a_missing_key_is_told_and_a_given_one_is_sent_and_kept_nowhere(visit: Visit) -> None:
    async def guarded(route: Route) -> None:
        if route.request.headers.get("authorization") == "Bearer sk-7":
            await route.continue_()
        else:
            await route.fulfill(status=401, json={"error": {"message": "no such key"}})

    await visit.page.route("**/v1/*", guarded)
    await visit.give(document(60), QUESTION)
    await visit.button("Compress only").click()
    await expect(visit.by_id("problem")).to_have_text("No such key. Enter an API key under More options. (HTTP 401)")
    await visit.page.get_by_text("More options", exact=True).click()
    await visit.by_id("key").fill("sk-7")
    await visit.compress(document(60), QUESTION)
    await expect(visit.by_id("problem")).to_be_hidden()
    assert await visit.by_id("model").input_value() == MODEL
    stored = await visit.page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie, location.href])")
    assert "sk-7" not in stored
    await visit.by_id("key").fill("schlüssel")
    await visit.button("Compress only").click()
    await expect(visit.by_id("problem")).to_contain_text("characters that no key can have")


async def test_a_gateway_that_is_gone(visit: Visit) -> None:
    await visit.page.route("**/v1/*", lambda route: route.abort())
    await visit.give(document(60))
    await visit.button("Compress only").click()
    await expect(visit.by_id("problem")).to_have_text("The gateway cannot be reached.")


async def test_without_a_text_nothing_is_sent(visit: Visit) -> None:
    await visit.button("Compress and compare").click()
    await expect(visit.by_id("text-problem")).to_have_text("Give a text first, or take a sample.")
    await expect(visit.by_id("text")).to_be_focused()
    assert visit.sent("/v1/compress") == []

"""For everybody: by keyboard alone, in both themes, on a phone, and with any text."""

from __future__ import annotations

import asyncio
import json
from importlib.resources import files
from typing import Any

import fakes.engine
import pytest
from fakes.engine import WORDS, FakeEngine
from fakes.texts import QUESTION, document
from playwright.async_api import Route, expect
from semtoken_server.engines.policy import Policy

from browser.conftest import Open
from browser.visits import WAIT_MS, Visit

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
HOSTILE = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script></textarea>"


async def violations(visit: Visit) -> list[Any]:
    """What axe-core finds wrong, each with the elements."""
    await visit.page.evaluate(AXE)
    options = {"runOnly": {"type": "tag", "values": RULES}}
    found = await visit.page.evaluate("options => axe.run(document, options)", options)
    assert len(found["passes"]) > 20
    return [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found["violations"]]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_axe_finds_nothing(open_playground: Open, theme: str, viewport: dict[str, int]) -> None:
    # The policy would keep axe out as well.
    visit = await open_playground(color_scheme=theme, viewport=viewport, bypass_csp=True)
    assert await violations(visit) == []
    await visit.button("Compress and compare").click()
    await expect(visit.by_id("text-problem")).to_be_visible()
    assert await violations(visit) == []
    await visit.page.get_by_text("More options", exact=True).click()
    await visit.give(document(60), QUESTION)
    await visit.button("Compress and compare").click()
    await expect(visit.by_id("comparison")).to_contain_text("First token", timeout=WAIT_MS)
    await visit.page.get_by_text("Where the time went").click()
    await visit.page.get_by_role("button", name="Dropped").click()
    assert await violations(visit) == []


async def test_the_whole_way_by_keyboard(visit: Visit) -> None:
    press, focused = visit.page.keyboard.press, visit.page.locator(":focus")

    async def tab_to(selector: str, at_most: int = 6) -> None:
        for _ in range(at_most):
            await press("Tab")
            if await focused.evaluate("(one, selector) => one.matches(selector)", selector):
                return
        raise AssertionError(f"{selector} is not within {at_most} tabs")

    await tab_to(".skip", 1)
    await press("Enter")
    await expect(visit.by_id("text")).to_be_focused()
    await visit.page.keyboard.insert_text(document(60))
    await tab_to("#question", 3)
    await visit.page.keyboard.insert_text(QUESTION)
    await tab_to("#ratio", 1)
    await press("ArrowRight")
    await expect(visit.by_id("ratio-value")).to_have_text("2.5×")
    await tab_to("input[name=mode]", 1)
    await press("ArrowRight")
    await expect(visit.by_id("mode-note")).to_contain_text("Also short texts")
    await tab_to("summary", 1)
    await tab_to("#model", 1)
    await tab_to("#compare", 1)
    await press("Enter")
    await expect(visit.by_id("full").locator(".said")).to_have_text("".join(WORDS), timeout=WAIT_MS)
    await expect(visit.by_id("announcer")).to_contain_text("Answers complete.")
    await expect(visit.by_id("compare")).to_be_focused()
    body = json.loads(visit.sent("/v1/compress")[0].post_data or "")
    assert (body["semtoken"]["ratio"], body["semtoken"]["mode"]) == (2.5, "force")
    await tab_to("#legend button", 2)
    await tab_to("#spans", 6)
    await press("ArrowRight")
    await press("ArrowRight")
    await expect(focused).to_have_attribute("data-span", "1")
    await expect(visit.by_id("announcer")).to_contain_text("relevance")
    await expect(visit.by_id("detail")).to_contain_text("Density")
    await press("End")
    await expect(focused).to_have_text(QUESTION)
    await press("Control+Enter")
    await expect(visit.by_id("announcer")).to_contain_text("Answers complete.", timeout=WAIT_MS)


async def test_the_legend_goes_to_the_next_of_its_kind(visit: Visit) -> None:
    await visit.compress(document(60), QUESTION)
    for _ in range(2):
        await visit.page.get_by_role("button", name="Pinned").click()
        await expect(visit.page.locator(":focus")).to_have_text(QUESTION)


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_the_theme_is_the_system_s_until_it_is_switched(open_playground: Open, theme: str) -> None:
    visit = await open_playground(color_scheme=theme)
    ground = "getComputedStyle(document.body).backgroundColor"
    before = await visit.page.evaluate(ground)
    toggle = visit.button("Dark theme")
    await expect(toggle).to_have_attribute("aria-pressed", str(theme == "dark").lower())
    await toggle.click()
    switched = await visit.page.evaluate(ground)
    assert switched != before
    await visit.page.reload()
    assert await visit.page.evaluate(ground) == switched


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
async def test_nothing_is_cut_off_at_any_width(open_playground: Open, width: int) -> None:
    visit = await open_playground(viewport={"width": width, "height": 800})
    await visit.page.get_by_text("More options", exact=True).click()
    await visit.compress(f"{'unbroken' * 80} {document(60)}", QUESTION)
    assert await visit.page.evaluate("document.documentElement.scrollWidth") == width


async def test_who_wants_less_motion_gets_none(open_playground: Open) -> None:
    visit = await open_playground(reduced_motion="reduce")
    moving = "all => all.filter(one => getComputedStyle(one).transitionDuration !== '0s').length"
    assert await visit.page.locator("*").evaluate_all(moving) == 0


async def test_no_text_is_ever_taken_for_markup(
    visit: Visit, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Text, question, answer, model name and error message, each with markup that would run."""
    monkeypatch.setattr(fakes.engine, "WORDS", (HOSTILE, HOSTILE))
    engine.model = HOSTILE
    # For as long the gateway keeps to what the engine served before.
    await asyncio.sleep(2 * Policy().models_fresh_s)
    await visit.page.reload()
    await expect(visit.by_id("model")).to_have_value(HOSTILE)
    await visit.give(f"{HOSTILE} {document(60)}", HOSTILE)
    await visit.button("Compress and compare").click()
    await expect(visit.by_id("full").locator(".said")).to_have_text(HOSTILE * 2, timeout=WAIT_MS)
    assert "".join(span["text"] for span in await visit.spans()).startswith(HOSTILE)
    await expect(visit.by_id("stop")).to_be_hidden()

    async def refused(route: Route) -> None:
        await route.fulfill(status=500, json={"error": {"message": HOSTILE}})

    await visit.page.route("**/v1/compress", refused)
    await visit.button("Compress only").click()
    await expect(visit.by_id("problem")).to_contain_text(HOSTILE)
    assert await visit.page.title() == "SemToken playground"
    assert await visit.page.locator("img, main script").count() == 0


async def test_files_are_dropped_or_opened(visit: Visit) -> None:
    dropped = await visit.page.evaluate_handle("""() => {
        const data = new DataTransfer();
        data.items.add(new File(["Grüße aus der Datei"], "a.txt", {type: "text/plain"}));
        return data;
    }""")
    await visit.page.dispatch_event("#drop", "drop", {"dataTransfer": dropped})
    await expect(visit.by_id("text")).to_have_value("Grüße aus der Datei")
    await visit.by_id("file").set_input_files({"name": "b.md", "mimeType": "text/markdown", "buffer": b"# opened"})
    await expect(visit.by_id("text")).to_have_value("# opened")
    await visit.by_id("file").set_input_files({"name": "c.txt", "mimeType": "text/plain", "buffer": b"a\0b"})
    await expect(visit.by_id("text-problem")).to_have_text("c.txt is not a text file.")
    await visit.button("Clear").click()
    await expect(visit.by_id("text")).to_have_value("")


@pytest.mark.parametrize("sample", ["Conference talks", "A story", "A server log"])
async def test_a_sample_is_one_click_away(visit: Visit, sample: str) -> None:
    await visit.button(sample).click()
    assert len(await visit.by_id("text").input_value()) > 10_000
    assert (await visit.by_id("question").input_value()).endswith("?")

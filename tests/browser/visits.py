"""A visit to the playground, and the rules that hold for every one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, ConsoleMessage, Locator, Page, Request, Route, expect

WAIT_MS = 30_000


@dataclass
class Visit:
    """A page and what happened on it."""

    page: Page
    requests: list[Request] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    """Requests to anything but the gateway, which were stopped."""
    faults: list[str] = field(default_factory=list)
    """Exceptions of the script, and violations of the page's policy."""

    def by_id(self, name: str) -> Locator:
        return self.page.locator(f"#{name}")

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    async def give(self, text: str, question: str = "") -> None:
        await self.by_id("text").fill(text)
        await self.by_id("question").fill(question)

    async def compress(self, text: str, question: str = "") -> None:
        """Compress only, and wait until all spans are drawn."""
        await self.give(text, question)
        await self.button("Compress only").click()
        await expect(self.by_id("result")).to_be_visible(timeout=WAIT_MS)
        await expect(self.by_id("stop")).to_be_hidden(timeout=WAIT_MS)

    async def spans(self) -> list[dict[str, Any]]:
        """Text and class of every span, in order."""
        script = "all => all.map(one => ({text: one.textContent, is: one.className.replace('span ', '')}))"
        found: list[dict[str, Any]] = await self.page.locator("#spans .span").evaluate_all(script)
        return found

    def sent(self, path: str) -> list[Request]:
        return [request for request in self.requests if request.url.endswith(path)]


@asynccontextmanager
async def visiting(browser: Browser, url: str, **options: Any) -> AsyncIterator[Visit]:
    """Open the playground of the gateway at ``url``; ``options`` are the browser context's.

    Raises ``AssertionError`` at the end of a visit on which something was asked of another host, a script
    failed or the policy was violated.
    """
    context = await browser.new_context(**options)
    visit = Visit(await context.new_page())

    async def guard(route: Route) -> None:
        if route.request.url.startswith(url):
            await route.continue_()
        else:
            visit.elsewhere.append(route.request.url)
            await route.abort()

    def heard(message: ConsoleMessage) -> None:
        # A refused request is told on the console as well, and is no fault of the page.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            visit.faults.append(message.text)

    def noted(request: Request) -> None:
        # Playwright wants a function that it may mark, which a list's method is not.
        visit.requests.append(request)

    await context.route("**/*", guard)
    visit.page.on("console", heard)
    visit.page.on("pageerror", lambda error: visit.faults.append(str(error)))
    visit.page.on("request", noted)
    await visit.page.goto(f"{url}/playground")
    try:
        yield visit
    finally:
        await context.close()
    assert visit.elsewhere == []
    assert visit.faults == []

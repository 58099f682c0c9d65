"""The playground in a headless Chromium, in front of a gateway whose engine has no model."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from fakes.encoders import small_tokenizer
from fakes.engine import FakeEngine
from fakes.serving import Served, gateway
from playwright.async_api import Browser, async_playwright

from browser.visits import Visit, visiting

Open = Callable[..., Awaitable[Visit]]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium, or another that is installed; skips aloud where there is none."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium: run `make test-packages`, or install Debian's package chromium")
    async with async_playwright() as playwright:
        # Root, which tests in a container are, gets no sandbox; the pages are our own.
        browser = await playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def engine() -> AsyncIterator[FakeEngine]:
    async with FakeEngine(small_tokenizer()) as engine:
        yield engine


@pytest_asyncio.fixture(loop_scope="module")
async def served(engine: FakeEngine) -> AsyncIterator[Served]:
    """A gateway that compresses, with the library over an encoder without weights."""
    async with gateway(engine) as served:
        yield served


@pytest_asyncio.fixture(loop_scope="module")
async def open_playground(browser: Browser, served: Served) -> AsyncIterator[Open]:
    """Opens the playground; what every visit must keep to is checked when the test is over."""
    async with AsyncExitStack() as stack:

        async def opened(**options: object) -> Visit:
            return await stack.enter_async_context(visiting(browser, served.url, **options))

        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def visit(open_playground: Open) -> Visit:
    return await open_playground()

"""Windows of a browser that is watched: it may complain of nothing and ask no other machine for anything."""

import re
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page

from tests.patience import PATIENCE_S

Scheme: TypeAlias = Literal["light", "dark"]

DESKTOP, PHONE = (1280, 800), (360, 740)
_HERE = {"127.0.0.1", "localhost", "::1", None}  # None: data: and blob:, which ask nobody


_STAND_STILL = """(begins_ms) => {
  let now_ms = begins_ms;
  globalThis.turnClock = (to_ms) => { now_ms = to_ms; };
  globalThis.Date = class extends Date {
    constructor(...given) { if (given.length) super(...given); else super(now_ms); }
    static now() { return now_ms; }
  };
}"""
"""Dates alone: Playwright's own clock takes over timers and frames as well, and loses some of them."""


async def turn_clock(page: Page, now_s: float) -> None:
    """Let the clock of a page that was opened with `now_s` show another time."""
    await page.evaluate("to_ms => turnClock(to_ms)", now_s * 1000)


class Windows:
    """Every one is a person of their own: nothing is shared between them."""

    def __init__(self, browser: Browser, *, traces: bool = True) -> None:
        """With `traces` all that happens is recorded, in case that it fails."""
        self._browser = browser
        self._traces = traces
        self._contexts: list[BrowserContext] = []
        self.problems: list[str] = []
        """What a page complained of in its console, what it threw, and what it asked of others."""
        self.excused: list[str] = []
        """Patterns of complaints that a test provokes."""

    async def open(
        self,
        url: str,
        *,
        size: tuple[int, int] = DESKTOP,
        scheme: Scheme = "light",
        is_phone: bool = False,
        scale: float = 1,
        now_s: float | None = None,
    ) -> Page:
        """A page in a new window; `is_phone` is one that is touched, `now_s` is what its clock shows for ever."""
        width, height = size
        context = await self._browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            has_touch=is_phone,
            device_scale_factor=scale,
            locale="en-US",
            timezone_id="UTC",
            reduced_motion="reduce",
        )
        self._contexts.append(context)
        context.set_default_timeout(PATIENCE_S * 1000)
        if self._traces:
            await context.tracing.start(snapshots=True)
        page = await context.new_page()
        self._watch(page)
        if now_s is not None:
            await page.add_init_script(f"({_STAND_STILL})({now_s * 1000})")
        await page.goto(url)
        return page

    async def close(self, evidence: Path | None) -> None:
        """Close them all; with a folder for evidence, leave there what they showed and how it came to that."""
        for number, context in enumerate(self._contexts, 1):
            if evidence is not None:
                for page in context.pages:
                    await page.screenshot(path=evidence / f"window-{number}.png")
            if self._traces:
                trace = None if evidence is None else evidence / f"window-{number}.zip"
                await context.tracing.stop(path=trace)
            await context.close()

    def _watch(self, page: Page) -> None:
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self._noted(f"threw {error}"))
        page.on("request", lambda request: self._went(request.url))
        page.on("websocket", lambda socket: self._went(socket.url))

    def _heard(self, message: ConsoleMessage) -> None:
        """Chromium says there what the content security policy forbade, too."""
        if message.type in {"error", "warning"}:
            self._noted(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def _went(self, url: str) -> None:
        if urlsplit(url).hostname not in _HERE:
            self._noted(f"asked {url}")

    def _noted(self, problem: str) -> None:
        if not any(re.search(pattern, problem) for pattern in self.excused):
            self.problems.append(problem)

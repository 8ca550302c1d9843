"""The page of the local Discord with 2,000 messages in a channel, at rest and with 50 updates a second.

Times between frames are what the browser's own `requestAnimationFrame` says, on a page that is as large as a window:
16.7 ms is a display's 60 a second. Updated are cards as Kinora makes them, half of them among the newest messages,
the others anywhere above.
"""

import asyncio
import random
from dataclasses import dataclass
from itertools import count
from typing import Any

from playwright.async_api import Page, async_playwright

from benchmarks.rounds import median, percentile
from benchmarks.table import CannotRun, Table
from bot.sandbox import App, Channel, Message, Sandbox, Server
from bot.sandbox.actions import posting
from bot.sandbox.actions.drafts import Draft
from bot.sandbox.model.messages import V2
from bot.sandbox.wire import Json
from tests.browser.chromium import FLAGS, PROGRAM

NAME = "page"
MESSAGES, UPDATES_PER_S, LASTS_S = 2_000, 50, 20.0
_EVERY = 10
"""Each tenth message is a card."""
_UPDATED = 40
_LOADED_WITHIN_MS = 120_000
_WATCH = """() => {
  const seen = (window.seen = {frames: [], long_ms: []});
  let last = performance.now();
  const tick = (now) => {
    seen.frames.push(now - last);
    last = now;
    if (window.seen === seen) requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) seen.long_ms.push(task.duration);
  }).observe({type: "longtask"});
}"""
_SEEN = "() => { const seen = window.seen; window.seen = null; return seen; }"
_ABOVE = "({scroller, share}) => { scroller.scrollTop = scroller.scrollHeight * share; }"


@dataclass(frozen=True, slots=True)
class Frames:
    """What the browser saw for a while; milliseconds."""

    between_ms: list[float]
    long_ms: list[float]
    """Of tasks above 50 ms, which keep a page from answering."""

    def row(self, name: str) -> tuple[str, ...]:
        """As it stands in the table."""
        figures = (median(self.between_ms), percentile(self.between_ms, 95), max(self.between_ms))
        return (name, *(f"{figure:.1f}" for figure in figures), str(len(self.long_ms)))


class Crowd:
    """A channel full of messages, and a bot that keeps changing some."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._world = sandbox.world
        self._app: App = sandbox.add_application("Kinora", token="a-token-for-benchmarks")
        self._guild: Server = sandbox.add_guild("Film club", app=self._app)
        self.channel: Channel = self._guild.add_channel("general")
        self.mia, self._leo = self._guild.add_member("mia"), self._guild.add_member("leo")
        self._dice = random.Random(7)
        self._cards: list[Message] = []
        self._numbers = count(1)

    async def fill(self, messages: int) -> None:
        """Write them."""
        for number in range(messages):
            if number % _EVERY == 0:
                draft = Draft(components=_card(number, 0.0), flags=V2)
                self._cards.append(posting.send(self._world, self.channel, self._app.user, draft))
            else:
                author = self._dice.choice((self.mia, self._leo))
                await author.send(
                    self.channel, f"**{number}** words about `clips` in :film: and <@{self.mia.id}>"
                )
            if number % 100 == 0:
                await asyncio.sleep(0)  # the page is to hear of them meanwhile

    async def go_on(self, lasts_s: float) -> None:
        """Change cards as often as a busy server does, evenly over the time."""
        half = _UPDATED // 2
        busy = [
            *self._cards[-half:],
            *self._dice.sample(self._cards[:-half], min(half, len(self._cards) - half)),
        ]
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        for number in range(int(lasts_s * UPDATES_PER_S)):
            await asyncio.sleep(max(0.0, began_s + number / UPDATES_PER_S - loop.time()))
            step, card = next(self._numbers), busy[number % len(busy)]
            draft = Draft(components=_card(step, step % 100 / 100), flags=V2, given=frozenset({"components"}))
            posting.edit(self._world, self.channel, card, draft)


async def run(*, quick: bool) -> Table:
    """Fill a channel that is being looked at, then measure.

    Raises:
        CannotRun: there is no Chromium.
    """
    if PROGRAM is None:
        raise CannotRun("chromium is not installed.")
    messages, lasts_s = (200, 2.0) if quick else (MESSAGES, LASTS_S)
    async with Sandbox().serve() as sandbox, async_playwright() as playwright:
        crowd = Crowd(sandbox)
        browser = await playwright.chromium.launch(
            executable_path=PROGRAM, args=[*FLAGS, "--enable-precise-memory-info"]
        )
        page = await browser.new_page(viewport={"width": 1280, "height": 800})
        await page.goto(f"{sandbox.page_url}?as={crowd.mia.id}")
        await _shows(page, 0)
        await crowd.fill(messages)
        await _shows(page, messages)
        rows = [
            (await _watched(page, asyncio.sleep(lasts_s / 4))).row("at rest"),
            (await _watched(page, crowd.go_on(lasts_s))).row("updates, at the newest message"),
        ]
        await _scroll_to(page, 0.5)
        rows.append((await _watched(page, crowd.go_on(lasts_s))).row("updates, half-way up"))
        notes = await _weight(page, messages)
        await browser.close()
    return Table(
        title=f"Frames of the page with {messages:,} messages, {UPDATES_PER_S} updates a second for {lasts_s:g} s",
        columns=("", "median ms", "p95 ms", "longest ms", "tasks > 50 ms"),
        rows=tuple(rows),
        notes=(notes,),
    )


async def _shows(page: Page, messages: int) -> None:
    """Wait until the channel is there, with so many messages."""
    there = "least => document.querySelectorAll('#messages [data-id]').length >= least"
    await page.locator("#messages").wait_for()
    await page.wait_for_function(there, arg=messages, timeout=_LOADED_WITHIN_MS)


async def _scroll_to(page: Page, share: float) -> None:
    await page.evaluate(_ABOVE, {"scroller": await page.query_selector("#messages"), "share": share})


async def _watched(page: Page, work: Any) -> Frames:
    """What the browser sees while something is done."""
    await page.evaluate(_WATCH)
    await work
    seen: dict[str, list[float]] = await page.evaluate(_SEEN)
    return Frames(seen["frames"], seen["long_ms"])


async def _weight(page: Page, messages: int) -> str:
    """What the page holds in the end."""
    session: Any = await page.context.new_cdp_session(page)
    await session.send("HeapProfiler.collectGarbage")
    await session.send("Performance.enable")
    metrics: list[dict[str, Any]] = (await session.send("Performance.getMetrics"))["metrics"]
    values: dict[str, float] = {one["name"]: one["value"] for one in metrics}
    megabytes = values["JSHeapUsedSize"] / 1e6
    return f"{megabytes:.1f} MB of JavaScript's heap, {values['Nodes']:,.0f} nodes for {messages:,} messages."


def _card(number: int, progress: float) -> list[Json]:
    """A card of a clip that is being made."""
    filled = round(progress * 10)
    said = f"### Rendering\n{'▰' * filled}{'▱' * (10 - filled)} {progress:.0%}\n> the boat drifts\n-# Job {number}"
    cancel = {"type": 2, "style": 2, "label": "Cancel", "custom_id": f"job:{number}:cancel"}
    inside = [{"type": 10, "content": said}, {"type": 1, "components": [cancel]}]
    return [{"type": 17, "accent_color": 0x5B6EE1, "components": inside}]

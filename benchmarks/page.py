"""The page of the local Discord with 2,000 messages in a channel: at rest, changing, growing, and read back to the first.

Times between frames are what the browser's own `requestAnimationFrame` says, on a page that is as large as a window:
16.7 ms is a display's 60 a second. Updated are cards as Kinora makes them, half of them among the newest messages,
the others anywhere above. What comes anew are messages, every fifth with a thread on it, and as many messages in threads.
"""

import asyncio
import random
from collections.abc import AsyncIterator
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
MESSAGES, UPDATES_PER_S, COMING_PER_S, LASTS_S = 2_000, 50, 10, 20.0
_EVERY = 10
"""Each tenth message is a card."""
_UPDATED = 40
_THREADED = 5
"""Each fifth message that comes anew has a thread on it."""
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
_LIST = "const scroller = document.querySelector('#messages');"
_ABOVE = f"share => {{ {_LIST} scroller.scrollTop = scroller.scrollHeight * share; }}"
_BACK = f"() => {{ {_LIST} scroller.scrollTop = 0; return scroller.querySelector('.beginning:not([hidden], :empty)'); }}"
_NEWEST = "id => document.querySelector(`#messages [data-id='${id}']`)"


@dataclass(frozen=True, slots=True)
class Frames:
    """What the browser saw for a while; milliseconds."""

    between_ms: list[float]
    long_ms: list[float]
    """Of tasks above 50 ms, which keep a page from answering."""

    def row(self, name: str) -> tuple[str, ...]:
        """As it stands in the table."""
        figures = (median(self.between_ms), percentile(self.between_ms, 95), max(self.between_ms))
        return (
            name,
            *(f"{figure:.1f}" for figure in figures),
            str(len(self.long_ms)),
            f"{sum(self.long_ms):.0f}",
        )


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
        self._threads: list[Channel] = []
        self._numbers = count(1)

    async def fill(self, messages: int) -> Message:
        """Write them; the last one."""
        last = await self._say(0)
        for number in range(1, messages):
            if number % _EVERY == 0:
                draft = Draft(components=_card(number, 0.0), flags=V2)
                last = posting.send(self._world, self.channel, self._app.user, draft)
                self._cards.append(last)
            else:
                last = await self._say(number)
            if number % 100 == 0:
                await asyncio.sleep(0)  # the page is to hear of them meanwhile
        return last

    async def _say(self, number: int) -> Message:
        author = self._dice.choice((self.mia, self._leo))
        return await author.send(
            self.channel, f"**{number}** words about `clips` in :film: and <@{self.mia.id}>"
        )

    async def come(self, lasts_s: float) -> None:
        """Post messages, open threads and talk in them, evenly over the time."""
        async for number in _evenly(lasts_s, COMING_PER_S):
            said = await self._leo.send(self.channel, f"**{number}** more words")
            if number % _THREADED == 0:
                self._threads.append(await self._leo.open_thread(self.channel, f"Clip {number}", on=said))
            await self._leo.send(self._dice.choice(self._threads), "in a thread")

    async def go_on(self, lasts_s: float) -> None:
        """Change cards as often as a busy server does, evenly over the time."""
        half = _UPDATED // 2
        older = self._cards[:-half]
        busy = [*self._cards[-half:], *self._dice.sample(older, min(half, len(older)))]
        async for number in _evenly(lasts_s, UPDATES_PER_S):
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
        await page.locator("#messages").wait_for()
        await _shows(page, await crowd.fill(messages))
        rows = [
            (await _watched(page, asyncio.sleep(lasts_s / 4))).row("at rest"),
            (await _watched(page, crowd.go_on(lasts_s))).row("updates, at the newest message"),
            (await _watched(page, crowd.come(lasts_s))).row("messages and threads coming"),
        ]
        grown = await _weight(page)
        await page.get_by_role("button", name="What if").click()
        rows.append((await _watched(page, crowd.come(lasts_s))).row("the same, beside the drawer"))
        await page.reload()
        await _shows(page, await crowd.fill(1))
        back = page.wait_for_function(_BACK, timeout=_LOADED_WITHIN_MS)
        rows.append((await _watched(page, back)).row("scrolling back to the first"))
        await page.evaluate(_ABOVE, 0.5)
        rows.append((await _watched(page, crowd.go_on(lasts_s))).row("updates, half-way up"))
        notes = (f"After the growth: {grown}", f"With all that was said: {await _weight(page)}")
        await browser.close()
    return Table(
        title=f"Frames of the page with {messages:,} messages; {UPDATES_PER_S} updates or {COMING_PER_S} messages a second, {lasts_s:g} s each",
        columns=("", "median ms", "p95 ms", "longest ms", "tasks > 50 ms", "their sum ms"),
        rows=tuple(rows),
        notes=notes,
    )


async def _evenly(lasts_s: float, per_s: int) -> AsyncIterator[int]:
    """Numbers, each when it is due."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    for number in range(int(lasts_s * per_s)):
        await asyncio.sleep(max(0.0, began_s + number / per_s - loop.time()))
        yield number


async def _shows(page: Page, message: Message) -> None:
    """Wait until it is there."""
    await page.wait_for_function(_NEWEST, arg=str(message.id), timeout=_LOADED_WITHIN_MS)


async def _watched(page: Page, work: Any) -> Frames:
    """What the browser sees while something is done."""
    await page.evaluate(_WATCH)
    await work
    seen: dict[str, list[float]] = await page.evaluate(_SEEN)
    return Frames(seen["frames"], seen["long_ms"])


async def _weight(page: Page) -> str:
    """What the page holds."""
    session: Any = await page.context.new_cdp_session(page)
    await session.send("HeapProfiler.collectGarbage")
    await session.send("Performance.enable")
    metrics: list[dict[str, Any]] = (await session.send("Performance.getMetrics"))["metrics"]
    values: dict[str, float] = {one["name"]: one["value"] for one in metrics}
    rows: int = await page.locator("#messages [data-id]").count()
    megabytes = values["JSHeapUsedSize"] / 1e6
    return f"{megabytes:.1f} MB of JavaScript's heap, {values['Nodes']:,.0f} nodes, {rows:,} rows."


def _card(number: int, progress: float) -> list[Json]:
    """A card of a clip that is being made."""
    filled = round(progress * 10)
    said = f"### Rendering\n{'▰' * filled}{'▱' * (10 - filled)} {progress:.0%}\n> the boat drifts\n-# Job {number}"
    cancel = {"type": 2, "style": 2, "label": "Cancel", "custom_id": f"job:{number}:cancel"}
    inside = [{"type": 10, "content": said}, {"type": 1, "components": [cancel]}]
    return [{"type": 17, "accent_color": 0x5B6EE1, "components": inside}]

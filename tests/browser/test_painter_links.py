"""Links to paint, in a browser before the bot itself: one that has lapsed, was used, or was never given leads nowhere."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, expect

from bot.services.paintings import LINK_LASTS_S
from tests.browser.easel import Easel, Painter
from tests.browser.windows import Windows
from tests.e2e.scenes import Scene
from tests.e2e.test_painting import Easel as Board
from tests.e2e.test_painting import easel as reached
from tests.e2e.test_painting import link_of, painting_models, public, quick

__all__ = ["painting_models"]
pytestmark = quick


@dataclass
class Atelier:
    """The bot, and windows in which its links are opened."""

    board: Board
    windows: Windows

    def address(self, link: str) -> str:
        """The same link, as it is served."""
        return f"http://127.0.0.1:{self.board.bot.app.port}{urlsplit(link).path.removeprefix('/bot')}"

    async def opens(self, link: str) -> Page:
        """Whatever it leads to."""
        return await self.windows.open(self.address(link))

    async def paints(self, link: str) -> Easel:
        """A window in which all is drawn, and nothing sent."""
        easel = await Easel(await self.opens(link), Painter(640, 360)).ready()
        await easel.choose(0)
        await easel.drag((100, 100), (300, 100))
        return easel


@pytest.fixture
async def atelier(scene: Scene, windows: Windows) -> AsyncGenerator[Atelier]:
    windows.excused.append(r"status of 4(04|10)")  # which is what it is about
    async with reached(scene) as board:
        yield Atelier(board, windows)


async def leads_nowhere(page: Page, why: str) -> None:
    """Nothing of the picture or the request is shown."""
    await expect(page.get_by_role("heading", level=1)).to_have_text("This link works no more")
    await expect(page.get_by_text(why)).to_be_visible()
    await expect(page.locator("img, canvas, form")).to_have_count(0)


async def test_one_that_has_lapsed_takes_no_drawing_and_shows_nothing_any_more(
    scene: Scene, atelier: Atelier
) -> None:
    link = await link_of(scene)
    easel = await atelier.paints(link)
    atelier.board.clock.ms += LINK_LASTS_S * 1000
    await easel.send()
    await expect(easel.page.locator(".calm")).to_contain_text("This link has lapsed")
    for page in (easel.page, await atelier.opens(link)):
        await page.reload()
        await leads_nowhere(page, "it works for half an hour")
    assert public(scene) == []


async def test_one_that_was_used_in_another_window_takes_no_second_drawing(
    scene: Scene, atelier: Atelier
) -> None:
    link = await link_of(scene)
    first, second = await atelier.paints(link), await atelier.paints(link)
    await first.send()
    await expect(first.page.locator(".calm h1")).to_have_text("Sent")
    await second.send()
    await expect(second.page.locator(".calm")).to_contain_text("was sent already")
    await leads_nowhere(await atelier.opens(link), "was sent already")
    [card] = public(scene)
    await scene.clip_of(card)
    assert len(scene.clips()) == 1


async def test_one_that_was_not_given_leads_nowhere_and_uses_up_nothing(
    scene: Scene, atelier: Atelier
) -> None:
    leo = scene.guild.add_member("leo")
    hers, his = await link_of(scene), await link_of(replace(scene, mia=leo))
    before, _, token = hers.rpartition("/")
    number, until, signature = token.split(".")
    other_number, _, other_signature = his.rpartition("/")[2].split(".")
    assert number != other_number
    easel = await atelier.paints(hers)
    for forged in (
        f"{other_number}.{until}.{signature}",  # to what Leo asked for
        f"{number}.{until}.{other_signature}",
        f"{number}.{int(until) + 60}.{signature}",  # for longer
        f"{number}.{until}.{signature.swapcase()}",
        f"{number}.{until}",
    ):
        await easel.page.goto(atelier.address(f"{before}/{forged}"))
        await leads_nowhere(easel.page, "This link leads nowhere.")
    await easel.page.goto(atelier.address(hers))
    await (await easel.ready()).send()  # what was drawn before
    await expect(easel.page.locator(".calm h1")).to_have_text("Sent")

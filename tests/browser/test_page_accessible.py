"""The page of the local Discord, for everybody: axe finds nothing on it that matters, whatever is open."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import expect

from bot.sandbox import Person
from bot.sandbox.actions import posting
from bot.sandbox.actions.drafts import Draft
from tests.browser.axe import findings
from tests.browser.discord import Discord
from tests.browser.windows import PHONE, Scheme, Windows
from tests.e2e.scenes import PICTURE, Bot, Scene
from tests.e2e.studio import Studio

_SELECT = {
    "type": 3,
    "custom_id": "model",
    "placeholder": "Which model?",
    "options": [{"label": label, "value": label, "description": "A model"} for label in ("One", "Two")],
}


@pytest.fixture
async def mia(provider: Studio, bot: Bot, scene: Scene) -> Person:
    """Mia, who has talked, asked for a clip and got it."""
    del provider, bot
    mia = scene.mia
    await mia.send(
        scene.channel, "# A plan\n- **one**\n- ||two||\n> `three` <t:1790000000:R>", files=[PICTURE]
    )
    used = await mia.slash("animate", scene.channel, image=PICTURE, prompt="the boat drifts")
    await scene.clip_of(await used.response())
    components = [{"type": 1, "components": [_SELECT]}]
    posting.send(
        scene.sandbox.world, scene.channel, scene.application.user, Draft(content="?", components=components)
    )
    await (await mia.slash("quota me", scene.channel)).response()
    return mia


async def opened(windows: Windows, scene: Scene, mia: Person, scheme: Scheme, *, is_phone: bool) -> Discord:
    how: dict[str, Any] = {"size": PHONE, "is_phone": True} if is_phone else {}
    discord = await Discord.enter(windows, scene.sandbox, mia, scheme=scheme, **how)
    await expect(discord.message("credits to use here now")).to_be_visible()
    return discord


@asynccontextmanager
async def suggestions(discord: Discord) -> AsyncGenerator[None]:
    await discord.composer.fill("/")
    await expect(discord.page.get_by_role("option", name="/animate")).to_be_visible()
    yield
    await discord.composer.fill("")


@asynccontextmanager
async def a_command(discord: Discord) -> AsyncGenerator[None]:
    form = await discord.begins("animate")
    await form.get_by_role("button", name="+ model", exact=True).click()
    await discord.page.keyboard.type("l")
    await expect(discord.page.get_by_role("listbox").get_by_role("option").first).to_be_visible()
    yield
    await form.get_by_role("button", name="Leave the command").click()
    await expect(form).to_be_hidden()


@asynccontextmanager
async def a_select(discord: Discord) -> AsyncGenerator[None]:
    await discord.page.get_by_role("button", name="Which model?").click()
    option = discord.page.get_by_role("option", name="Two")
    await expect(option).to_be_visible()
    yield
    await discord.page.keyboard.press("Escape")
    await expect(option).to_be_hidden()


@asynccontextmanager
async def a_picture(discord: Discord) -> AsyncGenerator[None]:
    await discord.message("A plan").get_by_role("button", name="Enlarge the picture").click()
    picture = discord.page.get_by_role("dialog", name="Picture")
    await expect(picture).to_be_visible()
    yield
    await discord.page.keyboard.press("Escape")
    await expect(picture).to_be_hidden()


@asynccontextmanager
async def the_menu_of_a_message(discord: Discord) -> AsyncGenerator[None]:
    await discord.message("A plan").click(button="right")
    item = discord.page.get_by_role("menuitem", name="Animate")
    await expect(item).to_be_visible()
    yield
    await discord.page.keyboard.press("Escape")
    await expect(item).to_be_hidden()


@asynccontextmanager
async def a_modal(discord: Discord) -> AsyncGenerator[None]:
    async with the_menu_of_a_message(discord):
        await discord.page.get_by_role("menuitem", name="Animate").click()
        await expect(discord.page.get_by_role("dialog")).to_be_visible()
        yield
    await expect(discord.page.get_by_role("dialog")).to_be_hidden()


@asynccontextmanager
async def the_people(discord: Discord) -> AsyncGenerator[None]:
    page = discord.page
    sidebar = page.get_by_role("button", name="Channels")
    if await sidebar.is_visible():  # on a phone; who sees the last message sees what there is
        await sidebar.click()
    await page.get_by_role("button", name="Be somebody else").click()
    link = page.get_by_role("link", name="Open a second window as Mia")
    await expect(link).to_be_visible()
    yield
    await page.keyboard.press("Escape")
    await expect(link).to_be_hidden()
    await page.keyboard.press("Escape")


@asynccontextmanager
async def the_drawer(discord: Discord) -> AsyncGenerator[None]:
    await discord.page.get_by_role("button", name="What if").click()
    heading = discord.page.get_by_role("heading", name="What if")
    await expect(heading).to_be_visible()
    yield
    await discord.page.keyboard.press("Escape")
    await expect(heading).to_be_hidden()


@asynccontextmanager
async def a_thread(discord: Discord) -> AsyncGenerator[None]:
    await discord.message("Done").get_by_role("link", name="See the clip").click()
    await expect(discord.message("Your clip is ready.").locator("video")).to_be_visible()
    yield


THINGS = (
    suggestions,
    a_command,
    a_select,
    a_picture,
    the_menu_of_a_message,
    a_modal,
    the_people,
    the_drawer,
    a_thread,
)


@pytest.mark.parametrize(
    ("scheme", "is_phone"),
    [("light", False), ("dark", False), ("dark", True)],
    ids=["light", "dark", "dark on a phone"],
)
async def test_whatever_is_open(
    windows: Windows, scene: Scene, mia: Person, scheme: Scheme, *, is_phone: bool
) -> None:
    discord = await opened(windows, scene, mia, scheme, is_phone=is_phone)
    found = {"a channel": await findings(discord.page)}
    for thing in THINGS:
        async with thing(discord):
            found[thing.__name__] = await findings(discord.page)
            width: int = await discord.page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert width <= 0, thing.__name__
    assert {name: lines for name, lines in found.items() if lines} == {}

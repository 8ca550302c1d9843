"""The page of the local Discord, for everybody: axe finds nothing serious on it, whatever is open."""

import pytest
from playwright.async_api import expect

from bot.sandbox import Person
from tests.browser.axe import serious
from tests.browser.discord import Discord
from tests.browser.windows import PHONE, Scheme, Windows
from tests.e2e.scenes import PICTURE, Bot, Scene
from tests.e2e.studio import Studio


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
    await (await mia.slash("quota me", scene.channel)).response()
    return mia


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_channel_with_all_that_the_bot_says(
    windows: Windows, scene: Scene, mia: Person, scheme: Scheme
) -> None:
    discord = await Discord.enter(windows, scene.sandbox, mia, scheme=scheme)
    await expect(discord.message("credits to use here now")).to_be_visible()
    assert await serious(discord.page) == []


async def test_a_thread_on_a_phone(windows: Windows, scene: Scene, mia: Person) -> None:
    discord = await Discord.enter(windows, scene.sandbox, mia, size=PHONE, is_phone=True)
    await discord.message("Done").get_by_role("link", name="See the clip").click()
    await expect(discord.message("Your clip is ready.").locator("video")).to_be_visible()
    assert await serious(discord.page) == []
    width = "() => document.documentElement.scrollWidth"
    assert await discord.page.evaluate(width) <= PHONE[0]


async def test_a_command_being_filled_in_and_a_modal(windows: Windows, scene: Scene, mia: Person) -> None:
    discord = await Discord.enter(windows, scene.sandbox, mia)
    await discord.begins("animate")
    assert await serious(discord.page) == []
    await discord.page.keyboard.press("Escape")
    await discord.chooses(discord.message("A plan"), "Animate")
    await expect(discord.page.get_by_role("dialog")).to_be_visible()
    assert await serious(discord.page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_drawer(windows: Windows, scene: Scene, mia: Person, scheme: Scheme) -> None:
    discord = await Discord.enter(windows, scene.sandbox, mia, scheme=scheme)
    await discord.page.get_by_role("button", name="What if").click()
    await expect(discord.page.get_by_role("heading", name="What if")).to_be_visible()
    assert await serious(discord.page) == []

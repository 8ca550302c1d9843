"""Much at once on the page of the local Discord."""

import asyncio

from playwright.async_api import expect

from tests.browser.discord import Discord
from tests.browser.windows import Windows
from tests.e2e.scenes import Scene


async def test_messages_that_come_in_one_moment_are_all_shown_in_their_order(
    windows: Windows, scene: Scene
) -> None:
    leo = scene.guild.add_member("leo")
    mia = await Discord.enter(windows, scene.sandbox, scene.mia)
    said = [f"message {number}" for number in range(10)]
    await asyncio.gather(*(leo.send(scene.channel, text) for text in said))
    await leo.send(scene.channel, "the end")
    await expect(mia.messages).to_contain_text([*said, "the end"])

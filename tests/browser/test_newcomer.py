"""What a newcomer does with the bot, all of it in a browser."""

import pytest
from playwright.async_api import expect

from bot.demo.stage import Stage
from bot.sandbox import Permission, Person
from tests.browser.discord import Discord
from tests.browser.windows import Windows
from tests.e2e.scenes import CLIP_TIMEOUT_S, PICTURE, Bot, Scene
from tests.e2e.studio import Studio


@pytest.fixture
def ada(scene: Scene) -> Person:
    """A moderator."""
    crew = scene.guild.add_role("crew", permissions=Permission.MANAGE_GUILD)
    return scene.guild.add_member("ada", roles=[crew])


@pytest.fixture
def reading(scene: Scene) -> None:
    """The bot may read what others write, as in the demo."""
    scene.application.message_content = True


@pytest.fixture
async def mia(reading: None, provider: Studio, bot: Bot, scene: Scene, windows: Windows) -> Discord:
    """Mia before her window; clips are made at once."""
    del reading, provider, bot
    return await Discord.enter(windows, scene.sandbox, scene.mia)


async def sees_a_clip(who: Discord, prompt: str) -> None:
    """The card says that it is there, and its thread shows it."""
    card = who.card(prompt)
    await expect(card).to_contain_text("Done", timeout=CLIP_TIMEOUT_S * 1000)
    await card.get_by_role("link", name="See the clip").click()
    clip = who.message("Your clip is ready.", prompt)
    await expect(clip.locator("video")).to_be_visible()


async def animates_by_a_slash_command(mia: Discord) -> None:
    await mia.uses("animate", image=PICTURE, prompt="the boat drifts")
    await sees_a_clip(mia, "the boat drifts")


async def makes_it_again(mia: Discord) -> None:
    await mia.presses(mia.message("Your clip is ready."), "Again")
    card = mia.card("Once more: job 1")
    await expect(card).to_contain_text("Done")
    await expect(mia.message("Your clip is ready.", "job 2")).to_be_visible()


async def animates_by_a_reply_that_names_the_bot(mia: Discord) -> None:
    await mia.writes("look at this", PICTURE)
    await mia.chooses(mia.message("look at this"), "Reply")
    await mia.writes("@Kinora the boat sails")
    await sees_a_clip(mia, "the boat sails")


async def animates_from_the_menu_of_a_message(mia: Discord) -> None:
    await mia.writes("and at this", PICTURE)
    await mia.chooses(mia.message("and at this"), "Animate")
    modal = mia.page.get_by_role("dialog")
    await modal.get_by_label("What should happen").fill("the boat turns")
    await modal.get_by_role("button", name="Submit").click()
    await sees_a_clip(mia, "the boat turns")


async def cancels_what_is_not_wanted_any_more(mia: Discord) -> None:
    await mia.uses("animate", image=PICTURE, prompt="the boat sinks")
    card = mia.card("the boat sinks")
    await mia.presses(card, "Cancel")
    await expect(card).to_contain_text("Nothing was charged.")
    await expect(card.get_by_role("button", name="Cancel", exact=True)).to_be_hidden()


async def test_a_newcomer_comes_to_clips_in_every_way_there_is(mia: Discord, provider: Studio) -> None:
    await animates_by_a_slash_command(mia)
    await makes_it_again(mia)
    for way in (animates_by_a_reply_that_names_the_bot, animates_from_the_menu_of_a_message):
        await mia.go_to("general")
        await way(mia)
    provider.hold()
    await mia.go_to("general")
    await cancels_what_is_not_wanted_any_more(mia)


async def raises(moderator: Discord, amount: int) -> None:
    await moderator.uses("quota set", limit="day · credits a day", amount=f"{amount}", member="Mia")
    await expect(moderator.message("From now on", f"{amount} credits")).to_be_visible()


async def is_offered(who: Discord, *commands: str) -> None:
    for command in commands:
        await who.composer.fill(f"/{command}")
        await expect(who.page.get_by_role("option", name=f"/{command} ").first).to_be_visible()


async def is_not_offered(who: Discord, *commands: str) -> None:
    for command in commands:
        await who.composer.fill(f"/{command}")
        await expect(who.page.get_by_text("No command fits.")).to_be_visible()


async def test_a_moderator_may_do_more_than_a_member_and_raises_a_quota(
    mia: Discord, windows: Windows, scene: Scene, ada: Person
) -> None:
    await is_not_offered(mia, "settings show", "settings rules", "drain", "owner")
    moderator = await Discord.enter(windows, scene.sandbox, ada)
    await is_offered(moderator, "settings show", "settings rules")
    await is_not_offered(moderator, "drain", "owner")
    await mia.uses("quota set", limit="day · credits a day", amount="1000", member="Mia")
    await expect(mia.message("Only moderators of this server may do this")).to_be_visible()
    await raises(moderator, 3)
    await mia.uses("animate", image=PICTURE, prompt="the boat drifts")
    await expect(mia.message("Nothing was charged.")).to_contain_text("never more than 3")
    await raises(moderator, 30)
    await mia.uses("animate", image=PICTURE, prompt="the boat comes back")
    await sees_a_clip(mia, "the boat comes back")


async def test_a_bot_that_is_killed_comes_back_and_delivers(stage: Stage, windows: Windows) -> None:
    mia = await Discord.enter(windows, stage.sandbox, stage.mia)
    await mia.page.get_by_role("button", name="What if").click()
    drawer = mia.page.get_by_role("complementary", name="What if")
    slow = drawer.get_by_role("switch", name="Clips do not get ready")
    await slow.click()
    await expect(slow).to_be_checked()
    await mia.uses("animate", image=PICTURE, prompt="the boat drifts", provider="kling")
    card = mia.card("the boat drifts")
    await expect(card).to_contain_text("Rendering")
    await drawer.get_by_role("button", name="Kill the bot").click()
    await expect(drawer).to_contain_text("The bot is down.")
    await slow.click()
    await expect(slow).not_to_be_checked()
    await drawer.get_by_role("button", name="Start the bot again").click()
    await expect(card).to_contain_text("Done", timeout=CLIP_TIMEOUT_S * 1000)
    await drawer.get_by_role("button", name="Close").click()
    await sees_a_clip(mia, "the boat drifts")
    assert len(stage.vendor.bill) == 1

"""Nothing that a person has written on the page is lost, wherever they go and whatever fails meanwhile."""

import asyncio
from typing import Any

import discord
import pytest
from discord import app_commands, ui
from playwright.async_api import Page, Route, expect

from bot.sandbox import Channel, File, Person, Server
from bot.sandbox.page import dealings
from tests.browser.club import (
    Interaction,
    _pointed,
    app,
    by,
    channel,
    give,
    guild,
    leo,
    mia,
    sandbox,
    say,
    start,
)
from tests.browser.discord import Discord, payload
from tests.patience import PATIENCE_S
from tests.sandbox.conftest import Bot, Start
from tests.sandbox.pictures import png

__all__ = ["_pointed", "app", "channel", "guild", "leo", "mia", "sandbox", "start"]

BOAT = File("boat.png", png(64, 36))
_RECONNECT = """async () => {
    const { page: { live } } = await import("/page/static/app.js");
    live.start();
    await new Promise(greeted => live.on("hello", greeted));
}"""
_BECOME = """async person => (await import("/page/static/app.js")).page.become(person)"""


async def test_a_message_on_its_way_and_one_begun_elsewhere_are_two(
    mia: Discord, channel: Channel, guild: Server
) -> None:
    guild.add_channel("ideas")
    may_arrive = asyncio.Event()

    async def late(route: Route) -> None:
        await may_arrive.wait()
        await route.continue_()

    await mia.page.route("**/page/files?*", late)
    await mia.page.get_by_label("Files to send").set_input_files([payload(BOAT)])
    await mia.composer.fill("Look")
    await mia.composer.press("Enter")
    await expect(mia.composer).not_to_be_editable()
    await mia.go_to("ideas")
    await mia.composer.fill("half a thought")
    may_arrive.set()
    await mia.go_to("general")
    await expect(mia.message("Look")).to_be_visible()
    await expect(mia.composer).to_be_editable()
    await expect(mia.composer).to_have_value("")
    await expect(mia.page.get_by_role("list", name="Chosen files")).to_be_hidden()
    await mia.go_to("ideas")
    await expect(mia.composer).to_have_value("half a thought")
    assert [message.content for message in channel.messages] == ["Look"]


async def test_changing_a_message_puts_aside_what_was_begun(mia: Discord) -> None:
    files, said = (
        mia.page.get_by_role("list", name="Chosen files"),
        mia.page.locator("#composer").get_by_role("alert"),
    )
    await mia.writes("a boot")
    await mia.page.get_by_label("Files to send").set_input_files([payload(BOAT)])
    await mia.composer.fill("half a thought")
    await mia.chooses(mia.message("a boot"), "Edit message")
    await expect(mia.composer).to_have_value("a boot")
    await expect(files).to_be_hidden()
    await expect(mia.composer).to_be_focused()
    await give(mia.page, "drop", "late.png")
    await expect(said).to_have_text("A message that is changed takes no more files.")
    await mia.composer.fill("a boat")
    await mia.composer.press("Escape")
    await expect(said).to_have_text("Escape once more leaves your message as it was.")
    await mia.composer.press("Enter")
    await expect(mia.message("a boat")).to_contain_text("(edited)")
    await expect(mia.composer).to_have_value("half a thought")
    await expect(files.get_by_role("listitem")).to_contain_text("boat.png")


async def test_a_command_waits_where_it_was_begun_and_comes_along_when_that_is_gone(
    mia: Discord, guild: Server, leo: Person, start: Start
) -> None:
    ideas = guild.add_channel("ideas")
    await leo.send(ideas, "Any ideas?")
    async with start(by("say", say)):
        await mia.composer.fill("half a thought")
        await mia.go_to("ideas")
        form = await mia.begins("say")
        await form.get_by_label("text", exact=True).fill("hello")
        await form.get_by_role("button", name="+ file").click()
        await form.locator("input[type=file]").set_input_files(payload(BOAT))
        await mia.go_to("general")
        await expect(mia.composer).to_have_value("half a thought")
        await mia.composer.fill("")
        await mia.go_to("ideas")
        await expect(form.get_by_label("text", exact=True)).to_have_value("hello")
        await mia.chooses(mia.message("Any ideas?"), "Reply")
        await expect(mia.composer).to_be_focused()
        await mia.composer.fill("Many")
        await mia.composer.press("Enter")
        await expect(form.get_by_label("text", exact=True)).to_be_focused()
        guild.remove_channel(ideas)
        await expect(mia.page.get_by_role("heading", level=1)).to_have_text("general")
        await form.get_by_role("button", name="Send /say").click()
        await expect(mia.message("said")).to_contain_text("('hello', None, None, None, None, 'boat.png')")
        await expect(form).to_be_hidden()


async def test_what_was_begun_in_a_place_that_is_gone_outlives_the_message_that_is_on_its_way(
    mia: Discord, guild: Server
) -> None:
    ideas = guild.add_channel("ideas")
    may_arrive = asyncio.Event()

    async def late(route: Route) -> None:
        await may_arrive.wait()
        await route.continue_()

    await mia.page.route("**/page/files?*", late)
    await mia.page.get_by_label("Files to send").set_input_files([payload(BOAT)])
    await mia.composer.fill("Look")
    await mia.composer.press("Enter")
    await expect(mia.composer).not_to_be_editable()
    await mia.go_to("ideas")
    await mia.writes("a boot")
    await mia.composer.fill("half a thought")
    await mia.chooses(mia.message("a boot"), "Edit message")
    await mia.composer.fill("a boat")
    guild.remove_channel(ideas)
    await expect(mia.page.get_by_role("heading", level=1)).to_have_text("general")
    await expect(mia.composer).not_to_be_editable()
    may_arrive.set()
    await expect(mia.message("Look")).to_be_visible()
    await expect(mia.composer).to_have_value("half a thought\na boat")
    await expect(mia.page.get_by_role("list", name="Chosen files")).to_be_hidden()
    await mia.composer.press("Enter")
    await expect(mia.message("half a thought")).to_contain_text("a boat")
    await expect(mia.composer).to_have_value("")


async def test_a_command_that_nobody_answers_comes_back_as_it_was(
    mia: Discord, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_deaf = True

    async def speak(interaction: Interaction, text: str, file: discord.Attachment) -> None:
        if not is_deaf:
            await interaction.response.send_message(f"said {text} with {file.filename}")

    async with start(by("speak", speak)):
        monkeypatch.setattr(dealings, "ACK_WINDOW_S", 0.01)
        form = await mia.begins("speak")
        text = form.get_by_label("text", exact=True)
        await text.fill("hello")
        await form.locator("input[type=file]").set_input_files(payload(BOAT))
        await form.get_by_role("button", name="Send /speak").click()
        await expect(mia.page.locator("#composer").get_by_role("alert")).to_have_text(
            "Nobody has answered /speak. What you filled in is still here."
        )
        await expect(text).to_have_value("hello")
        await expect(text).to_be_focused()
        await expect(mia.page.locator("#messages")).to_contain_text("The application did not respond")
        monkeypatch.setattr(dealings, "ACK_WINDOW_S", PATIENCE_S)
        is_deaf = False
        await text.press("Enter")
        await expect(mia.message("said")).to_contain_text("said hello with boat.png")
        await expect(mia.composer).to_be_focused()


async def test_who_writes_on_is_not_disturbed_by_what_comes_back(mia: Discord, start: Start) -> None:
    async def speak(interaction: Interaction, text: str) -> None:
        """Answer nothing."""

    async with start(by("speak", speak)) as bot:
        await mia.uses("speak", text="hello")
        await bot.hears("interaction")
        await mia.composer.fill("mean")
        await mia.page.evaluate(_RECONNECT)
        note = mia.page.locator("#messages").get_by_text("The connection was lost before the bot answered.")
        await expect(note).to_be_visible()
        await mia.composer.press_sequentially("while")
        await expect(mia.composer).to_have_value("meanwhile")
        await mia.composer.press("Enter")
        await expect(mia.message("meanwhile")).to_be_visible()
        form = mia.page.get_by_role("form", name="Command /speak")
        await expect(form.get_by_label("text", exact=True)).to_have_value("hello")


async def _offer(interaction: Interaction) -> None:
    """A button that nobody answers for."""

    async def pressed(interaction: Interaction) -> None:
        """Answer nothing."""

    view, button = ui.View(timeout=None), ui.Button[Any](label="Press me")
    button.callback = pressed
    view.add_item(button)
    await interaction.response.send_message("Here", view=view)


async def _ask(interaction: Interaction) -> None:
    modal = ui.Modal(title="A question")
    modal.add_item(ui.TextInput(label="What"))
    await interaction.response.send_modal(modal)


def _furnish(bot: Bot) -> None:
    by("offer", _offer)(bot)
    by("ask", _ask)(bot)


async def test_what_waits_for_a_bot_ends_with_the_connection_and_with_whom_it_was_for(
    mia: Discord, leo: Person, start: Start
) -> None:
    async with start(_furnish):
        await mia.uses("offer")
        button, notes = mia.page.get_by_role("button", name="Press me"), mia.page.locator("#messages .note")
        await button.click()
        await expect(button).to_have_attribute("aria-busy", "true")
        await mia.page.evaluate(_RECONNECT)
        await expect(notes).to_contain_text("The connection was lost before the bot answered.")
        await expect(button).not_to_have_attribute("aria-busy", "true")
        await button.click()
        await expect(button).to_have_attribute("aria-busy", "true")
        await mia.uses("ask")
        await mia.dialog("A question").get_by_label("What *").fill("Where?")
        await mia.page.evaluate(_BECOME, str(leo.id))
        await expect(mia.page.get_by_role("button", name="You are Leo, member")).to_be_visible()
        await expect(mia.dialog("A question")).to_have_count(0)
        await expect(button).not_to_have_attribute("aria-busy", "true")
        await expect(notes).to_have_count(0)


async def test_a_modal_is_submitted_again_and_closed_only_by_who_means_it(
    mia: Discord, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_deaf = True

    class Question(ui.Modal, title="A question"):
        what: ui.Label[Any] = ui.Label(text="What", component=ui.TextInput(custom_id="what"))

        async def on_submit(self, interaction: Interaction, /) -> None:
            assert isinstance(self.what.component, ui.TextInput)
            if not is_deaf:
                await interaction.response.send_message(f"asked {self.what.component.value}")

    async def ask(interaction: Interaction) -> None:
        modal = Question(timeout=None)
        monkeypatch.setattr(modal, "stop", lambda: None)  # it is submitted twice
        await interaction.response.send_modal(modal)

    async with start(by("ask", ask)):
        await mia.uses("ask")
        modal = mia.dialog("A question")
        said = modal.get_by_role("alert")
        await modal.get_by_label("What *").fill("Where?")
        await mia.page.keyboard.press("Escape")
        await expect(said).to_have_text("Escape once more closes this, and what you wrote is lost then.")
        monkeypatch.setattr(dealings, "ACK_WINDOW_S", 0.01)
        await modal.get_by_role("button", name="Submit").click()
        await expect(said).to_contain_text("did not respond")
        monkeypatch.setattr(dealings, "ACK_WINDOW_S", PATIENCE_S)
        is_deaf = False
        await modal.get_by_role("button", name="Submit").click()
        await expect(mia.message("asked Where?")).to_be_visible()
        await expect(modal).to_be_hidden()


async def test_a_file_that_is_dropped_beside_everything_opens_nothing(mia: Discord) -> None:
    await mia.page.get_by_role("button", name="Be somebody else").focus()
    for kind in ("dragover", "drop"):
        assert await give(mia.page, kind, "boat.png")
    await expect(mia.page.get_by_role("list", name="Chosen files")).to_be_hidden()


async def test_names_in_code_and_addresses_stay_names(mia: Discord, channel: Channel, leo: Person) -> None:
    text = "İ @leo `@leo` https://a.example/@leo ```\n@leo```"
    await mia.composer.fill(text)
    await mia.composer.press("Enter")
    await expect(mia.message("https://a.example")).to_be_visible()
    sent = f"İ <@{leo.id}> `@leo` https://a.example/@leo ```\n@leo```"
    assert channel.messages[0].content == sent
    await mia.chooses(mia.message("https://a.example"), "Edit message")
    await expect(mia.composer).to_have_value(text.replace("@leo", "@Leo", 1))
    await mia.composer.press("Enter")
    await expect(mia.composer).to_have_value("")
    assert channel.messages[0].content == sent


async def test_a_slash_begins_what_is_called_so_and_nothing_else(
    mia: Discord, channel: Channel, leo: Person, start: Start
) -> None:
    await leo.send(channel, "Look!")
    async with start(by("say", say)):
        await mia.composer.fill("/try")  # as its description says
        await expect(mia.page.get_by_role("option", name="/say")).to_have_attribute("aria-selected", "false")
        await mia.composer.press("Enter")
        said = mia.page.locator("#composer").get_by_role("alert")
        await expect(said).to_have_text(
            "There is no command /try here. Enter once more sends it as a message."
        )
        await expect(mia.page.get_by_role("listbox")).to_be_hidden()
        await mia.composer.press("Enter")
        await expect(mia.message("/try")).to_be_visible()
        await mia.chooses(mia.message("Look!"), "Reply")
        await mia.uses("say", text="hello")
        await expect(mia.message("said")).to_be_visible()
        await mia.writes("by itself")
        await expect(mia.message("by itself")).to_be_visible()
    assert channel.messages[-1].referenced is None


async def test_the_fields_are_what_they_say_to_those_who_hear_and_to_phones(
    mia: Discord, start: Start
) -> None:
    async def turn(
        interaction: Interaction,
        by: app_commands.Range[float, -10, 10] | None = None,
        times: app_commands.Range[int, 1, 5] | None = None,
    ) -> None:
        await interaction.response.send_message(f"turned {by} {times}")

    async with start(by("turn", turn)):
        form = await mia.begins("turn")
        for name in ("by", "times"):
            await form.get_by_role("button", name=f"+ {name}").click()
        await expect(form.get_by_label("times", exact=True)).to_have_attribute("inputmode", "numeric")
        await expect(form.get_by_label("by", exact=True)).not_to_have_attribute("inputmode", "decimal")
        await form.get_by_label("by", exact=True).fill("-2.5")
        await form.get_by_role("button", name="Send /turn").click()
        await expect(mia.message("turned -2.5")).to_be_visible()


async def test_one_skips_to_writing_and_letters_lead_there_but_not_out_of_the_drawer(mia: Discord) -> None:
    page = mia.page
    await _press(page, "Skip to writing")
    await expect(mia.composer).to_be_focused()
    opener = page.get_by_role("button", name="What if")
    await opener.focus()
    await page.keyboard.press("a")
    await expect(mia.composer).to_have_value("a")
    await opener.click()
    button = page.locator("#backstage").get_by_role("button").first
    await button.focus()
    await page.keyboard.press("b")
    await page.keyboard.press("Shift")
    await expect(button).to_be_focused()
    await expect(mia.composer).to_have_value("a")


async def _press(page: Page, link: str) -> None:
    await page.get_by_role("link", name=link).focus()
    await page.keyboard.press("Enter")

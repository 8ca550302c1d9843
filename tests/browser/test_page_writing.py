"""What one writes, presses and chooses on the page of the local Discord; the bot is a small one."""

import asyncio
import functools
import re
from collections.abc import Callable
from typing import Any

import discord
import pytest
from discord import app_commands, ui
from playwright.async_api import expect

from bot.sandbox import Channel, File, Permission, Person, Server
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
from tests.browser.discord import Discord
from tests.sandbox.conftest import Bot, Start
from tests.sandbox.pictures import png

__all__ = ["_pointed", "app", "channel", "guild", "leo", "mia", "sandbox", "start"]


async def test_a_command_is_found_and_filled_in_by_keyboard_alone(mia: Discord, start: Start) -> None:
    async with start(by("say", say)):
        keyboard = mia.page.keyboard
        await keyboard.type("/sa")  # with the focus nowhere
        await expect(mia.page.get_by_role("option", name="/say")).to_have_attribute("aria-selected", "true")
        await keyboard.press("Tab")
        await expect(mia.page.get_by_role("textbox", name="text")).to_be_focused()
        await keyboard.type("hello")
        await mia.page.get_by_role("button", name="+ loud").focus()
        await keyboard.press("Enter")
        await expect(mia.page.get_by_role("combobox", name="loud")).to_be_focused()
        await keyboard.type("T")
        await keyboard.press("Enter")
        await expect(mia.message("said")).to_contain_text("('hello', None, True, None, None, None)")
        await expect(mia.composer).to_be_focused()


async def test_options_of_every_kind_arrive(mia: Discord, leo: Person, start: Start) -> None:
    assert leo
    async with start(by("say", say)):
        file = File("boat.png", png(64, 36))
        await mia.uses("say", text="hello", count="3", style="At once", whom="Leo", file=file)
        await expect(mia.message("said")).to_contain_text("('hello', 3, None, 'fast', 'leo', 'boat.png')")


async def test_an_option_says_what_it_takes_before_anything_is_sent(mia: Discord, start: Start) -> None:
    async with start(by("say", say)):
        form = await mia.begins("say")
        text, said = form.get_by_label("text", exact=True), mia.page.get_by_role("alert")
        await text.press("Enter")
        await expect(said.first).to_have_text("text is needed.")
        await text.fill("a")
        await text.press("Enter")
        await expect(said.first).to_have_text("text takes at least 2 characters.")
        await expect(text).to_have_attribute("aria-invalid", "true")
        await text.fill("hello")
        await form.get_by_role("button", name="+ count").click()
        await expect(form.get_by_label("count", exact=True)).to_be_focused()
        await mia.page.keyboard.type("9")
        await mia.page.keyboard.press("Enter")
        await expect(said.first).to_have_text("count takes 1 to 5.")
        await mia.page.keyboard.press("Escape")
        await expect(said.first).to_have_text(
            "Escape once more leaves /say; what you filled in is lost then."
        )
        await mia.page.keyboard.press("Escape")
        await expect(form).to_be_hidden()
        await expect(mia.composer).to_be_focused()
        await expect(mia.messages).to_have_count(0)


async def test_the_newest_suggestions_win(mia: Discord, start: Start) -> None:
    asked, overtaken = asyncio.Event(), asyncio.Event()

    async def suggest(_: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        if typed == "a":
            asked.set()
            await overtaken.wait()
        return [app_commands.Choice(name=f"for {typed}", value=f"meant {typed}")]

    async def find(interaction: Interaction, what: str) -> None:
        await interaction.response.send_message(f"found {what}")

    async with start(by("find", app_commands.autocomplete(what=suggest)(find))):
        form = await mia.begins("find")
        what = form.get_by_role("textbox", name="what")
        await what.fill("a")
        await asked.wait()
        await what.fill("ab")
        option = mia.page.get_by_role("option")
        await expect(option).to_have_text("for ab")
        overtaken.set()
        await what.press("ArrowDown")
        await what.press("Enter")
        await expect(what).to_have_value("for ab")
        await what.press("Enter")
        await expect(mia.message("found")).to_contain_text("found meant ab")


async def test_a_select_sends_what_was_chosen_once_it_is_enough(
    mia: Discord, leo: Person, start: Start
) -> None:
    assert leo

    async def pick(interaction: Interaction) -> None:
        view = ui.View()
        colours: Any = ui.Select[Any](
            placeholder="Paints", min_values=2, max_values=3, options=list(map(_option, "RGB"))
        )
        people: Any = ui.UserSelect[Any](placeholder="Who")

        async def chose(answer: Interaction) -> None:
            names = [getattr(value, "name", value) for value in (*colours.values, *people.values)]
            await answer.response.send_message(f"chosen {names}")

        for select in (colours, people):
            select.callback = chose
            view.add_item(select)
        await interaction.response.send_message("Choose", view=view)

    async with start(by("pick", pick)):
        await mia.uses("pick")
        keyboard, option = mia.page.keyboard, functools.partial(mia.page.get_by_role, "option")
        await mia.page.get_by_role("button", name="Paints", exact=True).click()
        await expect(option(name="R")).to_be_focused()
        await keyboard.press("Enter")
        await keyboard.press("Escape")
        await expect(mia.page.get_by_role("button", name="Paints", expanded=False)).to_have_accessible_name(
            "Paints"
        )
        await mia.page.get_by_role("button", name="Paints", exact=True).click()
        await expect(option(name="R")).to_be_focused()
        await keyboard.press("Enter")
        await keyboard.press("b")
        await expect(option(name="B")).to_be_focused()
        await keyboard.press(" ")
        await mia.page.get_by_role("button", name="Done").click()
        await expect(mia.message("chosen")).to_contain_text("['R', 'B']")
        await mia.page.get_by_role("button", name="Who").click()
        await option(name="Leo").click()
        await expect(mia.message("chosen")).to_contain_text("'leo'")


def _option(name: str) -> discord.SelectOption:
    return discord.SelectOption(label=name)


class Questions(ui.Modal, title="Some questions"):
    """What a modal can ask, as far as discord.py knows it."""

    hint: ui.TextDisplay[Any] = ui.TextDisplay("Say **all** of it.")
    what: ui.Label[Any] = ui.Label(
        text="What", component=ui.TextInput(custom_id="what", min_length=3, max_length=10)
    )
    colour: ui.Label[Any] = ui.Label(
        text="Colour", component=ui.Select(custom_id="colour", options=list(map(_option, "RGB")))
    )
    who: ui.Label[Any] = ui.Label(text="Who", component=ui.UserSelect(custom_id="who"))
    file: ui.Label[Any] = ui.Label(text="File", component=ui.FileUpload(custom_id="file"))

    async def on_submit(self, interaction: Interaction, /) -> None:
        fields: list[Any] = [self.what, self.colour, self.who, self.file]
        what, colour, who, file = (label.component for label in fields)
        said = (what.value, colour.values, who.values[0].name, file.values[0].filename)
        await interaction.response.send_message(f"asked {said}")


async def _question(interaction: Interaction) -> None:
    await interaction.response.send_modal(Questions())


async def test_a_modal_says_at_the_field_what_is_wrong_and_sends_the_rest(
    mia: Discord, leo: Person, start: Start
) -> None:
    assert leo
    async with start(by("ask", _question)):
        await mia.uses("ask")
        modal, keyboard = mia.dialog("Some questions"), mia.page.keyboard
        await expect(modal.get_by_label("What *")).to_be_focused()
        await modal.get_by_label("What *").fill("no")
        await modal.get_by_role("button", name="Submit").click()
        await expect(modal.get_by_label("What *")).to_have_accessible_description(
            "At least 3 characters; there are 2."
        )
        await expect(modal).to_contain_text("“File” is needed.")
        await keyboard.type("where")
        await modal.get_by_role("button", name="Colour").click()
        await expect(modal.get_by_role("option", name="R")).to_be_focused()
        await keyboard.press("g")
        await keyboard.press("Enter")
        await modal.get_by_role("button", name="Who").click()
        await modal.get_by_role("option", name="Leo").click()
        await modal.locator("input[type=file]").set_input_files(
            {"name": "boat.png", "mimeType": "image/png", "buffer": png(64, 36)}
        )
        await modal.get_by_role("button", name="Submit").click()
        await expect(mia.message("asked")).to_contain_text("('nowhere', ['G'], 'leo', 'boat.png')")
        await expect(modal).to_be_hidden()


async def test_a_modal_that_nobody_answers_keeps_what_was_written(
    mia: Discord, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def question(interaction: Interaction) -> None:
        modal = ui.Modal(title="A question")
        modal.add_item(ui.TextInput(label="What"))
        await interaction.response.send_modal(modal)
        modal.stop()  # discord.py lets what comes of such a modal lie

    async with start(by("ask", question)):
        await mia.uses("ask")
        modal = mia.dialog("A question")
        await modal.get_by_label("What *").fill("Where?")
        monkeypatch.setattr(dealings, "ACK_WINDOW_S", 0.01)
        await modal.get_by_role("button", name="Submit").click()
        await expect(modal.get_by_role("alert")).to_contain_text("did not respond")
        await expect(modal.get_by_label("What *")).to_have_value("Where?")


async def test_escape_closes_a_modal_and_the_focus_is_where_one_writes(mia: Discord, start: Start) -> None:
    async with start(by("ask", _question)):
        await mia.uses("ask")
        await expect(mia.dialog("Some questions")).to_be_visible()
        await mia.page.keyboard.press("Escape")
        await expect(mia.dialog("Some questions")).to_be_hidden()
        await expect(mia.composer).to_be_focused()


async def test_a_button_shows_that_it_waits(mia: Discord, start: Start) -> None:
    may_answer = asyncio.Event()

    async def pressed(interaction: Interaction) -> None:
        await may_answer.wait()
        await interaction.response.send_message("Pressed")

    async with start(by("offer", _offering(pressed))):
        await mia.uses("offer")
        button = mia.page.get_by_role("button", name="Press me")
        await button.click()
        await expect(button).to_have_attribute("aria-busy", "true")
        may_answer.set()
        await expect(mia.message("Pressed")).to_be_visible()
        await expect(button).not_to_have_attribute("aria-busy", "true")


async def test_a_bot_that_does_not_answer_is_told_of(
    mia: Discord, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with start(by("offer", _offering(None))):
        await mia.uses("offer")
        button = mia.page.get_by_role("button", name="Press me")
        await button.wait_for()
        monkeypatch.setattr(dealings, "ACK_WINDOW_S", 0.01)
        await button.click()
        await expect(mia.page.locator("#messages")).to_contain_text("The application did not respond")
        await expect(button).not_to_have_attribute("aria-busy", "true")


def _offering(pressed: Callable[[Interaction], Any] | None) -> Callable[[Interaction], Any]:
    """A command with a button that does this, or nothing at all."""

    async def offer(interaction: Interaction) -> None:
        view = ui.View()
        button: Any = ui.Button[Any](label="Press me")
        view.add_item(button)
        if pressed is None:
            view.stop()  # discord.py lets presses of such a view lie
        else:
            button.callback = pressed
        await interaction.response.send_message("Here", view=view)

    return offer


async def test_a_reply_notifies_unless_that_is_switched_off(
    mia: Discord, leo: Person, channel: Channel
) -> None:
    await leo.send(channel, "Look!")
    await mia.chooses(mia.messages.first, "Reply")
    await mia.writes("I see")
    await expect(mia.message("I see")).to_contain_text("Look!")
    await mia.chooses(mia.messages.first, "Reply")
    await mia.page.get_by_role("switch", name="Mention Leo").click()
    await mia.writes("@leo I said it")
    await expect(mia.message("I said it")).to_be_visible()
    first, second = channel.messages[1:]
    assert leo.id in first.pinged
    assert second.content == f"<@{leo.id}> I said it"
    assert second.referenced is channel.messages[0]


async def test_only_own_messages_are_changed_and_deleted(mia: Discord, leo: Person, channel: Channel) -> None:
    await leo.send(channel, "Mine")
    await mia.writes("a boot")
    await expect(mia.message("a boot")).to_be_visible()
    await mia.composer.press("ArrowUp")
    await expect(mia.composer).to_have_value("a boot")
    await mia.composer.fill("a boat")
    await mia.composer.press("Enter")
    await expect(mia.message("a boat")).to_contain_text("(edited)")
    await mia.chooses(mia.message("a boat"), "Delete message")
    await expect(mia.messages).to_have_count(1)
    await mia.message("Mine").click(button="right")
    await expect(mia.page.get_by_role("menuitem", name="Copy text")).to_be_visible()
    await expect(mia.page.get_by_role("menuitem", name="Delete message")).to_be_hidden()
    await expect(mia.page.get_by_role("menuitem", name="Edit message")).to_be_hidden()


async def test_the_menu_of_a_message_opens_threads_and_uses_apps(
    mia: Discord, channel: Channel, start: Start
) -> None:
    async def weigh(interaction: Interaction, message: discord.Message) -> None:
        await interaction.response.send_message(f"It has {len(message.content)} letters.")

    def furnish(bot: Bot) -> None:
        bot.tree.add_command(app_commands.ContextMenu(name="Weigh", callback=weigh))

    async with start(furnish):
        await mia.writes("boat")
        await mia.chooses(mia.message("boat"), "Weigh")
        await expect(mia.message("It has 4 letters.")).to_be_visible()
        await mia.chooses(mia.message("boat"), "Open a thread")
        await mia.page.get_by_role("dialog").get_by_label("Its name").fill("Boats")
        await mia.page.keyboard.press("Enter")
        await expect(mia.page.get_by_role("heading", name="Boats").first).to_be_visible()
    assert channel.messages[0].thread


async def test_files_are_dropped_and_pasted_and_taken_away_again(mia: Discord, channel: Channel) -> None:
    await mia.composer.focus()
    await give(mia.page, "drop", "first.png")
    await give(mia.page, "paste", "image.png")
    files = mia.page.get_by_role("list", name="Chosen files")
    await expect(files.get_by_role("listitem")).to_have_count(2)
    await files.get_by_role("button", name="Remove first.png").click()
    await mia.writes("Here")
    await expect(files).to_be_hidden()
    await expect(mia.message("Here")).to_be_visible()
    assert [file.filename for file in channel.messages[-1].files] == ["pasted-1.png"]


async def test_a_file_that_is_too_large_is_refused_before_it_is_sent(
    mia: Discord, guild: Server, channel: Channel
) -> None:
    guild.upload_limit = 1000
    await mia.page.reload()
    await mia.is_there()
    await mia.composer.focus()
    await give(mia.page, "drop", "big.png", 2000)
    said = mia.page.get_by_role("alert").first
    await expect(said).to_have_text("big.png has 2 KB; files here may have 1 KB at most.")
    await mia.composer.press("Enter")
    files = mia.page.get_by_role("list", name="Chosen files")
    await expect(files).to_be_visible()
    await files.get_by_role("button", name="Remove big.png").click()
    await mia.writes("Here")
    assert [(message.content, message.files) for message in channel.messages] == [("Here", [])]


async def test_one_is_somebody_else_here_or_in_a_second_window(
    mia: Discord, guild: Server, leo: Person
) -> None:
    assert leo
    crew = guild.add_role("crew", permissions=Permission.MANAGE_GUILD)
    ada = guild.add_member("ada", roles=[crew])
    guild.add_member("jan", locale="de")
    await mia.page.reload()
    me = mia.page.get_by_role("button", name="Be somebody else")
    await expect(me).to_have_accessible_name("You are Mia, member. Be somebody else")
    await me.click()
    second = mia.page.get_by_role("link", name="Open a second window as Leo")
    async with mia.page.context.expect_page() as opened:
        await second.click()
    other = Discord(await opened.value)
    await expect(other.page.get_by_role("button", name="You are Leo, member")).to_be_visible()
    await other.writes("It is me")
    await expect(mia.message("It is me").locator(".author")).to_have_text("Leo")
    await other.page.close()
    await mia.page.reload()
    await mia.composer.fill("not for Ada")
    await me.click()
    await expect(mia.page.get_by_role("button", name="Jan member · German")).to_be_visible()
    await mia.page.get_by_role("button", name="Ada moderator").click()
    await expect(me).to_have_accessible_name("You are Ada, moderator. Be somebody else")
    await expect(mia.composer).to_have_value("")
    await expect(mia.page).to_have_url(re.compile(rf"\?as={ada.id}"))


async def test_each_place_keeps_what_was_begun_there(mia: Discord, guild: Server) -> None:
    guild.add_channel("ideas")
    await mia.composer.fill("half a thought")
    await mia.go_to("ideas")
    await expect(mia.composer).to_have_value("")
    await mia.go_to("general")
    await expect(mia.composer).to_have_value("half a thought")


async def test_the_hint_for_newcomers_goes_away_for_good(mia: Discord) -> None:
    hint = mia.page.get_by_role("region", name="What to try")
    await hint.get_by_role("button", name="Close for good").click()
    await expect(mia.composer).to_be_focused()
    await mia.page.reload()
    await mia.is_there()
    await expect(hint).to_be_hidden()

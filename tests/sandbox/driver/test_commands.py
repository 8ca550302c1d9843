"""Commands, suggestions, menus, modals and buttons with an unmodified client."""

import asyncio
from typing import Any

import discord
import pytest
from discord import app_commands, ui

from bot.sandbox import App, Channel, ClientRefused, File, Person, Sandbox, Server
from tests.sandbox.conftest import Bot, Rest, Start
from tests.sandbox.pictures import png

CAT = File("cat.png", png(2, 2))


class Ask(ui.Modal, title="Animate"):
    prompt: ui.Label["Ask"] = ui.Label(text="Prompt", component=ui.TextInput(max_length=20))
    quality: ui.Label["Ask"] = ui.Label(
        text="Quality",
        component=ui.RadioGroup(
            options=[
                discord.RadioGroupOption(label="Plain", value="std", default=True),
                discord.RadioGroupOption(label="Fine", value="pro"),
            ]
        ),
    )
    frame: ui.Label["Ask"] = ui.Label(text="Frame", component=ui.FileUpload(required=False))
    extras: ui.Label["Ask"] = ui.Label(
        text="Extras",
        component=ui.CheckboxGroup(
            required=False, options=[discord.CheckboxGroupOption(label="Sound", value="sound")]
        ),
    )
    draft: ui.Label["Ask"] = ui.Label(text="Draft", component=ui.Checkbox())

    async def on_submit(self, interaction: discord.Interaction, /) -> None:
        values: list[Any] = [
            label.component for label in (self.prompt, self.quality, self.frame, self.extras, self.draft)
        ]
        text, radio, upload, boxes, box = values
        frames = [await found.read() for found in upload.values]
        said = [text.value, radio.value, frames == [CAT.data], list(boxes.values), box.value]
        await interaction.response.send_message(repr(said), ephemeral=True)


class Again(ui.DynamicItem[ui.Button[Any]], template=r"again:(?P<job>\d+)"):
    def __init__(self, job: int) -> None:
        super().__init__(ui.Button(label="Again", custom_id=f"again:{job}"))
        self.job = job

    @classmethod
    async def from_custom_id(cls, _interaction: Any, _item: Any, match: Any, /) -> "Again":
        return cls(int(match["job"]))

    async def callback(self, interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await interaction.edit_original_response(content=f"job {self.job} again")


def furnish(bot: Bot) -> None:
    async def suggest(_interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        names = [name for name in ("kling", "klee", "luma") if name.startswith(typed)]
        return [app_commands.Choice(name=name.title(), value=name) for name in names]

    @bot.tree.command()
    @app_commands.autocomplete(model=suggest)
    async def animate(
        interaction: discord.Interaction, model: str, who: discord.Member | None = None
    ) -> None:
        """Animate."""
        view = ui.View(timeout=None).add_item(Again(7))
        await interaction.response.send_message(f"{model} for {who.display_name if who else None}", view=view)

    @bot.tree.context_menu(name="Animate")
    async def menu(interaction: discord.Interaction, message: discord.Message) -> None:
        assert message.attachments[0].filename == "cat.png"
        await interaction.response.send_modal(Ask(timeout=60))

    group = app_commands.Group(name="quota", description="Quota")

    @group.command()
    async def me(interaction: discord.Interaction) -> None:
        """Mine."""
        await interaction.response.send_message("3 left", ephemeral=True)
        await interaction.followup.send("of 10", ephemeral=True)

    bot.tree.add_command(group)
    bot.add_dynamic_items(Again)
    del animate, menu, me


async def test_suggestions_come_as_they_are_typed(
    start: Start, app: App, channel: Channel, mia: Person
) -> None:
    async with start(furnish):
        await app.ready()
        choices = await mia.autocomplete("animate", channel, focused="model", value="kl")
        assert [(choice.name, choice.value) for choice in choices] == [("Kling", "kling"), ("Klee", "klee")]


async def test_a_button_works_after_a_restart(start: Start, app: App, channel: Channel, mia: Person) -> None:
    async with start(furnish):
        used = await mia.slash("animate", channel, model="kling", who=mia)
        message = await used.response()
        assert message.text == "kling for Mia"
    async with start(furnish):
        await app.ready()
        pressed = await mia.click(message, "Again")
        answer = await pressed.response()
        assert answer.text == "job 7 again"
        assert answer.ephemeral_to is mia.user


async def test_sub_commands_answer_with_follow_ups(start: Start, channel: Channel, mia: Person) -> None:
    async with start(furnish):
        used = await mia.slash("quota me", channel)
        assert (await used.response()).text == "3 left"
        assert (await used.follow_up()).text == "of 10"


async def test_a_menu_opens_a_modal_with_every_kind_of_field(
    start: Start, channel: Channel, mia: Person
) -> None:
    async with start(furnish):
        message = await mia.send(channel, "look", files=[CAT])
        modal = await (await mia.menu("Animate", message)).modal()
        assert modal.title == "Animate"
        assert [field.label for field in modal.fields] == ["Prompt", "Quality", "Frame", "Extras", "Draft"]
        for wrong in (
            {},
            {"Prompt": "x" * 21},
            {"Prompt": "a", "Quality": "Best"},
            {"Prompt": "a", "Colour": "red"},
            {"Prompt": "a", "Frame": "cat.png"},
            {"Prompt": "a", "Frame": [CAT, CAT]},
            {"Prompt": 5},
        ):
            with pytest.raises(ClientRefused):
                await mia.submit(modal, wrong)
        plain = await mia.submit(modal, {"Prompt": "a cat"})
        assert (await plain.response()).text == "['a cat', 'std', False, [], False]"


async def test_a_modal_takes_files_and_choices(start: Start, channel: Channel, mia: Person) -> None:
    async with start(furnish):
        message = await mia.send(channel, "look", files=[CAT])
        modal = await (await mia.menu("Animate", message)).modal()
        values = {"Prompt": "a", "Quality": "Fine", "Frame": CAT, "Extras": ["Sound"], "Draft": True}
        answer = await (await mia.submit(modal, values)).response()
        assert answer.text == "['a', 'pro', True, ['sound'], True]"
        assert answer.ephemeral_to is mia.user


async def test_commands_keep_their_ids_over_a_sync(rest: Rest, start: Start, app: App, guild: Server) -> None:
    path = f"/applications/{app.id}/commands"
    async with start(furnish):
        _, before = await rest("GET", path)
    async with start(furnish):
        _, after = await rest("GET", path)
    assert {command["id"] for command in before} == {command["id"] for command in after}
    assert {(command["type"], command["name"]) for command in after} == {
        (1, "animate"),
        (1, "quota"),
        (3, "Animate"),
    }
    _, own = await rest(
        "POST", f"{path[:-9]}/guilds/{guild.id}/commands", {"name": "own", "description": "d"}
    )
    assert own["guild_id"] == str(guild.id)
    one = f"{path}/{after[0]['id']}"
    assert (await rest("PATCH", one, {"description": "Other"}))[1]["description"] == "Other"
    assert await rest("DELETE", one) == (204, None)
    assert await rest.code("GET", one) == (404, 10063)
    assert await rest.code("GET", "/applications/1/commands") == (403, 50001)


async def test_a_wrong_token_is_no_login(sandbox: Sandbox, rest: Rest, app: App, start: Start) -> None:
    del start
    assert await rest.code("GET", "/users/@me", token="wrong") == (401, 40001)
    assert await rest.code("GET", "/nowhere") == (404, 0)
    async with Bot(discord.Intents.none()) as bot:
        with pytest.raises(discord.LoginFailure):
            await bot.login("wrong")
    _, about = await rest("GET", "/oauth2/applications/@me")
    assert about["flags"] == 0
    app.message_content = True
    _, about = await rest("GET", "/oauth2/applications/@me")
    assert about["flags"] == 1 << 19
    assert sandbox.requests[0].route == "/users/@me"


async def test_two_hundred_people_at_once_are_all_answered(
    start: Start, channel: Channel, guild: Server
) -> None:
    people = [guild.add_member(f"m{number}") for number in range(200)]
    async with start(furnish):
        used = await asyncio.gather(*(person.slash("animate", channel, model="kling") for person in people))
        answers = await asyncio.gather(*(one.response() for one in used))
        assert {answer.text for answer in answers} == {"kling for None"}
        assert len(channel.messages) == 200

"""The whole way of a clip, with an unmodified client: command, deferral, card, thread, clip, buttons."""

import io

import discord
from discord import app_commands, ui

from bot.sandbox import App, File, Person, Sandbox, Server
from tests.discord_schema import observer
from tests.sandbox.conftest import Bot, Start
from tests.sandbox.pictures import png


def card(text: str, picture: discord.File | None = None, *, cancel: bool = False) -> ui.LayoutView:
    view = ui.LayoutView(timeout=None)
    container: ui.Container[ui.LayoutView] = ui.Container(ui.TextDisplay(text))
    if picture:
        container.add_item(ui.MediaGallery(discord.MediaGalleryItem(picture.uri)))
    if cancel:
        container.add_item(ui.ActionRow(ui.Button(label="Cancel", custom_id="cancel")))
    return view.add_item(container)


def furnish(bot: Bot) -> None:
    @bot.tree.command()
    async def animate(
        interaction: discord.Interaction, image: discord.Attachment, prompt: app_commands.Range[str, 1, 100]
    ) -> None:
        """Animate a picture."""
        await interaction.response.defer()
        data = await image.read()
        picture = discord.File(io.BytesIO(data), "still.png")
        message = await interaction.edit_original_response(
            view=card(f"Working on {prompt}", picture, cancel=True), attachments=[picture]
        )
        thread = await message.create_thread(name=prompt)
        await thread.send(
            f"<@{interaction.user.id}> done",
            file=discord.File(io.BytesIO(b"clip"), "clip.mp4"),
            nonce="j1.0",
            allowed_mentions=discord.AllowedMentions(users=[interaction.user]),
        )

    async def on_interaction(interaction: discord.Interaction) -> None:
        if interaction.type is discord.InteractionType.component:
            await interaction.response.edit_message(view=card("Cancelled"))

    bot.event(on_interaction)
    del animate


async def test_a_clip_goes_from_the_command_to_the_thread(
    sandbox: Sandbox, app: App, guild: Server, mia: Person, start: Start
) -> None:
    channel = guild.add_channel("general")
    checked = observer()
    if checked:
        sandbox.on_request.append(checked)
    async with start(furnish):
        await app.ready()
        used = await mia.slash("animate", channel, image=File("cat.png", png(3, 2)), prompt="a cat")
        ack = await used.acknowledged()
        message = await used.response(until=lambda found: found.thread)
        [thread] = guild.threads
        clip = await thread.next_message(lambda found: found.author is app.user, since=0)

        assert ack.type == 5
        assert not ack.ephemeral
        assert message.text == "Working on a cat"
        assert message.files[0].data == png(3, 2)
        assert message.files[0].pixels == (3, 2)
        assert thread.id == message.id
        assert thread.parent is channel
        assert clip.files[0].filename == "clip.mp4"
        assert clip.files[0].data == b"clip"
        assert clip.pinged == {mia.id}
        assert not message.pinged

        pressed = await mia.click(message, "Cancel")
        await pressed.response(until=lambda found: found.text == "Cancelled")
        assert checked is None or checked.problems == []
        assert [request.status for request in sandbox.requests if request.status >= 300] == []

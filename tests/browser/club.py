"""A server with a small bot and Mia before her window: for tests of what one writes on the page of the local Discord."""

from collections.abc import AsyncIterator, Callable
from typing import Any, TypeAlias

import discord
import pytest
from discord import app_commands
from playwright.async_api import Page

from bot.sandbox import App, Channel, Person, Sandbox, Server
from tests.browser.discord import Discord
from tests.browser.windows import Windows
from tests.sandbox.conftest import TOKEN, Bot, _pointed, start

__all__ = ["_pointed", "app", "channel", "guild", "leo", "mia", "sandbox", "start"]

Interaction: TypeAlias = discord.Interaction[Any]

_GIVE = """([kind, name, size]) => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(size)], name, { type: "image/png" }));
    const how = { bubbles: true, cancelable: true };
    const event = kind === "paste"
        ? new ClipboardEvent(kind, { ...how, clipboardData: data })
        : new DragEvent(kind, { ...how, dataTransfer: data });
    return !document.activeElement.dispatchEvent(event);
}"""


@pytest.fixture(autouse=True)  # before the windows, so that they are closed before it ends
async def sandbox() -> AsyncIterator[Sandbox]:
    made = Sandbox()
    async with made.serve():
        yield made


@pytest.fixture
def app(sandbox: Sandbox) -> App:
    return sandbox.add_application("Kinora", token=TOKEN)


@pytest.fixture
def guild(sandbox: Sandbox, app: App) -> Server:
    return sandbox.add_guild("Film club", app=app)


@pytest.fixture
def channel(guild: Server) -> Channel:
    return guild.add_channel("general")


@pytest.fixture
def leo(guild: Server) -> Person:
    return guild.add_member("leo")


@pytest.fixture
async def mia(guild: Server, channel: Channel, sandbox: Sandbox, windows: Windows) -> Discord:
    """Before her window."""
    assert channel
    return await Discord.enter(windows, sandbox, guild.add_member("mia"))


def by(name: str, use: Callable[..., Any]) -> Callable[[Bot], None]:
    """Furnish a bot with one command."""

    def furnish(bot: Bot) -> None:
        bot.tree.add_command(app_commands.Command(name=name, description="Try it.", callback=use))

    return furnish


@app_commands.choices(
    style=[
        app_commands.Choice(name="Slowly", value="slow"),
        app_commands.Choice(name="At once", value="fast"),
    ]
)
async def say(  # noqa: PLR0917 - discord.py hands options over by name
    interaction: Interaction,
    text: app_commands.Range[str, 2, 20],
    count: app_commands.Range[int, 1, 5] | None = None,
    loud: bool | None = None,  # noqa: FBT001 - an option
    style: str | None = None,
    whom: discord.Member | None = None,
    file: discord.Attachment | None = None,
) -> None:
    """What a command has been given, of every kind."""
    given = (text, count, loud, style, whom and whom.name, file and file.filename)
    await interaction.response.send_message(f"said {given}")


async def give(page: Page, kind: str, name: str, size: int = 9) -> bool:
    """Drop or paste a file, or drag it, where the focus is; whether somebody kept the browser from opening it."""
    return await page.evaluate(_GIVE, [kind, name, size])

"""The bot in this process, in a guild of the sandbox."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path

import discord
import pytest
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.app import running
from bot.db import audit
from bot.sandbox import Sandbox
from bot.sandbox.actions import responding
from bot.sandbox.page import dealings, using
from bot.services import reports
from bot.services.pace import Pace
from bot.settings import Settings
from bot.ui import intake, paintings
from bot.ui.directory import Directory
from tests.e2e.scenes import TOKEN, Bot, Scene
from tests.held import held
from tests.patience import PATIENCE_S


@pytest.fixture(autouse=True)
def _discord_py_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Route, "BASE", Route.BASE)
    monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", DiscordWebSocket.DEFAULT_GATEWAY)


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three seconds without an answer, or ten, are nothing unusual on a machine that is busy with other things."""
    for module in (responding, dealings, using):
        monkeypatch.setattr(module, "ACK_WINDOW_S", PATIENCE_S)
    for name in ("_CHECKED_WITHIN_S", "_ANSWERED_WITHIN_S"):
        monkeypatch.setattr(intake, name, PATIENCE_S)
    monkeypatch.setattr(intake, "_GO_ON_PAUSES_S", (0.05,))
    monkeypatch.setattr(paintings, "_PATIENCE_S", PATIENCE_S)
    monkeypatch.setattr(reports, "TOLD_WITHIN_S", PATIENCE_S)


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is too fast: what lies behind that bound is to hold by itself, as it must for many who act together."""

    def ensure_nothing(_self: Pace, _user_id: int) -> None:
        pass

    monkeypatch.setattr(Pace, "ensure_not_too_fast", ensure_nothing)


@pytest.fixture
def scene(sandbox: Sandbox, tmp_path: Path) -> Scene:
    application = sandbox.add_application("Kinora", token=TOKEN)
    guild = sandbox.add_guild("Film club", app=application)
    settings = Settings.model_validate(
        {
            "discord_token": TOKEN,
            "discord_api_url": sandbox.api_url,
            "discord_gateway_url": sandbox.gateway_url,
            "data_dir": tmp_path / "data",
            "web_port": 0,
        }
    )
    return Scene(sandbox, application, guild, guild.add_channel("general"), guild.add_member("mia"), settings)


@pytest.fixture
async def bot(scene: Scene) -> AsyncGenerator[Bot]:
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        yield Bot(app)
        assert await app.db.read(audit.discrepancies()) == 0


@pytest.fixture(params=["told", "asking"])
async def way(bot: Bot, request: pytest.FixtureRequest) -> AsyncGenerator[str]:
    """How the publisher knows servers: told by the gateway, or, as a worker that never connects, by asking."""
    async with AsyncExitStack() as stack:
        if request.param == "asking":
            client = await stack.enter_async_context(discord.Client(intents=discord.Intents.none()))
            await client.login(TOKEN)
            publisher = bot.app.client.desk._publisher
            publisher._client, publisher._directory = client, Directory(client)
        yield request.param

"""One process with several shards: as many as Discord asks for, each with its own servers, each coming back by itself."""

import asyncio

import pytest

from bot import shards
from bot.app import running
from bot.client import NoStartsLeft
from bot.db import departures
from bot.domain.duties import Duty, Shards
from bot.listening import is_connected
from bot.sandbox import Server
from tests.e2e.scenes import Scene
from tests.held import held
from tests.patience import PATIENCE_S


@pytest.fixture
def clubs(scene: Scene) -> list[Server]:
    """Two for each of two shards, besides the scene's own."""
    scene.application.recommended_shards, scene.application.max_concurrency = 2, 16
    add = scene.sandbox.add_guild
    return [
        add(f"Club {number}", app=scene.application, guild_id=(1000 + number) << 22) for number in range(4)
    ]


async def test_a_process_has_as_many_shards_as_discord_asks_for(scene: Scene, clubs: list[Server]) -> None:
    async with held(running(scene.settings)) as app:
        await scene.application.ready(sessions=2)
        await app.client.wait_until_ready()
        assert app.client.shards == Shards.all_of(2)
        assert is_connected(app.client)
        assert {guild.id for guild in app.client.guilds} == {scene.guild.id, *(club.id for club in clubs)}


async def test_a_shard_that_is_ready_anew_says_nothing_of_the_servers_of_another(
    scene: Scene, clubs: list[Server]
) -> None:
    async with held(running(scene.settings)) as app:
        await scene.application.ready(sessions=2)
        await app.client.wait_until_ready()
        gateway, gone = scene.sandbox.gateway, clubs[1]
        anew = asyncio.ensure_future(app.client.wait_for("shard_connect", timeout=3 * PATIENCE_S))
        session = next(one for one in gateway.sessions if one.holds(gone.id))
        gateway.unlisted.add(gone.id)
        del gone.members[scene.application.user.id]
        gateway._sessions.pop(session.id)
        assert session.connection is not None
        session.connection.cut()
        assert await anew == session.shard[0]
        await scene.application.ready(sessions=2)
        async with asyncio.timeout(PATIENCE_S):
            while gone.id in {guild.id for guild in app.client.guilds}:  # noqa: ASYNC110 - told by no event
                await asyncio.sleep(0.02)
        assert {guild.id for guild in app.client.guilds} == {
            scene.guild.id,
            *(club.id for club in clubs if club is not gone),
        }
        assert await app.db.read(departures.absent()) <= {gone.id}


async def test_more_shards_than_get_in_within_a_connections_patience_get_in_one_after_the_other(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All is a fiftieth of what it is: a minute for a connection to open, five seconds between two shards."""
    for name, value in {
        "_OPENS_WITHIN_S": 1.2,
        "IDENTIFIES_EVERY_S": 0.1,
        "_FIRST_PAUSE_S": 0.02,
    }.items():
        monkeypatch.setattr(shards, name, value)
    gateway, application = scene.sandbox.gateway, scene.application
    gateway.identify_every_s, application.recommended_shards = 0.08, 24
    ahead: list[int] = []
    async with held(running(scene.settings)), asyncio.timeout(3 * PATIENCE_S):
        while application.live_sessions < 24:
            ahead.append(len(gateway._connections) - application.live_sessions)
            await asyncio.sleep(0.02)
    assert max(ahead) <= 2  # who is about to identify, and perhaps one that is late


async def test_who_may_connect_no_more_today_does_not_try(scene: Scene, clubs: list[Server]) -> None:
    del clubs
    scene.application.starts_left = 1
    with pytest.raises(ExceptionGroup) as raised:
        async with held(running(scene.settings, Duty(shards=Shards.all_of(2)))):
            pass
    assert raised.group_contains(NoStartsLeft, match="Start it again in 1440 minutes")
    assert scene.application.starts_left == 1

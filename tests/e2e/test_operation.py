"""What an operator sees of a bot that runs: its web server, its metrics, its logs."""

import socket
from collections.abc import Iterator

import aiohttp
import pytest
from structlog.testing import capture_logs

from bot.app import running
from bot.settings import Settings
from bot.web.server import AddressUnusable
from tests.e2e.scenes import Bot, Scene
from tests.held import held


@pytest.fixture
def taken() -> Iterator[int]:
    """A port at which another program listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def at(scene: Scene, port: int, *, is_chosen: bool) -> Settings:
    """The settings with a port that was set, or that happens to be the usual one."""
    settings = scene.settings.model_copy(update={"web_port": port})
    if not is_chosen:
        settings.model_fields_set.discard("web_port")
    return settings


async def test_health_is_served_although_the_internet_does_not_reach_the_bot(bot: Bot) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{bot.app.port}/healthz") as reply,
    ):
        assert (reply.status, await reply.text()) == (200, "ok")


async def test_where_the_usual_port_is_taken_the_bot_does_without_a_web_server(
    scene: Scene, taken: int
) -> None:
    with capture_logs() as logs:
        async with held(running(at(scene, taken, is_chosen=False))) as app:
            await scene.application.ready()
            assert app.port is None
    [warning] = [line for line in logs if line["event"] == "no web server"]
    assert f"port {taken}" in warning["reason"]


async def test_where_a_port_that_was_chosen_is_taken_the_bot_does_not_start(scene: Scene, taken: int) -> None:
    with pytest.raises(ExceptionGroup) as raised:
        async with running(at(scene, taken, is_chosen=True)):
            pass
    assert isinstance(raised.value.exceptions[0], AddressUnusable)

"""What an operator sees of a bot that runs: its web server, its metrics, its logs."""

import socket
from collections.abc import Iterator

import aiohttp
import pytest
from structlog.testing import capture_logs

from bot.app import running
from bot.services.gate import Closure
from bot.settings import Settings
from bot.web.server import AddressUnusable
from tests.e2e.scenes import PICTURE, Bot, Scene
from tests.held import held
from tests.web.test_metrics import Samples, parsed


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


async def metrics(bot: Bot) -> Samples:
    return parsed((await answer(bot, "/metrics"))[1])


async def answer(bot: Bot, path: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{bot.app.port}{path}") as reply,
    ):
        return reply.status, await reply.text()


def sample(samples: Samples, name: str, **labels: str) -> float:
    return samples[name, frozenset(labels.items())]


async def test_the_metrics_tell_of_a_clip_from_its_request_to_its_post(bot: Bot, scene: Scene) -> None:
    await bot.app.client.wait_until_ready()
    before = await metrics(bot)
    assert sample(before, "kinora_queue_jobs", provider="local") == 0
    assert sample(before, "kinora_gateway_connected") == 1
    used = await scene.mia.slash("animate", scene.channel, image=PICTURE, prompt="It drifts", duration=5)
    await scene.clip_of(await used.response())
    after = await metrics(bot)
    done = {"provider": "local", "outcome": "done", "cause": "none"}
    assert sample(after, "kinora_jobs_total", **done) == 1
    for stage in ("waiting", "making", "fetching", "posting"):
        labels = {"provider": "local", "stage": stage}
        assert sample(after, "kinora_job_stage_seconds_count", **labels) == 1
    settled = sample(after, "kinora_credits_total", provider="local", kind="settle")
    assert settled == (await bot.job()).price > 0
    assert sample(after, "kinora_credits_reserved", provider="local") == 0
    assert sample(after, "kinora_discord_requests_total", status="200") > 0
    assert sample(after, "kinora_database_seconds_count", kind="write") > 0


async def test_the_metrics_name_no_server_no_member_and_no_word_of_a_request(bot: Bot, scene: Scene) -> None:
    used = await scene.mia.slash(
        "video", scene.channel, prompt="zebrafish", provider="local", model="local-camera"
    )
    await scene.clip_of(await used.response())
    _, text = await answer(bot, "/metrics")
    known = (
        scene.guild.id,
        scene.channel.id,
        scene.mia.user.id,
        "zebrafish",
        "Film club",
        scene.mia.user.name,
    )
    assert not [word for word in known if str(word) in text]


async def test_readiness_follows_the_gateway_and_the_gate(bot: Bot) -> None:
    await bot.app.client.wait_until_ready()
    assert await answer(bot, "/readyz") == (200, "ok")
    bot.app.gate.shut(Closure.DRAINING)
    assert await answer(bot, "/readyz") == (200, "ok; no job is begun: draining")
    bot.app.gate.shut(Closure.STOPPING)
    status, said = await answer(bot, "/readyz")
    assert (status, "being stopped" in said) == (503, True)
    bot.app.gate.open(Closure.STOPPING)
    bot.app.gate.open(Closure.DRAINING)
    assert await answer(bot, "/readyz") == (200, "ok")

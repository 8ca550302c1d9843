"""What Discord's gateway and clock do to a bot that runs, and its API to one that begins.

What its API does to a bot that runs is in `tests/chaos/discord.py`.
"""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from bot import settings as environment
from bot import shards
from bot.app import DiscordUnreachable, running
from bot.db import jobs
from bot.domain.jobs import JobState
from bot.sandbox import Drop, Hold, Message, Used, shows
from tests.e2e.clocks import OtherClock
from tests.e2e.scenes import PICTURE, Bot, Scene
from tests.e2e.studio import Studio, everybody_is_answered, opened
from tests.held import held
from tests.patience import PATIENCE_S

MESSAGE = ("POST", "/channels/{channel_id}/messages")
MINUTES_OFF = pytest.mark.parametrize("ahead_s", [-600, 600], ids=["behind", "ahead"])


@pytest.fixture(autouse=True)
def studio(monkeypatch: pytest.MonkeyPatch) -> Studio:
    return opened(monkeypatch)


async def ask(scene: Scene) -> Used:
    return await scene.mia.slash("animate", scene.channel, image=PICTURE, prompt="a paper boat")


async def card_of(used: Used, job_id: int = 1) -> Message:
    return await used.response(lambda card: f"Job {job_id}" in card.text)


# ---- The gateway


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who finds no gateway looks again at once."""
    monkeypatch.setattr(shards, "_FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(shards, "IDENTIFIES_EVERY_S", 0.01)


@pytest.mark.usefixtures("impatient")
async def test_while_the_gateway_is_away_clips_arrive_and_afterwards_requests_do(
    bot: Bot, scene: Scene, studio: Studio
) -> None:
    studio.hold()
    card = await card_of(await ask(scene))
    scene.sandbox.gateway.is_away = True
    scene.sandbox.gateway.cut()
    studio.release()
    await scene.clip_of(card)
    scene.sandbox.gateway.is_away = False
    await scene.application.ready()
    await everybody_is_answered(bot, scene)


@pytest.mark.usefixtures("impatient")
async def test_a_gateway_that_is_away_from_the_start_is_waited_for(scene: Scene) -> None:
    scene.sandbox.gateway.is_away = True
    with capture_logs() as logs:
        async with held(running(scene.settings)) as app:
            for _ in range(3):
                await app.client.wait_for("disconnect", timeout=PATIENCE_S)
            scene.sandbox.gateway.is_away = False
            await scene.application.ready()
            await app.client.wait_until_ready()
            await scene.clip_of(await card_of(await ask(scene)))
    assert [line["event"] for line in logs].count("the gateway cannot be reached") == 1


async def test_a_session_that_is_invalid_for_a_moment_is_resumed(
    bot: Bot, scene: Scene, studio: Studio
) -> None:
    studio.hold()
    card = await card_of(await ask(scene))
    scene.sandbox.gateway.invalidate(is_resumable=True)
    pressed = await scene.mia.click(card, "Cancel")
    await pressed.response()
    await shows(card, lambda shown: "Cancelled" in shown.text)
    assert scene.clips() == []
    await everybody_is_answered(bot, scene)


@pytest.mark.parametrize("moment", ["under way", "done"])
async def test_a_request_that_is_told_again_is_one_job(
    bot: Bot, scene: Scene, studio: Studio, moment: str
) -> None:
    if moment == "under way":
        studio.hold()
    card = await card_of(await ask(scene))
    if moment == "done":
        await scene.clip_of(card)
    scene.sandbox.gateway.repeat_last("INTERACTION_CREATE")
    await (await scene.mia.slash("queue", scene.channel)).response()
    studio.release()
    await scene.clip_of(card)
    await everybody_is_answered(bot, scene)
    assert len(studio.submitted) == 1
    assert len(scene.clips()) == 1


async def test_a_message_that_is_told_again_is_one_job(bot: Bot, scene: Scene, studio: Studio) -> None:
    text = f"<@{scene.application.user.id}> a paper boat"
    await scene.mia.send(scene.channel, text, files=[PICTURE])
    us = scene.application.user
    await scene.clip_of(await scene.channel.next_message(lambda reply: reply.author.id == us.id, since=0))
    scene.sandbox.gateway.repeat_last("MESSAGE_CREATE", containing=text)
    await (await scene.mia.slash("queue", scene.channel)).response()
    await everybody_is_answered(bot, scene)
    assert len(studio.submitted) == 1
    assert len(scene.clips()) == 1


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        (4004, 2, "Discord does not accept DISCORD_TOKEN any more."),
        (4014, 2, "MESSAGE_CONTENT_INTENT is true, but Discord does not grant it."),
        (
            4011,
            1,
            "Discord has ended the connection for good, with code 4011. The bot is in more servers than so few shards serve",
        ),
    ],
)
async def test_who_is_hung_up_on_for_good_says_why_and_ends(
    scene: Scene, code: int, status: int, words: str
) -> None:
    scene.application.message_content = True
    kinora = [sys.executable, "-m", "bot", "run"]
    env = environment.inherited(**scene.environment(), MESSAGE_CONTENT_INTENT="true")
    process = await asyncio.create_subprocess_exec(*kinora, env=env, cwd=scene.folder, stderr=PIPE)
    speaks = asyncio.ensure_future(process.communicate())
    try:
        await scene.application.ready()
        while not speaks.done():  # a reason can be lost with its connection; Discord gives it again
            scene.sandbox.gateway.disconnect(code)
            await asyncio.wait((speaks,), timeout=10)
        _, said = await speaks
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == status
    assert said.decode().splitlines()[-1].startswith(words)


async def test_where_the_message_content_is_taken_away_the_bot_goes_on_without_it(scene: Scene) -> None:
    scene.application.message_content = True
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        await app.client.wait_until_ready()
        scene.application.message_content = False
        connected = asyncio.ensure_future(app.client.wait_for("connect", timeout=PATIENCE_S))
        await asyncio.sleep(0)  # it listens from here on
        scene.sandbox.gateway.disconnect(4014)
        await connected
        await scene.clip_of(await card_of(await ask(scene)))
        assert not app.client.intents.message_content
        await everybody_is_answered(Bot(app), scene)


# ---- Its API, before the bot is up


@pytest.mark.parametrize(
    ("status", "kind", "body", "problem"),
    [
        (503, "text/html", "<html>bad</html>", "answers with HTTP status 503"),
        (404, "text/html", "<html>gone</html>", "answers with HTTP status 404"),
        (429, "text/html", "<html>banned</html>", "answers with HTTP status 429"),
        (429, "application/json", '{"retry_after": 3600}', "has had too many requests from here"),
        (200, "text/html", "<html>log in to this network</html>", "does not answer as its API does"),
        (200, "application/json", "<html>", "does not answer as its API does"),
        (200, "application/json", "[]", "does not answer as its API does"),
        (200, "application/json", '{"id": "mine", "username": "Kinora"}', "does not answer as its API does"),
        (200, "text/plain", b"\xff", "does not answer as its API does"),
    ],
)
async def test_what_answers_in_discords_place_is_told_in_a_sentence(
    scene: Scene, status: int, kind: str, body: str | bytes, problem: str
) -> None:
    async def answer(_: web.Request) -> web.Response:
        raw = body.encode() if isinstance(body, str) else body
        return web.Response(status=status, body=raw, content_type=kind, headers={"Via": "1.1 proxy"})

    elsewhere = web.Application()
    elsewhere.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(elsewhere) as server:
        url = str(server.make_url("/api"))
        with pytest.raises(ExceptionGroup) as raised:
            async with running(scene.settings.model_copy(update={"discord_api_url": url})):
                pass
    [fault] = raised.value.exceptions
    assert isinstance(fault, DiscordUnreachable)
    assert str(fault).startswith(f"Discord {problem} at {url}; check the network, ")
    assert "<" not in str(fault)


# ---- The clock


@pytest.fixture
async def clock(ahead_s: float, studio: Studio, scene: Scene) -> AsyncGenerator[OtherClock]:
    """Of a bot that runs by it."""
    assert studio
    clock = OtherClock(ahead_s)
    async with held(running(scene.settings, clock=clock)) as app:
        await scene.application.ready()
        yield clock
        await everybody_is_answered(Bot(app), scene)


@MINUTES_OFF
async def test_a_clock_that_is_minutes_off_delays_no_clip(scene: Scene, clock: OtherClock) -> None:
    await scene.clip_of(await card_of(await ask(scene)))
    assert len(scene.clips()) == 1
    assert clock


@MINUTES_OFF
@pytest.mark.parametrize("turned_s", [120, -1200, 1200])
async def test_a_post_in_doubt_is_found_by_a_clock_that_is_off_or_was_set(
    scene: Scene, clock: OtherClock, turned_s: float
) -> None:
    post = scene.sandbox.faults.add(*MESSAGE, Drop(after_effect=True))
    used = await ask(scene)
    await post.struck.wait()
    clock.turn(turned_s)  # before the bot hears of it
    again = scene.sandbox.faults.add(*MESSAGE, Drop(), times=None)
    await scene.clip_of(await card_of(used))
    assert (len(scene.clips()), again.hits) == (1, 0)


@MINUTES_OFF
async def test_a_request_that_was_acknowledged_is_gone_on_with_by_a_clock_that_is_off(
    scene: Scene, ahead_s: float
) -> None:
    fault = scene.sandbox.faults.add("GET", "/cdn", Hold(), times=None)
    async with held(running(scene.settings)):
        await scene.application.ready()
        used = await ask(scene)
        await asyncio.wait_for(fault.struck.wait(), PATIENCE_S)
    scene.sandbox.faults.clear()
    async with held(running(scene.settings, clock=OtherClock(ahead_s))) as app:
        await scene.clip_of(await card_of(used))
        assert (await app.db.read(jobs.get(1))).state is JobState.DONE

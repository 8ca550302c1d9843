"""The Original button: a clip that was posted smaller comes back as it was made, to whom it may be shown."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from structlog.testing import capture_logs

from bot.app import running
from bot.clock import SystemClock
from bot.db import installation
from bot.media.blobs import Blobs
from bot.sandbox import Answer, Hold, Message, Permission, Person, shows
from bot.sandbox.model.components import walk
from bot.services.retention import DAY_MS, LET_GO_LASTS_MS
from bot.ui import originals
from tests.e2e import studio
from tests.e2e.scenes import PICTURE, Bot, Scene
from tests.e2e.studio import Studio, film
from tests.held import held
from tests.patience import PATIENCE_S

PUBLIC_URL = "https://kinora.example/bot"
FOLLOW_UP = ("POST", "/webhooks/{webhook_id}/{webhook_token}")
HALF = len(film()) // 2 + 1
TOO_LARGE = Answer(413, {"message": "Request entity too large", "code": 40005})


@pytest.fixture(autouse=True)
def provider(monkeypatch: pytest.MonkeyPatch) -> Studio:
    return studio.opened(monkeypatch)


class LaterClock(SystemClock):
    """The time, some days later."""

    def __init__(self, ms: int = 0) -> None:
        self.ms = ms

    def now_ms(self) -> int:
        return super().now_ms() + self.ms


@asynccontextmanager
async def up(scene: Scene, clock: LaterClock | None = None, **changed: Any) -> AsyncGenerator[Bot]:
    settings = scene.settings.model_validate(
        scene.settings.model_dump() | {"discord_token": scene.settings.token} | changed
    )
    async with held(running(settings, clock=clock)) as app:
        await scene.application.ready()
        yield Bot(app)


@asynccontextmanager
async def linking(scene: Scene, clock: LaterClock | None = None) -> AsyncGenerator["Web"]:
    """A bot that the internet reaches."""
    with capture_logs() as logs:
        async with (
            up(scene, clock, public_url=PUBLIC_URL, web_port=0) as bot,
            aiohttp.ClientSession() as client,
        ):
            port = next(entry["port"] for entry in logs if entry["event"] == "listening")
            yield Web(bot, client, port)
    assert "/originals/" not in f"{logs}"


class Web:
    """The way to the bot, past the proxy that the public URL belongs to."""

    def __init__(self, bot: Bot, client: aiohttp.ClientSession, port: int) -> None:
        self.bot = bot
        self._client = client
        self._port = port

    async def get(self, url: str, **headers: str) -> tuple[int, bytes]:
        assert url.startswith(f"{PUBLIC_URL}/originals/")
        path = urlsplit(url).path.removeprefix("/bot")
        async with self._client.get(f"http://127.0.0.1:{self._port}{path}", headers=headers) as answer:
            return answer.status, await answer.read()


async def clip_in(scene: Scene, *, share: float = 0.7, **options: Any) -> Message:
    """The message with a clip for which the server has only so much room."""
    scene.guild.upload_limit = int(len(film()) * share)
    used = await scene.mia.slash("animate", scene.channel, image=PICTURE, prompt="a boat", **options)
    return await scene.clip_of(await used.response())


async def press(who: Person, clip: Message) -> Message:
    """Press Original; the answer."""
    return await (await who.click(clip, "Original")).response()


def link_in(answer: Message) -> str:
    return next(part["url"] for part in walk(answer.components) if part.get("url"))


async def test_a_clip_that_was_made_smaller_comes_as_it_was_made_by_a_link(scene: Scene) -> None:
    leo = scene.guild.add_member("leo")
    async with linking(scene) as web:
        clip = await clip_in(scene)
        assert len(clip.files[0].data) < len(film())
        assert "Made smaller to fit here" in clip.text
        for who in (scene.mia, leo):  # leo sees the channel
            answer = await press(who, clip)
            assert answer.ephemeral_to is who.user
            assert re.search(r"works until <t:\d+:f>, for everybody who has it", answer.text)
            assert await web.get(link_in(answer)) == (200, film())
        assert await web.get(link_in(answer), Range="bytes=10-19") == (206, film()[10:20])
        assert (await web.get(link_in(answer) + "x"))[0] == 404


async def test_a_link_works_after_a_restart_for_a_day_and_not_for_another_installation(
    scene: Scene,
) -> None:
    async with linking(scene) as web:
        link = link_in(await press(scene.mia, await clip_in(scene)))
    async with linking(scene, LaterClock(DAY_MS - 60_000)) as web:
        assert (await web.get(link))[0] == 200
        await web.bot.app.db.write(installation.remember("callback secret", "of another installation"))
    async with linking(scene) as web:
        assert (await web.get(link))[0] == 404
    async with linking(scene, LaterClock(DAY_MS + 60_000)) as web:
        assert (await web.get(link))[0] == 404


@pytest.mark.usefixtures("bot")
async def test_without_an_address_it_comes_in_parts_that_join_to_the_very_bytes(
    scene: Scene, tmp_path: Path
) -> None:
    clip = await clip_in(scene)
    scene.guild.upload_limit = 100_000
    used = await scene.mia.click(clip, "Original")
    first = await used.response()
    count = -(-len(film()) // 100_000)
    await used.follow_up(lambda message: f"Part {count} of {count}" in message.text)
    messages = [*used.interaction.follow_ups.values()]
    assert first.ephemeral_to is scene.mia.user
    assert {message.ephemeral_to for message in messages} == {scene.mia.user}
    assert [len(message.files) for message in messages] == [1] * count
    files = [message.files[0] for message in messages]
    assert [file.filename for file in files] == [
        f"kinora-1.mp4.{number:03}" for number in range(1, count + 1)
    ]
    assert b"".join(file.data for file in files) == film()
    assert max(len(file.data) for file in files) <= 100_000
    for file in files:
        (tmp_path / file.filename).write_bytes(file.data)
    joins = re.search(r"```sh\n(.*)\n```", first.text)
    assert joins
    joining = await asyncio.create_subprocess_exec("sh", "-c", joins[1], cwd=tmp_path)
    assert await joining.wait() == 0
    assert (tmp_path / "kinora-1.mp4").read_bytes() == film()
    windows = re.search(r"copy /b (\S+) kinora-1.mp4\n", first.text)
    assert windows
    assert windows[1].split("+") == [file.filename for file in files]


@pytest.mark.usefixtures("bot")
async def test_where_one_message_takes_it_it_comes_whole(scene: Scene) -> None:
    clip = await clip_in(scene)
    scene.guild.upload_limit = len(film())
    used = await scene.mia.click(clip, "Original")
    answer = await used.response(lambda message: message.files)
    assert (answer.files[0].filename, answer.files[0].data) == ("kinora-1.mp4", film())
    assert not used.interaction.follow_ups
    assert "as it was made" in answer.text


@pytest.mark.usefixtures("bot")
async def test_a_clip_that_was_posted_as_it_was_made_is_pointed_at(scene: Scene) -> None:
    clip = await clip_in(scene, share=1)
    answer = await press(scene.mia, clip)
    assert f"/{clip.channel_id}/{clip.id}" in answer.text
    assert "posted as it was made" in answer.text
    assert "smaller" not in clip.text
    assert not answer.files


@pytest.mark.usefixtures("bot")
async def test_a_limit_that_discord_does_not_keep_to_makes_the_parts_smaller(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(originals, "SURE_LIMIT", HALF)
    clip = await clip_in(scene)
    scene.guild.upload_limit = len(film()) - 1
    scene.sandbox.faults.add(*FOLLOW_UP, TOO_LARGE)
    used = await scene.mia.click(clip, "Original")
    await used.follow_up(lambda message: message.text == "Part 2 of 2")
    files = [message.files[0].data for message in used.interaction.follow_ups.values()]
    assert b"".join(files) == film()
    assert len(files[0]) == HALF


@pytest.mark.usefixtures("bot")
async def test_a_limit_that_nothing_keeps_to_is_said(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(originals, "SURE_LIMIT", HALF)
    clip = await clip_in(scene)
    scene.guild.upload_limit = len(film()) - 1
    scene.sandbox.faults.add(*FOLLOW_UP, TOO_LARGE, times=2)
    used = await scene.mia.click(clip, "Original")
    answer = await used.response(lambda message: "SHA-256" not in message.text)
    assert "takes smaller files" in answer.text


@pytest.mark.usefixtures("bot")
async def test_too_many_parts_are_not_begun(scene: Scene) -> None:
    clip = await clip_in(scene)
    scene.guild.upload_limit = len(film()) // originals.MAX_PARTS - 1
    answer = await press(scene.mia, clip)
    assert "too large to be sent in parts" in answer.text
    assert "PUBLIC_URL" in answer.text


async def test_an_original_that_is_on_its_way_is_not_sent_twice_nor_too_many_at_once(
    bot: Bot, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = await clip_in(scene)
    leo = scene.guild.add_member("leo")
    scene.guild.upload_limit = HALF
    hold = scene.sandbox.faults.add(*FOLLOW_UP, Hold())
    used = await scene.mia.click(clip, "Original")
    await hold.struck.wait()
    assert "on its way to you already" in (await press(scene.mia, clip)).text
    monkeypatch.setattr(originals, "_MAX_BEING_SENT", 1)
    assert "try again in a minute" in (await press(leo, clip)).text
    hold.release()
    await used.follow_up(lambda message: message.text == "Part 2 of 2")
    async with asyncio.timeout(PATIENCE_S):
        while bot.app.client.desk.originals._being_sent:  # noqa: ASYNC110 - a set rings no bell
            await asyncio.sleep(0.01)
    again = await scene.mia.click(clip, "Original")
    await again.follow_up()


@pytest.mark.usefixtures("bot")
async def test_a_part_that_discord_does_not_take_is_said_and_ends_it(scene: Scene) -> None:
    clip = await clip_in(scene)
    scene.guild.upload_limit = 100_000
    refused = Answer(403, {"message": "Missing Access", "code": 50001})
    scene.sandbox.faults.add(*FOLLOW_UP, refused)
    used = await scene.mia.click(clip, "Original")
    said = await used.response(lambda message: "SHA-256" not in message.text)
    assert (said.ephemeral_to, used.interaction.follow_ups) == (scene.mia.user, {})
    again = await scene.mia.click(clip, "Original")
    await again.follow_up()


async def test_what_was_deleted_is_not_handed_out_any_more_nor_is_its_link_of_use(scene: Scene) -> None:
    async with linking(scene) as web:
        clip = await clip_in(scene)
        link = link_in(await press(scene.mia, clip))
        await (await scene.mia.click(clip, "Delete")).response()
        await shows(clip, lambda message: message.is_deleted)
        assert (await web.get(link))[0] == 404
        other = await clip_in(scene)
        assert "not kept any more" in (await forged(scene.mia, other, 1)).text


async def test_a_strangers_clip_does_not_exist_and_neither_does_one_that_was_not_made(
    scene: Scene, provider: Studio
) -> None:
    hidden = scene.guild.add_channel(
        "hidden", overwrites={scene.guild.everyone: (Permission.NONE, Permission.VIEW_CHANNEL)}
    )
    for role in (scene.guild.app_role(scene.application), scene.guild.add_role("crew")):
        scene.guild.set_overwrite(hidden, role, allow=Permission.VIEW_CHANNEL)
    ada = scene.guild.add_member("ada", roles=[role])
    leo = scene.guild.add_member("leo")
    async with linking(scene) as web:
        scene.guild.upload_limit = len(film()) - 1
        used = await ada.slash("animate", hidden, image=PICTURE, prompt="a secret")
        await scene.clip_of(await used.response())
        clip = await clip_in(scene)
        assert "no such job" in (await forged(leo, clip, 1)).text
        assert (await web.get(link_in(await forged(ada, clip, 1))))[0] == 200
        assert "no such job" in (await forged(leo, clip, 77)).text
        provider.hold()
        await (await scene.mia.slash("animate", scene.channel, image=PICTURE, prompt="later")).response()
        assert "no clip of this job" in (await forged(leo, clip, 3)).text
        provider.release()


async def forged(who: Person, clip: Message, job_id: int) -> Message:
    """Press Original as if the clip were another job's; the answer."""
    now = f"clip:{job_id}:original"
    for part in walk(clip.components):
        if re.fullmatch(r"clip:\d+:original", str(part.get("custom_id"))):
            part["custom_id"] = now
    return await (await who.click(clip, now)).response()


async def test_after_its_days_the_original_is_forgotten_and_the_clip_can_still_be_extended(
    scene: Scene,
) -> None:
    async with up(scene) as bot:
        clip = await clip_in(scene)
        blob = (await bot.job()).clip
    assert blob is not None
    kept = scene.settings.data_dir / "blobs" / blob[:2] / blob[2:]
    assert kept.read_bytes() == film()
    clock = LaterClock(91 * DAY_MS)
    async with up(scene, clock) as bot:
        async with asyncio.timeout(PATIENCE_S):
            while (job := await bot.job()).clip is not None:  # noqa: ASYNC110 - a row rings no bell
                await asyncio.sleep(0.02)
        assert (job.last_frame is not None, job.clip_bytes) == (True, len(film()))
        assert "not kept any more" in (await press(scene.mia, clip)).text
        clock.ms += LET_GO_LASTS_MS
        bot.app.client.services.retention.wake()
        async with asyncio.timeout(PATIENCE_S):
            while kept.exists():  # noqa: ASYNC110 - a file rings no bell
                await asyncio.sleep(0.02)
        card = await (await scene.mia.click(clip, "Extend")).response()
        await scene.clip_of(card)


async def test_originals_are_kept_for_ever_where_the_operator_wants_that(scene: Scene) -> None:
    async with up(scene) as bot:
        await clip_in(scene)
    async with up(scene, LaterClock(10_000 * DAY_MS), originals_days="") as bot:
        await bot.app.client.services.retention.forget_due()
        assert (await bot.job()).clip is not None


async def test_a_store_that_is_slow_keeps_nobody_without_an_answer(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on, size = asyncio.Event(), Blobs.size

    async def slowly(store: Blobs, blob: str) -> int:
        await goes_on.wait()
        return await size(store, blob)

    async with linking(scene) as web:
        clip = await clip_in(scene)
        monkeypatch.setattr(Blobs, "size", slowly)
        used = await scene.mia.click(clip, "Original")
        begun = await used.interaction.bell.until(
            lambda: used.interaction.original, awaited="the beginning of an answer"
        )
        assert begun.is_loading
        assert used.interaction.is_ephemeral
        goes_on.set()
        assert (await web.get(link_in(await used.response())))[0] == 200


@pytest.mark.parametrize("lock", [False, True])
async def test_it_is_linked_to_in_a_thread_that_was_put_away(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, *, lock: bool
) -> None:
    monkeypatch.setattr(originals, "_SOON_S", PATIENCE_S)
    keeper = scene.guild.add_role("keeper", permissions=Permission.MANAGE_THREADS)
    ada = scene.guild.add_member("ada", roles=[keeper])
    async with linking(scene) as web:
        clip = await clip_in(scene)
        [thread] = scene.guild.threads
        await ada.archive(thread, lock=lock)
        assert await web.get(link_in(await press(scene.mia, clip))) == (200, film())

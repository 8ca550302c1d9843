"""`/privacy export`: what is kept of a member in a server, in zips that are valid on their own."""

import csv
import io
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from zipfile import ZipFile

import aiohttp
import pytest

from bot.app import running
from bot.sandbox import Answer, Message, Person
from bot.web import server
from tests.e2e import studio
from tests.e2e.scenes import PICTURE, Bot, Scene
from tests.held import held


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    studio.opened(monkeypatch)


async def animated(scene: Scene, person: Person | None = None, **options: object) -> Message:
    used = await (person or scene.mia).slash("animate", scene.channel, image=PICTURE, **options)
    return await scene.clip_of(await used.response())


async def exported(scene: Scene) -> Message:
    return await (await scene.mia.slash("privacy export", scene.channel)).response(lambda shown: shown.files)


def opened(message: Message) -> dict[str, bytes]:
    """The files of a zip, whose checksums are right."""
    [file] = message.files
    with ZipFile(io.BytesIO(file.data)) as zipped:
        assert zipped.testzip() is None
        return {name: zipped.read(name) for name in zipped.namelist()}


async def test_clips_pictures_prompts_and_spending_are_in_one_private_zip(scene: Scene, bot: Bot) -> None:
    clip = await animated(scene, prompt="the boat drifts")
    leo = scene.guild.add_member("leo")
    await animated(scene, leo, prompt="somebody else's")
    message = await exported(scene)
    assert message.ephemeral_to is scene.mia.user
    assert message.files[0].filename == "kinora-export.zip"
    files = opened(message)
    [picture] = [name for name in files if name.startswith("pictures/")]
    assert set(files) == {
        "README.txt",
        "jobs.json",
        "spending.csv",
        "settings.json",
        "clips/1.mp4",
        picture,
    }
    assert files["clips/1.mp4"] == clip.files[0].data
    [job] = json.loads(files["jobs.json"])
    assert (job["job"], job["state"], job["credits_charged"]) == (1, "done", 5)
    assert job["request"]["prompt"] == "the boat drifts"
    assert job["pictures"] == [picture]
    rows = list(csv.DictReader(io.StringIO(files["spending.csv"].decode("utf-8-sig"))))
    assert [(row["kind"], row["credits"], row["job"]) for row in rows] == [
        ("reserve", "5", "1"),
        ("settle", "5", "1"),
    ]
    assert json.loads(files["settings.json"])["direct_messages"] is False
    assert b"clips/" in files["README.txt"]
    assert b"somebody" not in b"".join(files.values())
    assert bot.app.connection


@pytest.mark.usefixtures("bot")
async def test_who_has_nothing_gets_a_zip_that_says_so(scene: Scene) -> None:
    files = opened(await exported(scene))
    assert json.loads(files["jobs.json"]) == []
    assert b"0 requests" in files["README.txt"]


@pytest.mark.usefixtures("bot")
async def test_another_servers_clips_are_not_in_it(scene: Scene) -> None:
    await animated(scene)
    elsewhere = scene.sandbox.add_guild("Elsewhere", app=scene.application)
    channel = elsewhere.add_channel("general")
    mia = elsewhere.add_member(scene.mia)
    used = await mia.slash("privacy export", channel)
    files = opened(await used.response(lambda shown: shown.files))
    assert json.loads(files["jobs.json"]) == []


@pytest.mark.usefixtures("bot")
async def test_it_is_packed_once_in_ten_minutes(scene: Scene) -> None:
    await exported(scene)
    answer = await (await scene.mia.slash("privacy export", scene.channel)).response()
    assert "again <t:" in answer.text
    assert not answer.files


@pytest.mark.usefixtures("bot")
async def test_what_failed_may_be_tried_again_at_once(scene: Scene) -> None:
    scene.sandbox.faults.add(
        "PATCH",
        "/webhooks/{webhook_id}/{webhook_token}/messages/@original",
        Answer(400, {"message": "No", "code": 50035}),
    )
    used = await scene.mia.slash("privacy export", scene.channel)
    answer = await used.response()
    assert not answer.files
    assert opened(await exported(scene))


async def test_what_is_too_large_for_one_file_comes_in_several_that_are_zips_of_their_own(
    scene: Scene, bot: Bot
) -> None:
    for number in range(5):
        await animated(scene, prompt=f"scene {number}")
    size = len(scene.clips()[0].files[0].data)
    exports = bot.app.client.services.exports
    held_ = await exports.gathered(scene.guild.id, scene.mia.id)
    totals: list[tuple[int, int]] = []
    clips: list[str] = []
    async for part in exports.parts(held_, size * 2 + 120_000):
        data = part.path.read_bytes()
        assert len(data) <= size * 2 + 120_000
        with ZipFile(io.BytesIO(data)) as zipped:
            assert zipped.testzip() is None
            assert ("jobs.json" in zipped.namelist()) == (part.number == 1)
            assert f"part {part.number} of {part.total}" in zipped.read("README.txt").decode()
            clips += [name for name in zipped.namelist() if name.startswith("clips/")]
        totals.append((part.number, part.total))
    assert totals == [(number, totals[0][1]) for number in range(1, len(totals) + 1)]
    assert len(totals) > 1
    assert clips == [f"clips/{number}.mp4" for number in (5, 4, 3, 2, 1)]


async def test_a_clip_that_fits_no_part_is_named_as_left_out(scene: Scene, bot: Bot) -> None:
    await animated(scene)
    exports = bot.app.client.services.exports
    gathered = await exports.gathered(scene.guild.id, scene.mia.id)
    [part] = [part async for part in _described(exports, gathered, 150_000)]
    names, readme, left_out = part
    assert "clips/1.mp4" not in names
    assert "clips/1.mp4" in readme
    assert left_out == 1


async def test_a_file_that_is_kept_no_more_is_named(scene: Scene, bot: Bot) -> None:
    await animated(scene)
    for folder in (scene.settings.data_dir / "blobs").iterdir():
        for file in folder.iterdir():
            if folder.name != "spool" and file.stat().st_size > 100_000:
                file.unlink()
    files = opened(await exported(scene))
    assert b"Not kept any more:\r\n  clips/1.mp4" in files["README.txt"]
    assert bot.app.connection


async def test_parts_are_sent_one_after_the_other_when_discord_takes_only_small_files(
    scene: Scene, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        await animated(scene, prompt=f"scene {number}")
    size = len(scene.clips()[0].files[0].data)
    monkeypatch.setattr("bot.services.exports.MAX_PART_BYTES", size + 120_000)
    used = await scene.mia.slash("privacy export", scene.channel)
    first = await used.response(lambda shown: shown.files)
    assert first.files[0].filename == "kinora-export-1.zip"
    assert "3 parts" in first.text
    last = await used.follow_up(lambda shown: "Part 3 of 3" in shown.text)
    assert last.ephemeral_to is scene.mia.user
    assert "clips/1.mp4" in opened(last)
    assert bot.app.connection


class Linked:
    """A bot that the internet reaches."""

    def __init__(self, scene: Scene, bot: Bot, port: int) -> None:
        self.scene = scene
        self.bot = bot
        self.port = port

    async def link(self) -> str:
        used = await self.scene.mia.slash("privacy export", self.scene.channel)
        message = await used.response(lambda shown: shown.buttons)
        [button] = message.buttons
        assert button.url is not None
        return button.url.replace("https://kinora.example", f"http://127.0.0.1:{self.port}")


@pytest.fixture
async def linked(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Linked]:
    ports: list[int] = []
    serving = server.serving

    @asynccontextmanager
    async def noted(**known: Any) -> AsyncGenerator[int]:
        async with serving(**known) as port:
            ports.append(port)
            yield port

    monkeypatch.setattr("bot.listening.serving", noted)
    monkeypatch.setattr("bot.services.exports.MAX_PART_BYTES", 1000)  # so that nothing fits a message
    settings = scene.settings.model_copy(update={"public_url": "https://kinora.example", "web_port": 0})
    async with held(running(settings)) as app:
        await scene.application.ready()
        yield Linked(scene, Bot(app), ports[0])


async def fetched(url: str, **headers: str) -> tuple[int, bytes, Any]:
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
        return response.status, await response.read(), response.headers


async def test_where_the_internet_reaches_the_bot_it_is_fetched_by_a_signed_link(linked: Linked) -> None:
    clip = await animated(linked.scene)
    url = await linked.link()
    status, data, headers = await fetched(url)
    assert status == 200
    assert headers["Content-Type"] == "application/zip"
    assert headers["Content-Disposition"] == 'attachment; filename="kinora-export.zip"'
    with ZipFile(io.BytesIO(data)) as zipped:
        assert zipped.testzip() is None
        assert zipped.read("clips/1.mp4") == clip.files[0].data
    status, piece, _ = await fetched(url, Range="bytes=0-3")
    assert (status, piece) == (206, b"PK\x03\x04")


async def test_what_fits_a_message_needs_no_link(linked: Linked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.services.exports.MAX_PART_BYTES", 10_000_000)
    await animated(linked.scene)
    assert "clips/1.mp4" in opened(await exported(linked.scene))


async def test_a_link_that_was_changed_leads_nowhere(linked: Linked) -> None:
    url = await linked.link()
    whole, _, signature = url.rpartition("/")
    blob, expires = whole.split("/")[-2:]
    for wrong in (
        f"{whole}/{signature[::-1]}",
        url.replace(f"/{expires}/", f"/{int(expires) + 1}/"),
        url.replace(blob, "0" * 64),
        url.replace(blob, "x"),
    ):
        assert (await fetched(wrong))[0] == 404
    assert (await fetched(url))[0] == 200


async def test_a_link_of_a_forgotten_member_leads_nowhere(linked: Linked) -> None:
    url = await linked.link()
    await linked.bot.app.client.services.privacy.forget(linked.scene.mia.id)
    assert (await fetched(url))[0] == 404


async def _described(
    exports: Any, gathered: Any, part_bytes: int
) -> AsyncGenerator[tuple[list[str], str, int]]:
    async for part in exports.parts(gathered, part_bytes):
        with ZipFile(part.path) as zipped:
            yield zipped.namelist(), zipped.read("README.txt").decode(), part.left_out

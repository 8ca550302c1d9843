"""What people write, and who they are, is for nobody but those it is shown to: not for logs, metrics or the disk."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from bot.app import running
from bot.sandbox import File, Message, shows
from tests.e2e import studio
from tests.e2e.scenes import PICTURE, Bot, Scene
from tests.e2e.studio import Studio
from tests.held import held
from tests.patience import PATIENCE_S

WORDS = "zyzzyvaprompt"
NAME = "quokkaname"
FILE = "axolotlfile"
REASON = "wombatreason"
CLUB = "numbatclub"
CANARIES = (WORDS, NAME, FILE, REASON, CLUB)


@pytest.fixture(autouse=True)
def made_at_once(monkeypatch: pytest.MonkeyPatch) -> Studio:
    return studio.opened(monkeypatch)


@pytest.fixture
def scene(scene: Scene) -> Scene:
    """People, places and files that would be recognised anywhere."""
    scene.guild.name = CLUB
    scene.channel = scene.guild.add_channel(f"{CLUB}-channel")
    scene.mia = scene.guild.add_member(NAME)
    return scene


async def live(scene: Scene) -> None:
    """Ask in every way for what is made and for what is refused."""
    mia, channel, picture = scene.mia, scene.channel, File(f"{FILE}.png", PICTURE.data)
    card = await (await mia.slash("animate", channel, image=picture, prompt=WORDS)).response()
    clip = await scene.clip_of(card)
    modal = await (await mia.click(clip, "Report")).modal()
    await (await mia.submit(modal, {modal.fields[0].custom_id: REASON})).response()
    await (await mia.click(clip, "Original")).response(lambda message: message.files or message.text)
    await mia.autocomplete("video", channel, focused="model", value=WORDS)
    broken = File(f"{FILE}.png", b"no picture at all")
    await (await mia.slash("animate", channel, image=broken, prompt=WORDS)).response(_is_refused)
    await (await mia.slash("video", channel, prompt=WORDS, model=WORDS)).response(_is_refused)
    await (await mia.slash("job", channel, id=1)).response()
    message = await mia.send(channel, f"<@{scene.application.user.id}> {WORDS}", files=[picture])
    await _answered(scene, message.id)


def _is_refused(message: object) -> bool:
    return "Nothing was charged" in getattr(message, "text", "")


async def _answered(scene: Scene, message_id: int) -> None:
    def reply() -> Message | None:
        found = (one for one in scene.channel.messages if one.reference and one.author.is_bot)
        return next((one for one in found if one.reference and one.reference.message_id == message_id), None)

    async with asyncio.timeout(PATIENCE_S):
        while (found := reply()) is None:  # noqa: ASYNC110 - a channel rings no bell
            await asyncio.sleep(0.02)
    await shows(found, lambda shown: "See the clip" in shown.text)


async def test_logs_say_nothing_of_what_people_write_or_are_called(
    scene: Scene, bot: Bot, capfd: pytest.CaptureFixture[str]
) -> None:
    await live(scene)
    said = "".join(capfd.readouterr())
    assert "delivered" in said, "there is a log, at the level that says most"
    assert [canary for canary in CANARIES if canary in said] == []
    assert not bot.app.connection.done()


async def test_metrics_say_nothing_of_anybody(scene: Scene, bot: Bot) -> None:
    await live(scene)
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{bot.app.port}/metrics") as reply,
    ):
        told = await reply.text()
        assert reply.status == 200
    ids = (scene.guild.id, scene.mia.id, scene.channel.id)
    assert [one for one in (*CANARIES, *map(str, ids)) if one in told] == []


async def test_nothing_is_left_on_the_disk_of_who_was_forgotten(scene: Scene) -> None:
    """Not in rows, and not in what SQLite leaves of rows that are gone."""
    data = scene.settings.data_dir
    async with held(running(scene.settings)):
        await scene.application.ready()
        await live(scene)
        assert _where(data, WORDS), "it was there"
        question = await (await scene.mia.slash("privacy forget", scene.channel)).response()
        done = await scene.mia.click(question, "Forget everything")
        await done.response(lambda shown: "You are forgotten" in shown.text)
        await _until(lambda: not [one for one in scene.clips() if not one.is_deleted])
    for canary in (WORDS, NAME, FILE, REASON, str(scene.mia.id)):
        assert _where(data, canary) == [], canary


def _where(folder: Path, text: str) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in files if text.encode() in path.read_bytes()]


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():  # noqa: ASYNC110 - a row rings no bell
            await asyncio.sleep(0.02)

"""What the drawer says of the books, with a bot that is played by hand."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import aiohttp
import pytest

from bot.db import guilds
from bot.db.sqlite import SqliteDatabase
from bot.demo import backstage, books
from bot.demo.backstage import BooksPart, shown
from bot.demo.process import BotProcess
from bot.demo.vendor import Charge, PracticeVendor
from bot.sandbox import App, Channel, Sandbox, Server
from tests import builders
from tests.patience import PATIENCE_S
from tests.sandbox.conftest import TOKEN, Rest

CLIP = {"kinora-1.mp4": b"a clip"}
JOB = {"name": "job", "description": "d"}


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    database = await SqliteDatabase.open(tmp_path / "kinora.db")
    yield database
    await database.close()


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
async def rest(sandbox: Sandbox) -> AsyncIterator[Rest]:
    async with aiohttp.ClientSession() as session:
        yield Rest(session, sandbox.api_url)


@pytest.fixture
def part(tmp_path: Path, db: SqliteDatabase, sandbox: Sandbox, guild: Server, app: App) -> BooksPart:
    del db
    vendor = PracticeVendor(key="a-key", folder=tmp_path / "vendor")
    return BooksPart(tmp_path / "kinora.db", sandbox, guild, app, vendor)


async def test_a_clip_that_is_shown_again_in_an_answer_was_not_posted_twice(
    part: BooksPart, rest: Rest, app: App, guild: Server, channel: Channel
) -> None:
    await rest("POST", f"/channels/{channel.id}/messages", {}, files=CLIP)
    await rest("PUT", f"/applications/{app.id}/commands", [JOB])
    shared = (await guild.add_member("mia").slash("job", channel)).interaction
    await rest(
        "POST", f"/interactions/{shared.id}/{shared.token}/callback", {"type": 4}, files=CLIP, token=None
    )
    assert [file.filename for message in channel.messages for file in message.files] == [*CLIP, *CLIP]
    await part.look()
    kept = [(line.text, line.is_good) for line in part.describe().promises]
    assert kept[1] == ("No clip was posted twice (1 posted).", True)
    assert all(is_good for _, is_good in kept)


async def test_a_promise_that_is_broken_says_so(
    part: BooksPart, rest: Rest, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        await rest("POST", f"/channels/{channel.id}/messages", {}, files=CLIP)
    charges = [
        Charge("9", f"kinora-a-{attempt}", "a-model", Decimal(1), at_ms=0) for attempt in ("3-1", "3-2")
    ]
    part.vendor.bill.extend(charges)

    def unbalanced(_path: Path, _guild_id: int) -> books.Books:
        return books.Books(is_balanced=False)

    monkeypatch.setattr(books, "read", unbalanced)
    await part.look()
    assert [(line.text, line.is_good) for line in part.describe().promises] == [
        ("Charged more than once: job 3 (2 on the bill).", False),
        ("Posted more than once: job 1 (2 posted).", False),
        ("The books do not balance: a sum or the end of a job is not what its entries say.", False),
    ]


async def test_a_look_that_fails_ends_nothing(
    part: BooksPart,
    db: SqliteDatabase,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sandbox, told = part.sandbox, asyncio.Event()
    monkeypatch.setattr(backstage, "LOOK_EVERY_S", 0.01)
    read = books.read
    was_read = asyncio.Event()
    loop = asyncio.get_running_loop()

    def fail(_path: Path, _guild_id: int) -> books.Books:
        monkeypatch.setattr(books, "read", read)
        loop.call_soon_threadsafe(was_read.set)
        raise ValueError("half a row")

    monkeypatch.setattr(books, "read", fail)
    sandbox.backstage.watch(told.set)
    showing = shown(
        sandbox, part.app, part.server, vendor=part.vendor, bot=BotProcess({}), database=part.database
    )
    async with asyncio.timeout(PATIENCE_S), showing:
        await was_read.wait()
        await db.write(guilds.settle_in(part.server.id, defaults=builders.caps()))
        while not sandbox.backstage.describe()["promises"]:
            told.clear()
            await told.wait()
    assert "What the bot has written down cannot be shown." in caplog.text

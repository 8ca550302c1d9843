from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.db import guilds
from bot.db.sqlite import SqliteDatabase
from bot.domain.limits import Limits
from bot.services.manners import Choice, Manners, ReplyStyle


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    database = await SqliteDatabase.open(tmp_path / "kinora.db")
    yield database
    await database.close()


async def test_a_server_that_chose_nothing_is_asked_and_spoken_to_as_discord_says(db: SqliteDatabase) -> None:
    assert await Manners(db).of(1) == Choice(ReplyStyle.ASK, None)


@pytest.mark.parametrize(
    ("style", "language", "chosen"),
    [
        (1, "de", Choice(ReplyStyle.MAKE, "de")),
        (2, None, Choice(ReplyStyle.IGNORE, None)),
        (9, "xx", Choice(ReplyStyle.ASK, None)),
    ],
)
async def test_what_a_server_chose_holds_and_what_is_not_known_does_not(
    db: SqliteDatabase, style: int, language: str | None, chosen: Choice
) -> None:
    await db.write(guilds.prefer(1, {"reply_style": style, "language": language}, defaults=Limits(())))
    assert await Manners(db).of(1) == chosen

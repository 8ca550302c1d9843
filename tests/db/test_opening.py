"""A look into either database beside a bot, and a word put into it."""

from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from bot.db import guilds, installation, opening
from bot.db.errors import DatabaseMissing, DatabaseUnavailable, SchemaTooNew, SchemaTooOld, WriteInRead
from bot.db.transaction import Transaction
from tests import builders
from tests.db.test_postgres import HOLD


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | SecretStr:
    if request.param == "sqlite":
        return tmp_path / "kinora.db"
    return SecretStr(request.getfixturevalue("postgres_url"))


def zone(guild_id: int) -> Transaction[str]:
    found = yield from guilds.zone(guild_id)
    return str(found)


async def test_beside_a_running_bot_one_may_look_and_change(place: Path | SecretStr) -> None:
    db = await opening.open_database(place)
    assert opening.is_owned(place)
    await db.write(guilds.prefer(1, {"time_zone": "Europe/Berlin"}, defaults=builders.NO_CAPS))
    assert opening.look(place, zone(1)) == "Europe/Berlin"
    opening.change(place, guilds.prefer(1, {"time_zone": "UTC"}, defaults=builders.NO_CAPS))
    assert await db.read(zone(1)) == "UTC"
    with pytest.raises(WriteInRead):
        opening.look(place, installation.remember("a", "1"))
    await db.close()


async def test_what_fails_is_undone(place: Path | SecretStr) -> None:
    await (await opening.open_database(place)).close()

    def half() -> Transaction[None]:
        yield from installation.remember("a", "1")
        raise LookupError

    with pytest.raises(LookupError):
        opening.change(place, half())
    assert opening.look(place, installation.recall("a")) is None


def test_a_database_in_which_nothing_is_yet_is_said_to_be_missing(bare_postgres_url: str) -> None:
    place = SecretStr(bare_postgres_url)
    for look in (opening.look, opening.change):
        with pytest.raises(DatabaseMissing, match="the bot makes it when it first runs"):
            look(place, zone(1))
    assert not opening.is_owned(place)


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("DELETE FROM schema_version WHERE number = (SELECT max(number) FROM schema_version)", SchemaTooOld),
        ("INSERT INTO schema_version VALUES (999, 'later', 'x', 0)", SchemaTooNew),
    ],
)
def test_a_database_of_another_version_is_left_alone(
    postgres_url: str, statement: str, error: type[Exception]
) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute(statement.encode())
    for look in (opening.look, opening.change):
        with pytest.raises(error):
            look(SecretStr(postgres_url), zone(1))


def test_who_cannot_get_the_lock_of_writers_is_refused_in_words(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.db.postgres.visit.LOCK_PATIENCE_MS", 50)
    with psycopg.connect(postgres_url) as busy:
        busy.execute(HOLD)
        with pytest.raises(DatabaseUnavailable, match="try again"):
            opening.change(SecretStr(postgres_url), installation.remember("a", "1"))

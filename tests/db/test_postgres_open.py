"""Opening PostgreSQL: who may, what is brought up to date, and what is refused in which words."""

import asyncio
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from bot.db.errors import DatabaseBroken, DatabaseUnavailable, DatabaseUnusable, MigrationFault, SchemaTooNew
from bot.db.opening import open_database
from bot.db.postgres.database import PostgresDatabase
from bot.db.postgres.text import translated
from tests.db.conftest import Ledger
from tests.postgres import PostgresServer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "migrations"
    made.mkdir()
    (made / "0001_start.sql").write_text("CREATE TABLE counters (name TEXT PRIMARY KEY, n INTEGER NOT NULL);")
    return made


async def test_the_bots_own_migrations_apply_and_are_analysed(bare_postgres_url: str) -> None:
    db = await open_database(SecretStr(bare_postgres_url))
    analysed = "SELECT count(*) FROM pg_stat_user_tables WHERE last_analyze IS NULL"
    assert await db.read(Ledger.sql(analysed)) == [(0,)]
    await db.close()


async def test_processes_that_start_together_migrate_once(bare_postgres_url: str) -> None:
    opened = await asyncio.gather(*(PostgresDatabase.open(bare_postgres_url) for _ in range(4)))
    [[count, distinct]] = await opened[0].read(
        Ledger.sql("SELECT count(*), count(DISTINCT number) FROM schema_version")
    )
    assert count == distinct
    await asyncio.gather(*(db.close() for db in opened))


async def test_what_is_there_is_kept_and_what_is_missing_is_added(
    bare_postgres_url: str, folder: Path
) -> None:
    db = await PostgresDatabase.open(bare_postgres_url, migrations=folder)
    await db.write(Ledger.put("a", 1))
    await db.close()
    (folder / "0002_more.sql").write_text("ALTER TABLE counters ADD COLUMN more TEXT;")
    db = await PostgresDatabase.open(bare_postgres_url, migrations=folder)
    assert await db.read(Ledger.sql("SELECT name, n, more FROM counters")) == [("a", 1, None)]
    await db.close()
    (folder / "0002_more.sql").unlink()
    with pytest.raises(SchemaTooNew):
        await PostgresDatabase.open(bare_postgres_url, migrations=folder)


async def test_a_migration_that_fails_leaves_nothing_of_any(bare_postgres_url: str, folder: Path) -> None:
    (folder / "0002_more.sql").write_text("CREATE TABLE more (n INTEGER); INSERT INTO nowhere VALUES (1);")
    with pytest.raises(MigrationFault, match=r"0002_more.sql failed and was undone: relation \"nowhere\""):
        await PostgresDatabase.open(bare_postgres_url, migrations=folder)
    (folder / "0002_more.sql").write_text("CREATE TABLE more (n INTEGER);")
    await (await PostgresDatabase.open(bare_postgres_url, migrations=folder)).close()


async def test_another_programs_database_is_left_alone(bare_postgres_url: str, folder: Path) -> None:
    with psycopg.connect(bare_postgres_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE theirs (n INTEGER)")
        with pytest.raises(DatabaseBroken, match="not Kinora's"):
            await PostgresDatabase.open(bare_postgres_url, migrations=folder)
        connection.execute(
            "ALTER TABLE theirs RENAME TO procrastinate_jobs"
        )  # whose tables may be there first
    await (await PostgresDatabase.open(bare_postgres_url, migrations=folder)).close()


async def test_a_database_that_cannot_hold_every_character_is_refused(postgres: PostgresServer) -> None:
    postgres.execute(
        "CREATE DATABASE latin TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C' LOCALE_PROVIDER libc"
    )
    with pytest.raises(DatabaseUnusable, match="every character"):
        await PostgresDatabase.open(postgres.url("latin"))


@pytest.mark.parametrize(
    ("database", "user", "words"),
    [
        (
            "nowhere",
            "kinora",
            r'PostgreSQL at 127.0.0.1:\d+/nowhere does not let the bot in: .*"nowhere" does not exist',
        ),
        ("postgres", "nobody", r'role "nobody" does not exist. Correct DATABASE_URL'),
    ],
)
async def test_who_is_not_let_in_reads_why_but_no_password(
    postgres: PostgresServer, database: str, user: str, words: str
) -> None:
    with pytest.raises(DatabaseUnusable, match=words) as error:
        await PostgresDatabase.open(postgres.url(database, user=user, password="hunter2"))
    assert "hunter2" not in f"{error.value} {error.value.__cause__} {error.value!r}"


async def test_a_wrong_password_is_unusable_and_not_said(own_postgres: PostgresServer) -> None:
    own_postgres.execute("CREATE ROLE careful LOGIN PASSWORD 'right'")
    own_postgres.demand_passwords()
    url = own_postgres.url("postgres", user="careful", password="hunter2")
    with pytest.raises(DatabaseUnusable, match="password authentication failed") as error:
        await PostgresDatabase.open(url)
    assert "hunter2" not in f"{error.value} {error.value.__cause__}"


async def test_a_server_that_is_not_there_is_unavailable(own_postgres: PostgresServer) -> None:
    url = own_postgres.url("postgres", password="hunter2")
    own_postgres.stop()
    with pytest.raises(DatabaseUnavailable, match=r"cannot be reached: .*Connection refused\.$") as error:
        await PostgresDatabase.open(url)
    assert "hunter2" not in f"{error.value} {error.value.__cause__}"


@pytest.mark.parametrize(
    "url", ["postgresql://kinora:hun%ter2@host/db", "postgresql://kinora:hunter2@[::1/db"]
)
async def test_a_url_that_is_not_understood_shows_nothing_of_itself(url: str) -> None:
    with pytest.raises(DatabaseUnusable, match="DATABASE_URL is not understood") as error:
        await PostgresDatabase.open(url)
    assert "ter2" not in f"{error.value} {error.value.__cause__}"


@pytest.mark.parametrize(
    ("portable", "own"),
    [
        ("SELECT :a, :a_1", b"SELECT %(a)s, %(a_1)s"),
        ("SELECT ':a', \":a\", 'it''s :a'", b"SELECT ':a', \":a\", 'it''s :a'"),
        ("SELECT '%', 5 % 2", b"SELECT '%%', 5 %% 2"),
        ("SELECT x::text, :a::bigint", b"SELECT x::text, %(a)s::bigint"),
        ("SELECT 1 -- of :a\n+ 1", b"SELECT 1  \n+ 1"),
        ("SELECT 1 /* of :a */ + 1", b"SELECT 1   + 1"),
        ("SELECT 1 /*pg:FOR UPDATE OF a*/", b"SELECT 1 FOR UPDATE OF a"),
        ("SELECT 1 /*pg:LIMIT :n*/", b"SELECT 1 LIMIT %(n)s"),
        ("SELECT '/*pg:x*/', '--'", b"SELECT '/*pg:x*/', '--'"),
    ],
)
def test_portable_text_becomes_psycopgs(portable: str, own: bytes) -> None:
    assert translated(portable) == own

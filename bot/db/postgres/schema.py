"""The migrations, applied to PostgreSQL by whichever process comes first; the others wait for it."""

import logging
from collections.abc import Sequence

import psycopg

from bot.db import migrate
from bot.db.errors import DatabaseBroken, MigrationFault
from bot.db.migrate import Migration
from bot.db.postgres.faults import is_passing, translated
from bot.db.postgres.lines import Address, Connection, connect, control

log = logging.getLogger(__name__)

WRITING = 1
"""Which of Kinora's advisory locks: who holds it may commit (2 is the leader's, `bot.db.postgres.seat`)."""


async def bring_up_to_date(address: Address, migrations: Sequence[Migration]) -> None:
    """Apply what is missing, in one transaction.

    Raises:
        DatabaseBroken: the database is another program's.
        SchemaTooNew: it holds migrations that are not known here.
        MigrationFault: one was changed after it was applied, or failed.
        DatabaseUnusable: the server does not let us in.
        DatabaseUnavailable: it cannot be reached.
    """
    connection = await connect(address, patient=True)
    try:
        async with connection.transaction():
            await control(connection, _LOCK)
            count = await _apply(connection, migrations)
        if count:
            await connection.execute("ANALYZE")  # without it, plans are made for empty tables
            log.info("migrations applied to the database: %d", count)
    except psycopg.Error as error:
        raise translated(error) from error
    finally:
        await connection.close()


async def _apply(connection: Connection, migrations: Sequence[Migration]) -> int:
    cursor = await connection.execute(_TABLES)
    names = {row["name"] for row in await cursor.fetchall()}
    if names and "schema_version" not in names:
        raise DatabaseBroken(
            "The PostgreSQL database holds tables that are not Kinora's; make an empty one for it."
        )
    await control(connection, migrate.SCHEMA_VERSION)
    cursor = await connection.execute("SELECT number, name, checksum FROM schema_version ORDER BY number")
    missing = migrate.missing([tuple(row) for row in await cursor.fetchall()], migrations)
    for migration in missing:
        await _step(connection, migration)
    return len(missing)


async def _step(connection: Connection, migration: Migration) -> None:
    try:
        for statement in migration.statements("pg"):
            await connection.execute(statement.encode())
    except psycopg.Error as error:
        if is_passing(error):
            raise
        raise MigrationFault(f"Migration {migration} failed and was undone: {error}.") from error
    row = {"number": migration.number, "name": migration.name, "checksum": migration.checksum}
    await connection.execute(_ENTER, row)


_LOCK = f"SELECT pg_advisory_xact_lock({migrate.APPLICATION_ID}, {WRITING})"
# Procrastinate's tables may be there before ours.
_TABLES = """
    SELECT table_name AS name FROM information_schema.tables
    WHERE table_schema = current_schema() AND table_name NOT LIKE 'procrastinate%'
"""
_ENTER = """
    INSERT INTO schema_version (number, name, checksum, applied_at_ms)
    VALUES (%(number)s, %(name)s, %(checksum)s, CAST(extract(epoch FROM now()) * 1000 AS BIGINT))
"""

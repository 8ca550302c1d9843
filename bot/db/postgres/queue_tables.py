"""The tables of Procrastinate's queue, and how ticks get into them: all at once, in one statement."""

import hashlib
from importlib import metadata

from procrastinate.schema import SchemaManager

from bot.db.errors import DatabaseUnusable
from bot.db.migrate import APPLICATION_ID
from bot.db.postgres.lines import Address, connect

_MAKING = 0x71C4
"""An advisory lock, beside `APPLICATION_ID`."""


async def make_tables(address: Address) -> None:
    """Make them where there are none yet.

    Raises:
        DatabaseUnusable: the database does not let us in, or they are those of another version.
        DatabaseUnavailable: it cannot be reached.
    """
    schema = SchemaManager.get_schema()
    checksum = hashlib.sha256(schema.encode()).hexdigest()[:12]
    own = f"Procrastinate {metadata.version('procrastinate')}, {checksum}"
    connection = await connect(address, patient=True)
    async with connection, connection.transaction():
        await connection.execute(f"SELECT pg_advisory_xact_lock({APPLICATION_ID}, {_MAKING})".encode())
        [found] = await (await connection.execute(_FOUND)).fetchall()
        if found["jobs"] is None:
            await connection.execute(schema.encode())
        if found["made_by"] is None:
            await connection.execute(f"COMMENT ON TABLE procrastinate_jobs IS '{own}'".encode())
        elif not found["made_by"].endswith(checksum):
            raise DatabaseUnusable(_REFUSED.format(made_by=found["made_by"], own=own))
        if found["index"] is None:  # asking for it again would hold up everybody's ticks
            await connection.execute(_INDEX)
        await connection.execute(_GIVE)


_REFUSED = (
    "The queue's tables were made by {made_by}, and this is {own}. Stop all processes, apply Procrastinate's "
    "migrations between the two (its documentation: Migrate the Procrastinate schema), and say so: "
    "COMMENT ON TABLE procrastinate_jobs IS '{own}'."
)
_FOUND = """
    SELECT to_regclass('procrastinate_jobs') AS jobs, to_regclass('kinora_live_ticks') AS index,
        obj_description(to_regclass('procrastinate_jobs'), 'pg_class') AS made_by
"""
_INDEX = """
    CREATE INDEX kinora_live_ticks ON procrastinate_jobs (lock)
    WHERE status IN ('todo', 'doing') AND lock IS NOT NULL
"""
_GIVE = """
    CREATE OR REPLACE FUNCTION kinora_give(ticks jsonb) RETURNS void
    LANGUAGE plpgsql SET enable_seqscan = off AS $$
    DECLARE
        given procrastinate_job_to_defer_v1[] := ARRAY(
            SELECT tick FROM jsonb_populate_recordset(NULL::procrastinate_job_to_defer_v1, ticks) AS tick);
    BEGIN
        PERFORM procrastinate_cancel_job_v1(waiting.id, abort => false, delete_job => true) FROM (
            SELECT id FROM procrastinate_jobs AS ticks
            JOIN unnest(given) AS new ON ticks.lock = new.lock AND ticks.priority = new.priority
            WHERE ticks.status = 'todo'
            UNION ALL
            SELECT id FROM procrastinate_jobs
            WHERE EXISTS (SELECT FROM unnest(given) AS new WHERE new.lock IS NULL)
                AND status = 'todo' AND priority = 2 AND lock IS NULL
            ORDER BY id
        ) AS waiting;
        PERFORM procrastinate_defer_jobs_v1(given);
    END $$
"""
"""A tick that waits is taken out as one that is cancelled; whoever has begun is not interrupted."""

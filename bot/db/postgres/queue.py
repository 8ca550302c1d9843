"""The queue of ticks: Procrastinate, on the same PostgreSQL as everything else.

Where a job stands is in its row alone. A tick only says that somebody is to look, so a lost one delays a job and a
superfluous one finds nothing to do. Of each job at most two wait, the next by the clock and an early one: a tick takes
the place of the one that it makes superfluous, which would hold it up otherwise, for those with one lock are taken in
the order of their priority and age, whether they are due or not.
"""

import asyncio
import json
import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any, LiteralString, TypeVar, cast

import psycopg
import structlog
from procrastinate import App, PsycopgConnector, exceptions
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager
from psycopg import sql

from bot.db.migrate import APPLICATION_ID
from bot.db.postgres.faults import is_passing
from bot.db.postgres.lines import Address
from bot.db.postgres.queue_tables import make_tables
from bot.db.ticks import Tick

T = TypeVar("T")

log = structlog.stdlib.get_logger(__name__)

QUEUE = "kinora"
"""Others may have queues of theirs in the same database."""
STEP, ADMIT = "step", "admit"
"""Tasks by name; a worker of another version must know them, too."""

_CONNECTIONS = 4
_HOUSEKEEPING = 0x71C5
"""An advisory lock, beside `APPLICATION_ID`."""
_TAKES = 3
"""Tries to take a tick, one after the other."""
_LAST_MS = 4_102_444_800_000
"""The year 2100: a moment that no calendar knows would undo everything that is committed with it."""
_PATIENCE_S = 5
"""For a connection."""
_AT_ONCE = datetime.fromtimestamp(0, UTC)
_PAUSE_S = 1.0
"""Between two tries to reach a database that is away."""

Connection = psycopg.AsyncConnection[Any]


class Carrier:
    """Where ticks wait for a worker."""

    def __init__(self, connector: "_Patient", *, now_ms: Callable[[], int]) -> None:
        self._connector = connector
        self._now_ms = now_ms
        self.app = App(connector=connector)
        self.queue = self.app.job_manager = Queue(connector)

    @classmethod
    async def open(cls, url: str, *, now_ms: Callable[[], int]) -> "Carrier":
        """Connect, and make Procrastinate's tables where there are none yet.

        Raises:
            DatabaseUnusable: the database does not let us in, or has the tables of another Procrastinate.
            DatabaseUnavailable: it cannot be reached.
        """
        address = Address.of(url)
        await make_tables(address)
        connector = _Patient(
            kwargs=dict(address.parameters),
            configure=_configure,
            min_size=1,
            max_size=_CONNECTIONS,
            timeout=_PATIENCE_S,
            reconnect_timeout=_PATIENCE_S,
        )
        await connector.open_async()
        return cls(connector, now_ms=now_ms)

    async def close(self) -> None:
        """Give the connections back; ticks stay where they are."""
        self.hurry()
        await self._connector.close_async()

    def hurry(self) -> None:
        """Wait for a database that is away no longer: the process ends."""
        self._connector.hurried.set()

    def defer(self, ticks: Sequence[Tick]) -> str:
        """The statement that puts ticks into the queue, with whatever else its connection commits."""
        latest = {(tick.job_id, tick.is_early): tick for tick in ticks}
        given = json.dumps([self._row(tick) for tick in latest.values()])
        return f"SELECT kinora_give({sql.Literal(given).as_string()})"

    async def give(self, ticks: Sequence[Tick]) -> None:
        """Put ticks into the queue by themselves.

        Raises:
            psycopg.Error: nothing was put there, as far as is known.
        """
        async with self._connector.pool.connection() as connection:
            await connection.execute(self.defer(ticks).encode())

    async def due_without_tick(self, *, limit: int) -> list[int]:
        """Jobs that somebody should be about to look at, but is not: of a restored database, or one that was moved."""
        rows = await self._all(_FORGOTTEN, now_ms=self._now_ms(), limit=limit)
        return [row[0] for row in rows]

    async def is_waited(self) -> bool:
        """Whether any job waits for a slot."""
        return bool((await self._all("SELECT EXISTS (SELECT 1 FROM lanes WHERE queued > 0)"))[0][0])

    @asynccontextmanager
    async def alone(self) -> AsyncGenerator[bool]:
        """Whether nobody else is within such a block at the moment, and until it ends."""
        key = {"application": APPLICATION_ID, "what": _HOUSEKEEPING}
        async with self._connector.pool.connection() as connection:
            cursor = await connection.execute("SELECT pg_try_advisory_lock(%(application)s, %(what)s)", key)
            [is_alone] = cast("tuple[bool]", await cursor.fetchone())
            try:
                yield is_alone
            finally:
                if is_alone:
                    await connection.execute("SELECT pg_advisory_unlock(%(application)s, %(what)s)", key)

    async def _all(self, sql: str, **parameters: object) -> list[tuple[Any, ...]]:
        async with self._connector.pool.connection() as connection:
            return await (await connection.execute(sql.encode(), parameters)).fetchall()

    def _row(self, tick: Tick) -> dict[str, object]:
        """A tick as a `procrastinate_job_to_defer_v1`."""
        if tick.job_id is None:
            return {"queue_name": QUEUE, "task_name": ADMIT, "priority": _ADMISSION, "args": {}}
        at_ms = None if tick.at_ms is None else min(tick.at_ms, _LAST_MS)
        is_later = at_ms is not None and at_ms > self._now_ms()
        return {
            "queue_name": QUEUE,
            "task_name": STEP,
            "priority": _EARLY if tick.is_early else _BY_THE_CLOCK,
            "lock": f"job:{tick.job_id}",
            "args": {"job_id": tick.job_id, "at_ms": tick.at_ms, "early": tick.is_early},
            "scheduled_at": datetime.fromtimestamp(at_ms / 1000, UTC).isoformat()
            if at_ms and is_later
            else None,
        }


class Queue(JobManager):
    """Procrastinate's, where what it leaves open is decided."""

    worker_id: int | None = None
    """Of the worker in this process, while there is one."""
    beats_since_s: float = math.inf
    """Since when it has shown signs of life without a gap, by the clock of the event loop."""

    async def register_worker(self) -> int:
        """Write a worker down, who is to show signs of life from now on."""
        self.worker_id = await super().register_worker()
        self.beats_since_s = asyncio.get_running_loop().time()
        return self.worker_id

    async def unregister_worker(self, worker_id: int) -> None:
        """A worker has ended; nobody shows signs of life for it any more."""
        self.worker_id = None
        await super().unregister_worker(worker_id)

    async def update_heartbeat(self, worker_id: int) -> None:
        """A sign of life. How long none came only the server knows: a machine that is suspended has no time meanwhile.

        A worker that was struck off as dead is put down again: without its row it is given nothing.
        """
        found = await self.connector.execute_query_all_async(_BEAT, worker_id=worker_id)
        if not found:
            log.warning("was taken for dead", worker=worker_id)
        if not (found and found[0]["was_due"]):
            self.beats_since_s = asyncio.get_running_loop().time()

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """The next tick; where somebody else has taken one with its lock at the same moment, the one after that."""
        for _ in range(_TAKES):
            try:
                with suppress(exceptions.UniqueViolation):
                    return await super().fetch_job(queues, worker_id)
            except exceptions.ConnectorException as fault:
                if not isinstance(fault.__cause__, psycopg.errors.ForeignKeyViolation):
                    raise
                await self.update_heartbeat(worker_id)
        return None  # it is asked again soon

    async def holds(self, job: Job) -> bool:
        """Whether a tick is still with the one who was given it: whenever it is taken away, its attempts grow."""
        return bool(await self._of_ours(_OURS, job))

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:  # noqa: FBT001 - as it is called
        """A tick has ended, if it is still ours."""
        await self._of_ours(_FINISH, job, status=status.value, delete_job=delete_job)

    async def retry_job(
        self,
        job: Job,
        retry_at: datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        """A tick waits again, if it is still ours."""
        known = {"priority": priority, "queue": queue, "lock": lock}
        await self._of_ours(_RETRY, job, retry_at=retry_at or _AT_ONCE, **known)

    async def _of_ours(self, sql: LiteralString, job: Job, **known: object) -> list[dict[str, Any]]:
        """Ask about a tick; nothing comes of it once that was taken away, or an answer was lost and this is said again."""
        rows = await self.connector.execute_query_all_async(
            sql, job_id=job.id, attempts=job.attempts, **known
        )
        if not rows:
            log.debug("tick taken over", tick=job.id)
        return rows


class _Patient(PsycopgConnector):
    """Asks until the database answers.

    Procrastinate's worker gives up its signs of life at the first failure, and forgets what it was to write down.
    """

    def __init__(self, **pool: Any) -> None:
        super().__init__(**pool)  # pyright: ignore[reportUnknownMemberType] - of functions for JSON
        self.hurried = asyncio.Event()
        self._is_away = False

    async def execute_query_async(self, query: Any, **arguments: Any) -> None:
        """As any connector does."""
        ask = super().execute_query_async
        await self._patiently(lambda: ask(query, **arguments))

    async def execute_query_one_async(self, query: Any, **arguments: Any) -> dict[str, Any]:
        """As any connector does."""
        ask = super().execute_query_one_async
        return await self._patiently(lambda: ask(query, **arguments))

    async def execute_query_all_async(self, query: Any, **arguments: Any) -> list[dict[str, Any]]:
        """As any connector does."""
        ask = super().execute_query_all_async
        return await self._patiently(lambda: ask(query, **arguments))

    async def listen_notify(self, on_notification: Any, channels: Iterable[str]) -> None:
        """As any connector does."""
        listen = super().listen_notify
        await self._patiently(lambda: listen(on_notification, channels))

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        while True:
            try:
                answer = await ask()
            except exceptions.ConnectorException as error:
                cause = error.__cause__
                if self.hurried.is_set() or not (isinstance(cause, psycopg.Error) and is_passing(cause)):
                    raise
                if not self._is_away:
                    log.warning("the queue of jobs is out of reach", reason=" ".join(str(cause).split()))
                self._is_away = True
            else:
                if self._is_away:
                    log.info("the queue of jobs is within reach again")
                self._is_away = False
                return answer
            with suppress(TimeoutError):
                async with asyncio.timeout(_PAUSE_S):
                    await self.hurried.wait()


async def _configure(connection: Connection) -> None:
    """Who has which tick need not outlast a crash of the server: it would only be looked at once more.

    Plans are made while the queue is empty, and kept when it is long.
    """
    await connection.set_autocommit(True)
    await connection.execute("SET synchronous_commit = off")
    await connection.execute("SET enable_seqscan = off")


_BY_THE_CLOCK, _EARLY, _ADMISSION = range(3)
"""Priorities: an early tick goes ahead of the one that is due later, and a waiting job is begun first of all."""

_BEAT = """
    WITH beat AS (
        INSERT INTO procrastinate_workers (id, last_heartbeat) OVERRIDING SYSTEM VALUE VALUES (%(worker_id)s, now())
        ON CONFLICT (id) DO UPDATE SET last_heartbeat = now()
    )
    SELECT last_heartbeat > now() - INTERVAL '10 seconds' AS was_due
    FROM procrastinate_workers WHERE id = %(worker_id)s
"""
"""Twice the pause between two: the database was away, or everybody was asleep, and all signs of life are old."""
_OURS = """
    SELECT id FROM procrastinate_jobs
    WHERE id = %(job_id)s AND status = 'doing' AND attempts = %(attempts)s
"""
_FINISH = f"""
    WITH ours AS MATERIALIZED ({_OURS} FOR UPDATE)
    SELECT procrastinate_finish_job_v1(id, %(status)s, %(delete_job)s) FROM ours
"""  # noqa: S608 - built from a constant
_RETRY = f"""
    WITH ours AS MATERIALIZED ({_OURS} FOR UPDATE)
    SELECT procrastinate_retry_job_v2(id, %(retry_at)s, %(priority)s, %(queue)s, %(lock)s) FROM ours
"""  # noqa: S608 - built from a constant
_FORGOTTEN = """
    SELECT id FROM jobs
    WHERE state <> 'queued' AND aftercare < 2 AND run_at_ms <= %(now_ms)s AND NOT EXISTS (
        SELECT 1 FROM procrastinate_jobs AS ticks
        WHERE ticks.lock = 'job:' || jobs.id AND (ticks.status = 'doing' OR ticks.status = 'todo'
            AND (ticks.scheduled_at IS NULL OR ticks.scheduled_at <= now() + INTERVAL '2 minutes')))
    ORDER BY run_at_ms LIMIT %(limit)s
"""
"""A minute is the longest pause after a crash, by the clock of the worker."""

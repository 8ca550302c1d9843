"""What sees to it that no tick is lost, whoever dies: Procrastinate notices dead workers, but leaves what they had."""

import asyncio
from collections.abc import Callable, Collection, Iterable

import psycopg
import structlog
from procrastinate import exceptions
from procrastinate.jobs import Job

from bot.db.postgres.queue import QUEUE, Carrier
from bot.db.ticks import Tick
from bot.services.ports import Clock

log = structlog.stdlib.get_logger(__name__)

EVERY_S = 5.0
BEATS_EVERY_S = 5.0
"""So often a worker shows a sign of life."""
STALLED_AFTER_S = 20.0
"""Without one for so long it is taken for dead, and what it was carrying is carried by others."""
_AT_ONCE = 500


class Housekeeping:
    """Runs in every worker; one at a time looks."""

    def __init__(
        self,
        carrier: Carrier,
        *,
        carried: Callable[[], Collection[int]],
        clock: Clock,
        every_s: float = EVERY_S,
        stalled_after_s: float = STALLED_AFTER_S,
    ) -> None:
        """`carried` are the ids of the ticks that this process is about."""
        self._carrier = carrier
        self._carried = carried
        self._clock = clock
        self._every_s = every_s
        self._stalled_after_s = stalled_after_s
        self._missing: frozenset[int] = frozenset()

    async def run(self) -> None:
        """Look again and again."""
        while True:
            try:
                await self._look()
            except (psycopg.Error, exceptions.ConnectorException) as fault:
                log.debug("ticks not looked after", reason=str(fault))
            except Exception:
                log.exception("looking after ticks failed")
            await asyncio.sleep(self._every_s)

    async def _look(self) -> None:
        await self._beat()
        async with self._carrier.alone() as is_alone:
            if not is_alone:
                return
            await self._release_lost()
            await self._release_stalled()
            await self._give_ticks()

    async def _beat(self) -> None:
        """A sign of life of our own: a worker that was told to stop gives none while it waits for its last steps."""
        if self._carrier.queue.worker_id is not None:
            await self._carrier.queue.update_heartbeat(self._carrier.queue.worker_id)

    async def _release_lost(self) -> None:
        """Ticks that this worker has been given, but has never heard of: the answer was lost."""
        worker_id = self._carrier.queue.worker_id
        if worker_id is None:
            return
        ours = await self._carrier.queue.list_jobs_async(queue=QUEUE, status="doing", worker_id=worker_id)
        carried = self._carried()
        missing = {job.id: job for job in ours if job.id is not None and job.id not in carried}
        await self._release(missing[id_] for id_ in missing.keys() & self._missing)  # not just on its way
        self._missing = frozenset(missing)

    async def _release_stalled(self) -> None:
        """Ticks of workers that have shown no sign of life, though they could have."""
        after_s = self._stalled_after_s
        stalled = await self._carrier.queue.get_stalled_jobs(queue=QUEUE, seconds_since_heartbeat=after_s)
        await self._beat()  # which tells whether ours was missing as well when that was asked
        if asyncio.get_running_loop().time() - self._carrier.queue.beats_since_s < after_s:
            return
        carried = self._carried()
        await self._release(job for job in stalled if job.id not in carried)
        await self._carrier.queue.prune_stalled_workers(after_s)

    async def _release(self, ticks: Iterable[Job]) -> None:
        for tick in ticks:
            job_id = tick.task_kwargs.get("job_id")
            log.warning("step taken from a worker that is gone", job=job_id, worker=tick.worker_id)
            await self._carrier.queue.retry_job(tick)

    async def _give_ticks(self) -> None:
        forgotten = await self._carrier.due_without_tick(limit=_AT_ONCE)
        if forgotten:
            log.info("ticks given to jobs without one", jobs=len(forgotten))
        ticks = [Tick(job_id) for job_id in forgotten]
        if await self._carrier.is_waited():
            ticks.append(Tick())
        if ticks:
            await self._carrier.give(ticks)

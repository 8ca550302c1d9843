"""News of tasks that providers send by themselves: a reason to ask early, and nothing more."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass

import structlog

from bot.db import jobs
from bot.db.transaction import Database, Transaction
from bot.domain.errors import NoSuchJob
from bot.domain.jobs import Job, JobState
from bot.services.ports import Runner

log = structlog.stdlib.get_logger(__name__)

_KINDS = ("image2video", "text2video", "image2video+watermark", "text2video+watermark")
"""The path of a Kling query has the kind of the task, so that a job's task id has it too; a notice has not."""

_ASKED = frozenset({JobState.RENDERING, JobState.UNKNOWN})
"""States in which the next step is to ask the provider. In any other an early step would only cut a pause short."""

_AT_ONCE = 1000
"""Notices looked into at once; what comes on top is left to the usual asking."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Which task a provider's message is about, in its words. Nothing in it is believed."""

    key: str | None
    """Our name for the attempt (`Submission.key`) as the provider repeats it; None where it does not."""
    task_ids: tuple[str, ...]
    """The provider's own names for the task, the likeliest first; without the kind of the task."""


class News:
    """Finds the job that a notice is about and wakes whoever carries it."""

    def __init__(self, *, db: Database, runner: Runner, installation: str, tasks: asyncio.TaskGroup) -> None:
        """`installation` is the name that stands in the keys of attempts."""
        self._db = db
        self._runner = runner
        self._tasks = tasks
        self._key = re.compile(rf"kinora-{re.escape(installation)}-([0-9]{{1,18}})-([0-9]{{1,9}})")
        self._looked_into: set[tuple[str, Notice]] = set()

    def tell(self, provider: str, notice: Notice) -> None:
        """Pass a notice on, in a task of its own; it is logged and forgotten where that cannot be done."""
        told = (provider, notice)
        if told in self._looked_into:
            return  # its job has not been woken yet, so that one early ask serves for both
        if len(self._looked_into) >= _AT_ONCE:
            log.warning("too much news at once", provider=provider)
            return
        self._looked_into.add(told)
        self._tasks.create_task(self._pass_on(provider, notice), name="news")

    async def _pass_on(self, provider: str, notice: Notice) -> None:
        try:
            job = await self._db.read(self._subject(provider, notice))
            if job is None:
                log.info("news of no open job", provider=provider, key=notice.key, tasks=notice.task_ids)
                return
            log.info("news", job=job.id, provider=provider)
            self._runner.wake(job.id)
        except Exception:  # its carrier asks again by itself
            log.exception("news not passed on", provider=provider)
        finally:
            self._looked_into.discard((provider, notice))

    def _subject(self, provider: str, notice: Notice) -> Transaction[Job | None]:
        named = yield from self._by_key(provider, notice.key or "")
        if named is not None:
            return named
        for task_id in _possible(notice.task_ids):
            job = yield from jobs.by_task(provider, task_id)
            if job is not None:
                return job
        return None

    def _by_key(self, provider: str, key: str) -> Transaction[Job | None]:
        """The job whose present attempt has this key; None for another installation's, and for one of the past."""
        ours = self._key.fullmatch(key)
        if ours is None:
            return None
        try:
            job = yield from jobs.get(int(ours[1]))
        except NoSuchJob:
            return None
        is_present = (job.provider, job.attempt) == (provider, int(ours[2]))
        return job if is_present and job.state in _ASKED else None


def _possible(task_ids: tuple[str, ...]) -> Iterator[str]:
    """Every form in which a job may hold one of the ids."""
    for task_id in task_ids:
        yield task_id
        for kind in _KINDS:
            yield f"{kind}/{task_id}"

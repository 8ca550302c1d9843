"""One idempotent step of a job at a time: submit, wait, fetch, deliver, settle.

Whoever calls `advance` may die at any line. What was about to be done is written down first, and every
change of state is a compare-and-set, so that a second caller, or the next process, goes on from there.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

import structlog

from bot import logs
from bot.db import history, jobs
from bot.domain import polling
from bot.domain.errors import DeliveryFault
from bot.domain.jobs import SLOT_HOLDERS, TERMINAL, Aftercare, Job, JobState
from bot.domain.provider import (
    Failed,
    Fence,
    NoSuchTask,
    Pending,
    Provider,
    ProviderFault,
    Ready,
    Recovery,
    TaskLost,
)
from bot.language import marked
from bot.media.blobs import Blobs
from bot.media.clips import Clips
from bot.media.errors import BlobFault, NoDecoder, NoSuchBlob, NotAVideo, StoreUnavailable, TooLarge
from bot.services.attempts import Attempts
from bot.services.cards import Cards
from bot.services.delivery import Delivery, NoPlaceLeft
from bot.services.fence import Holds, alone, fence_of
from bot.services.ordering import Ordering
from bot.services.ports import Sent
from bot.services.steps import Steps

log = structlog.stdlib.get_logger(__name__)

MAX_CLIP_BYTES = 500_000_000
"""A result larger than this is not a clip of a minute at 4k."""

THREAD_LINGERS_MS = 300_000
"""A thread is put away this long after its clip was delivered."""

UNTOLD_AFTER_S = 6 * 3600
"""A task that a provider says it does not know is given up after so long: gateways forget some."""

LEFT_TO_OTHERS_MS = 60_000
"""A process whose disk is full leaves what needs room to others for so long; what it keeps in reserve is for this."""

_LEFT_FOR_MS = 2_000
"""To another process that may be the one to do it."""

_HELD_ON_FOR_MS = 5_000
"""Between two tries of who has the only copy of a clip."""

_MAX_STRANGE_FILES = 12
"""What was fetched in full and is no clip, after hours still, is not fetched for a day."""

_UNFETCHED = marked("The finished clip could not be fetched from the provider.")

_LOST = marked("The clip is not kept any more.")

_OVERDUE = marked("The provider did not finish within its time.")

_NEEDS_ROOM = frozenset({JobState.FETCHING, JobState.DELIVERING})

_IN_DOUBT = frozenset({JobState.SUBMITTING, JobState.UNKNOWN})
"""With a mark: somebody has begun to order the clip."""

_Handlers: TypeAlias = Mapping[JobState, Callable[[Job, Fence], Awaitable[Job]]]

_LONGEST_BACKOFF_S = 60
_LONGEST_FETCH_BACKOFF_S = 600
"""A finished clip is kept for days by every provider, and asking for it holds no slot."""


class Stages:
    """Takes jobs from a granted slot to a settled ledger."""

    def __init__(
        self,
        *,
        steps: Steps,
        ordering: Ordering,
        attempts: Attempts,
        blobs: Blobs,
        clips: Clips,
        delivery: Delivery,
        cards: Cards,
        leaves_to_others: Callable[[], bool] = lambda: False,
        is_one_of_several: bool = False,
    ) -> None:
        """`leaves_to_others`: whether another process had better take the steps that need room.

        `is_one_of_several`: any of them may take a job's next step.
        """
        self._steps = steps
        self._leaves_to_others = leaves_to_others
        self._is_one_of_several = is_one_of_several
        self._db = steps.db
        self._clock = steps.clock
        self._attempts = attempts
        self._blobs = blobs
        self._clips = clips
        self._delivery = delivery
        self._cards = cards
        self._handlers: _Handlers = {
            JobState.SUBMITTING: ordering.submit,
            JobState.UNKNOWN: ordering.resolve,
            JobState.RENDERING: self._wait,
            JobState.FETCHING: self._fetch,
            JobState.DELIVERING: self._deliver,
        }

    async def advance(self, job_id: int, *, early: bool = False, holds: Holds = alone) -> int | None:
        """Take the next step of a job if it is due, or at once if `early`.

        `holds`: whether the job is still the caller's to carry. One that was taken for dead does not know that
        somebody else is in the middle of the create whose mark it finds, or has sent what it is about to send.

        Returns when to come again (ms since 1970), None when all is done, or left to somebody else.
        """
        job = await self._db.read(jobs.get(job_id))
        logs.add(guild=job.origin.guild_id, provider=job.provider, attempt=job.attempt_key)
        if job.state is JobState.QUEUED or job.aftercare is Aftercare.NONE:
            return None
        if job.run_at_ms > self._clock.now_ms() and not early:
            return job.run_at_ms
        is_in_doubt = job.state in _IN_DOUBT and job.marked_at_ms is not None
        if is_in_doubt and not await holds():
            return None
        try:
            job = await self._step(job, fence_of(holds, self._clock))
        except jobs.Overtaken:
            return self._clock.now_ms() if await holds() else None
        return None if job.aftercare is Aftercare.NONE else job.run_at_ms

    async def give_up(self, job_id: int) -> None:
        """End a job whose step keeps failing for a reason nobody foresaw; the credits go back.

        One that waits has no step to take: its last one has moved it on.
        """
        job = await self._db.read(jobs.get(job_id))
        if job.state is JobState.QUEUED:
            return
        reason = marked("Something went wrong inside the bot, and it was logged for the operator.")
        if job.state is JobState.DELIVERING:
            await self._keep(job, reason)
        elif job.state not in TERMINAL:
            await self._abandon(job, reason)

    async def _step(self, job: Job, fence: Fence) -> Job:
        now_ms = self._clock.now_ms()
        if self._is_to_begin_elsewhere(job):  # the time without room is not held against it
            return await self._steps.move(
                job, job.state, started_at_ms=now_ms, run_at_ms=now_ms + _LEFT_FOR_MS
            )
        if self._is_to_be_kept_elsewhere(job):
            return await self._steps.move(job, job.state, run_at_ms=now_ms + _LEFT_FOR_MS)
        while True:
            try:
                return await self._handlers.get(job.state, self._look_after)(job, fence)
            except (ProviderFault, DeliveryFault, NotAVideo, BlobFault) as fault:
                if not self._has_only_copy(job, fault):
                    return await self._try_again(job.id, fault)
                log.warning("clip held on to", job=job.id, reason=str(fault))
            await self._clock.wait(asyncio.Event(), until_ms=self._clock.now_ms() + _HELD_ON_FOR_MS)
            await fence()

    def _is_to_begin_elsewhere(self, job: Job) -> bool:
        """Whether its clip would be rendered on this machine, which has no room for it."""
        may_wait = job.state in _IN_DOUBT and not job.cancel_requested
        if not may_wait or not self._is_lost_elsewhere(job):
            return False
        return self._leaves_to_others() or self._attempts.provider(job).is_full

    def _is_to_be_kept_elsewhere(self, job: Job) -> bool:
        if job.state not in _NEEDS_ROOM or not self._leaves_to_others() or self._has_waited(job):
            return False
        return job.state is JobState.DELIVERING or not self._is_lost_elsewhere(job)

    def _has_only_copy(self, job: Job, fault: Exception) -> bool:
        """Whether a finished clip that only our store does not take would be lost if another process went on."""
        is_ours = isinstance(fault, (StoreUnavailable, NoDecoder))
        return job.state is JobState.FETCHING and is_ours and self._is_lost_elsewhere(job)

    def _is_lost_elsewhere(self, job: Job) -> bool:
        """Whether what its provider makes lies with this process, so that others would make it anew."""
        if not self._is_one_of_several or not self._attempts.is_at_hand(job):
            return False
        return self._attempts.provider(job).recovery is Recovery.KEY_HONOURED

    def _has_waited(self, job: Job) -> bool:
        """Whether everybody has had the time to take its next step, and nobody did."""
        return self._clock.now_ms() - (job.rendered_at_ms or 0) > LEFT_TO_OTHERS_MS

    async def _wait(self, job: Job, _: Fence) -> Job:
        assert job.task_id is not None
        provider = self._attempts.provider(job)
        if job.cancel_requested and await self._is_stopped(job, provider):
            return await self._steps.cancelled(job)
        answer = await provider.poll(job.task_id)
        match answer:
            case Ready():
                return await self._steps.rendered(job, answer, task_id=job.task_id)
            case Failed(reason):
                return await self._steps.end(job, reason)
            case Pending(progress, ask_again_s):
                return await self._keep_waiting(job, progress, ask_again_s)

    async def _keep_waiting(self, job: Job, progress: float | None, ask_again_s: float | None) -> Job:
        elapsed_s = self._steps.waited_s(job.marked_at_ms)
        if polling.is_overdue(elapsed_s):
            return await self._abandon(job, _OVERDUE)
        if ask_again_s is None:
            forecast = await self._db.read(history.forecast(history.Kind.of(job)))
            ask_again_s = polling.next_ask_s(elapsed_s, forecast)
        return await self._steps.move(
            job,
            JobState.RENDERING,
            progress=job.progress if progress is None else progress,
            cancel_requested=0,
            tries=0,
            run_at_ms=self._clock.now_ms() + int(ask_again_s * 1000),
        )

    async def _fetch(self, job: Job, _: Fence) -> Job:
        provider = self._attempts.provider(job)
        async with provider.open(await self._link(job, provider)) as chunks:
            blob = await self._blobs.put(chunks, max_bytes=MAX_CLIP_BYTES)
            async with self._blobs.path(blob.hash) as path:
                await self._clips.probe(path)
            return await self._steps.move(
                job,
                JobState.DELIVERING,
                clip=blob.hash,
                clip_bytes=blob.size_bytes,
                run_at_ms=self._clock.now_ms(),
            )

    async def _link(self, job: Job, provider: Provider) -> str:
        """Where the clip is to be fetched: the link that is known, or a fresh one after that has failed."""
        assert job.result is not None
        if not job.tries or job.task_id is None:
            return job.result
        try:
            answer = await provider.poll(job.task_id)
        except ProviderFault as fault:
            log.info("no fresh link", job=job.id, reason=str(fault))
            return job.result
        return answer.result if isinstance(answer, Ready) else job.result

    async def _deliver(self, job: Job, fence: Fence) -> Job:
        if job.withdrawn_at_ms is not None:  # its member was forgotten meanwhile
            return await self._steps.move(job, JobState.FAILED)
        try:
            job, sent = await self._delivery.deliver(job, fence)
        except NoSuchBlob as fault:
            log.warning("clip lost", job=job.id, blob=job.clip, reason=str(fault))
            job = await self._db.read(jobs.get(job.id))
            return await self._steps.move(job, JobState.FAILED, error=_LOST, clip=None)
        except NoPlaceLeft as fault:
            log.warning("undeliverable", job=job.id, reason=str(fault))
            return await self._keep(await self._db.read(jobs.get(job.id)), str(fault))
        return await self._posted(job, sent)

    async def _keep(self, job: Job, reason: str) -> Job:
        """What no place takes is kept for its member, unless that is nobody any more."""
        state = JobState.UNDELIVERABLE if job.withdrawn_at_ms is None else JobState.FAILED
        return await self._steps.move(job, state, error=reason)

    async def _posted(self, job: Job, sent: Sent) -> Job:
        log.info("delivered", job=job.id, channel=job.message_channel_id, message=sent.message_id)
        return await self._steps.move(
            job,
            JobState.DONE,
            message_id=sent.message_id,
            posted_bytes=sent.size_bytes,
        )

    async def _look_after(self, job: Job, _: Fence) -> Job:
        """What is left to do for a job that has ended: its card, later its thread."""
        if not self._steps.is_past(job.finished_at_ms):
            if job.aftercare is Aftercare.CARD:
                again_ms = await self._cards.finish(job)
                if again_ms is not None:
                    return await self._steps.move(job, job.state, run_at_ms=again_ms, tries=0)
            else:
                await self._delivery.put_away(job)
        if job.aftercare is Aftercare.CARD and job.thread_id is not None:
            run_at_ms = self._clock.now_ms() + THREAD_LINGERS_MS
            return await self._steps.move(
                job, job.state, aftercare=Aftercare.THREAD, run_at_ms=run_at_ms, tries=0
            )
        return await self._steps.move(job, job.state, aftercare=Aftercare.NONE)

    async def _is_stopped(self, job: Job, provider: Provider) -> bool:
        assert job.task_id is not None
        try:
            return await provider.cancel(job.task_id)
        except ProviderFault as fault:
            log.info("not stopped", job=job.id, task=job.task_id, reason=str(fault))
            return False

    async def _abandon(self, job: Job, reason: str) -> Job:
        """End a job whose task may still be running: nobody waits for it any more."""
        may_stop = job.state is JobState.RENDERING and self._attempts.is_at_hand(job)
        if may_stop and await self._is_stopped(job, self._attempts.provider(job)):
            return await self._steps.end(job, reason)
        return await self._steps.lose(job, reason)

    async def _try_again(self, job_id: int, fault: Exception) -> Job:
        job = await self._db.read(jobs.get(job_id))
        if isinstance(fault, TaskLost) and self._attempts.provider(job).recovery is Recovery.KEY_HONOURED:
            return await self._make_anew(job, fault)
        log.warning("step failed", job=job.id, state=job.state, tries=job.tries + 1, reason=str(fault))
        if (reason := self._hopeless(job, fault)) is not None:
            return await self._steps.lose(job, reason)
        run_at_ms = self._clock.now_ms() + _backoff_ms(job.state, job.tries)
        known = {"tries": job.tries + 1, "run_at_ms": run_at_ms} | self._excused(job, fault)
        return await self._steps.move(job, job.state, **known)

    async def _make_anew(self, job: Job, fault: TaskLost) -> Job:
        """Have what went with another process made by whoever comes first, as if it had not been asked for."""
        log.info("made anew", job=job.id, state=job.state, reason=str(fault))
        now_ms, was_finished = self._clock.now_ms(), job.rendered_at_ms is not None
        if not was_finished and polling.is_overdue(self._steps.waited_s(job.started_at_ms)):
            return await self._steps.end(job, _OVERDUE)
        nothing = dict.fromkeys(("marked_at_ms", "task_id", "result", "rendered_at_ms", "progress"))
        started_at_ms = now_ms if was_finished else job.started_at_ms
        return await self._steps.move(
            job,
            JobState.SUBMITTING,
            started_at_ms=started_at_ms,
            run_at_ms=now_ms + _LEFT_FOR_MS,
            **nothing,
        )

    def _excused(self, job: Job, fault: Exception) -> dict[str, int]:
        """Time in which a provider said nothing about a task does not count as time that the task has had."""
        if job.state is not JobState.RENDERING or job.marked_at_ms is None or isinstance(fault, NoSuchTask):
            return {}
        now_ms = self._clock.now_ms()
        pause_ms = _backoff_ms(job.state, job.tries - 1) if job.tries else 0
        since_ms = job.run_at_ms - pause_ms  # it failed last, or it was due
        return {"marked_at_ms": min(job.marked_at_ms + max(0, now_ms - since_ms), now_ms)}

    def _hopeless(self, job: Job, fault: Exception) -> str | None:
        """Why a job whose step failed once more is not worth another try; None if it is."""
        if job.state is JobState.FETCHING:
            return _UNFETCHED if self._cannot_be_fetched(job, fault) else None
        if job.state not in SLOT_HOLDERS:
            return None
        if self._steps.is_past(job.started_at_ms):
            return marked("The provider could not be reached for a day.")
        is_unknown = isinstance(fault, NoSuchTask) and job.tries > 0
        if is_unknown and self._steps.waited_s(job.marked_at_ms) > UNTOLD_AFTER_S:
            return marked("The provider does not know the clip any more.")
        return None

    def _cannot_be_fetched(self, job: Job, fault: Exception) -> bool:
        if isinstance(fault, (NotAVideo, TooLarge)):
            is_late = self._steps.waited_s(job.rendered_at_ms) > UNTOLD_AFTER_S
            return is_late and job.tries + 1 >= _MAX_STRANGE_FILES
        is_ours = isinstance(fault, BlobFault)  # a full disk is no reason to lose a clip
        return not is_ours and self._steps.is_past(job.rendered_at_ms)


def _backoff_ms(state: JobState, tries: int) -> int:
    """The pause after a step that failed and that had failed so many times before."""
    longest_s = _LONGEST_FETCH_BACKOFF_S if state is JobState.FETCHING else _LONGEST_BACKOFF_S
    return min(2 ** min(tries, 10), longest_s) * 1000

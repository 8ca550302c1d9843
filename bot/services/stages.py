"""One idempotent step of a job at a time: submit, wait, fetch, deliver, settle.

Whoever calls `advance` may die at any line. What was about to be done is written down first, and every
change of state is a compare-and-set, so that a second caller, or the next process, goes on from there.
"""

from collections.abc import Awaitable, Callable, Mapping

import structlog

from bot.db import history, jobs
from bot.db.transaction import Database, Transaction
from bot.domain import polling
from bot.domain.catalogue import Choice
from bot.domain.errors import DeliveryFault
from bot.domain.jobs import SLOT_HOLDERS, TERMINAL, Aftercare, Job, JobState
from bot.domain.provider import (
    Absent,
    Accepted,
    Failed,
    Pending,
    Provider,
    ProviderFault,
    Ready,
    Recovery,
    Refusal,
    Rejected,
    Unknown,
)
from bot.media.blobs import Blobs
from bot.media.clips import Clips
from bot.media.errors import BlobFault, NoSuchBlob, NotAVideo, TooLarge
from bot.services.attempts import Attempts
from bot.services.cards import Cards
from bot.services.delivery import Delivery, NoPlaceLeft, Posted
from bot.services.ports import Clock
from bot.services.routing import Routes

log = structlog.stdlib.get_logger(__name__)

MAX_CLIP_BYTES = 500_000_000
"""A result larger than this is not a clip of a minute at 4k."""

LOOK_UP_GRACE_MS = 90_000
"""A task that cannot be found is believed absent only when a create in flight must have ended."""

THREAD_LINGERS_MS = 300_000
"""A thread is put away this long after its clip was delivered."""

HOPELESS_AFTER_MS = 24 * 3600 * 1000
"""A provider that has not answered for a day is not waited for."""

_BUSY_ENOUGH = 4
"""A provider that was busy so many times is not waited for while another could do it."""

_LONGEST_PAUSE_S = 120.0
"""Between two creates for one job, unless the provider asks for more."""

_MAX_TRIES = 12
_LONGEST_BACKOFF_S = 60


class Stages:
    """Takes jobs from a granted slot to a settled ledger."""

    def __init__(
        self,
        *,
        db: Database,
        attempts: Attempts,
        routes: Routes,
        blobs: Blobs,
        clips: Clips,
        delivery: Delivery,
        clock: Clock,
        cards: Cards,
        slot_freed: Callable[[], None],
    ) -> None:
        self._db = db
        self._attempts = attempts
        self._routes = routes
        self._blobs = blobs
        self._clips = clips
        self._delivery = delivery
        self._clock = clock
        self._cards = cards
        self._slot_freed = slot_freed
        self._up_since_ms = clock.now_ms()
        self._handlers: Mapping[JobState, Callable[[Job], Awaitable[Job]]] = {
            JobState.SUBMITTING: self._submit,
            JobState.UNKNOWN: self._resolve,
            JobState.RENDERING: self._wait,
            JobState.FETCHING: self._fetch,
            JobState.DELIVERING: self._deliver,
        }

    async def advance(self, job_id: int, *, early: bool = False) -> int | None:
        """Take the next step of a job if it is due, or at once if `early`.

        Returns when to come again (ms since 1970), None when all is done.
        """
        job = await self._db.read(jobs.get(job_id))
        if job.state is JobState.QUEUED or job.aftercare is Aftercare.NONE:
            return None
        if job.run_at_ms > self._clock.now_ms() and not early:
            return job.run_at_ms
        try:
            job = await self._step(job)
        except jobs.Overtaken:
            return self._clock.now_ms()
        return None if job.aftercare is Aftercare.NONE else job.run_at_ms

    async def give_up(self, job_id: int) -> None:
        """End a job whose step keeps failing for a reason nobody foresaw; the credits go back."""
        job = await self._db.read(jobs.get(job_id))
        reason = "Something went wrong inside the bot, and it was logged for the operator."
        if job.state is JobState.DELIVERING:
            await self._move(job, JobState.UNDELIVERABLE, error=reason)
        elif job.state not in TERMINAL:
            await self._abandon(job, reason)

    async def _step(self, job: Job) -> Job:
        try:
            return await self._handlers.get(job.state, self._look_after)(job)
        except (ProviderFault, DeliveryFault, NotAVideo, BlobFault) as fault:
            return await self._try_again(job.id, fault)

    async def _submit(self, job: Job) -> Job:
        if job.marked_at_ms is not None:
            return await self._resolve(job)
        if job.cancel_requested:
            return await self._cancelled(job)
        return await self._send(job)

    async def _send(self, job: Job) -> Job:
        """Call the provider, once everything is at hand and the intent is written down."""
        try:
            async with self._attempts.submission(job) as submission:
                if job.marked_at_ms is None:
                    job = await self._move(job, job.state, marked_at_ms=self._clock.now_ms())
                outcome = await self._attempts.provider(job).submit(submission)
        except NoSuchBlob:
            return await self._end(job, "The picture is no longer kept here; please ask again with it.")
        now_ms = self._clock.now_ms()
        match outcome:
            case Accepted(task_id, ready):
                log.info("accepted by provider", job=job.id, provider=job.provider, task=task_id)
                return await self._taken(job, task_id, ready)
            case Rejected():
                return await self._rejected(job, outcome)
            case Unknown(reason) if job.state is JobState.UNKNOWN:
                raise ProviderFault(reason)
            case Unknown(reason):
                log.warning("create in doubt", job=job.id, provider=job.provider, reason=reason)
                return await self._move(job, JobState.UNKNOWN, run_at_ms=now_ms)

    async def _taken(self, job: Job, task_id: str, ready: Ready | None) -> Job:
        """Write down a task that only this process knows: a cancellation meanwhile must not make it forgotten."""

        async def write_down(row: Job) -> Job:
            if ready is not None:
                return await self._rendered(row, ready, task_id=task_id)
            return await self._move(row, JobState.RENDERING, task_id=task_id, run_at_ms=self._clock.now_ms())

        try:
            return await write_down(job)
        except jobs.Overtaken:
            newer = await self._db.read(jobs.get(job.id))
            if (newer.state, newer.attempt) != (job.state, job.attempt):
                raise
            return await write_down(newer)

    async def _rejected(self, job: Job, outcome: Rejected) -> Job:
        """The provider certainly did not take it: try elsewhere, or again, or end it."""
        log.warning(
            "rejected", job=job.id, provider=job.provider, why=outcome.why.value, reason=outcome.reason
        )
        try:
            return await self._after_refusal(job, outcome)
        except jobs.Overtaken:  # by a cancellation: the refusal must not be forgotten over it
            newer = await self._db.read(jobs.get(job.id))
            if (newer.state, newer.attempt) != (job.state, job.attempt):
                raise
            return await self._cancelled(newer)

    async def _after_refusal(self, job: Job, outcome: Rejected) -> Job:
        is_worth_waiting = outcome.why is Refusal.BUSY and job.attempt < _BUSY_ENOUGH
        if outcome.why is not Refusal.MODERATION and not is_worth_waiting:
            choice = await self._routes.next_for(job)
            if choice is not None:
                return await self._move_on(job, choice)
        if outcome.retry_after_s is None:
            return await self._end(job, outcome.reason)
        longer_s = min(outcome.retry_after_s * 2 ** min(job.attempt - 1, 9), _LONGEST_PAUSE_S)
        wait_s = max(outcome.retry_after_s, longer_s)
        return await self._next_attempt(job, run_at_ms=self._clock.now_ms() + int(wait_s * 1000))

    async def _move_on(self, job: Job, choice: Choice) -> Job:
        log.info("moved on", job=job.id, refused_by=job.provider, provider=choice.spec.provider)
        moved = await self._db.write(jobs.move_on(job, choice, now_ms=self._clock.now_ms()))
        self._cards.changed(moved)
        self._slot_freed()
        return moved

    async def _resolve(self, job: Job) -> Job:
        """An attempt was marked, and nobody knows what became of it."""
        provider = self._attempts.provider(job)
        if provider.recovery is Recovery.KEY_HONOURED:
            return await self._send(job)
        if provider.recovery is Recovery.NEITHER:
            return await self._hold(job)
        return await self._look_up(job, provider)

    async def _hold(self, job: Job) -> Job:
        """Nobody can tell what became of an attempt: the member gets the credits back, the operator is told."""
        log.error("held: may have been charged", job=job.id, provider=job.provider, attempt=job.attempt_key)
        return await self._end(job, "The provider did not say whether it took the job, so it was given up.")

    async def _look_up(self, job: Job, provider: Provider) -> Job:
        assert job.marked_at_ms is not None
        found = await provider.look_up(self._attempts.key(job), self._attempts.spec(job), job.request.task)
        now_ms = self._clock.now_ms()
        believed_from_ms = job.marked_at_ms + LOOK_UP_GRACE_MS
        match found:
            case Accepted(task_id):
                return await self._move(job, JobState.RENDERING, task_id=task_id, run_at_ms=now_ms)
            case Absent() if now_ms >= believed_from_ms:
                return await self._next_attempt(job, run_at_ms=now_ms)
            case Absent():
                return await self._move(job, JobState.UNKNOWN, run_at_ms=believed_from_ms)
            case Unknown() if polling.is_overdue((now_ms - max(job.marked_at_ms, self._up_since_ms)) / 1000):
                return await self._hold(job)  # it would have been finished, and seen, by now
            case Unknown(reason):
                raise ProviderFault(reason)

    async def _next_attempt(self, job: Job, *, run_at_ms: int) -> Job:
        """The last attempt certainly made no task: the next one may be sent, under a new key."""
        if self._is_hopeless(job):
            return await self._end(job, "The provider had no room for a day.")
        return await self._move(
            job, JobState.SUBMITTING, attempt=job.attempt + 1, marked_at_ms=None, run_at_ms=run_at_ms
        )

    async def _wait(self, job: Job) -> Job:
        assert job.task_id is not None
        provider = self._attempts.provider(job)
        if job.cancel_requested and await provider.cancel(job.task_id):
            return await self._cancelled(job)
        answer = await provider.poll(job.task_id)
        match answer:
            case Ready():
                return await self._rendered(job, answer)
            case Failed(reason):
                return await self._end(job, reason)
            case Pending(progress, ask_again_s):
                return await self._keep_waiting(job, progress, ask_again_s)

    async def _keep_waiting(self, job: Job, progress: float | None, ask_again_s: float | None) -> Job:
        now_ms = self._clock.now_ms()
        # Time in which nobody could ask is not held against the provider.
        elapsed_s = (now_ms - max(job.marked_at_ms or now_ms, self._up_since_ms)) / 1000
        if polling.is_overdue(elapsed_s):
            return await self._abandon(job, "The provider did not finish within its time.")
        if ask_again_s is None:
            forecast = await self._db.read(history.forecast(history.Kind.of(job)))
            ask_again_s = polling.next_ask_s(elapsed_s, forecast)
        return await self._move(
            job,
            JobState.RENDERING,
            progress=job.progress if progress is None else progress,
            cancel_requested=0,
            run_at_ms=now_ms + int(ask_again_s * 1000),
        )

    async def _rendered(self, job: Job, ready: Ready, *, task_id: str | None = None) -> Job:
        now_ms = self._clock.now_ms()
        seconds = (now_ms - (job.marked_at_ms or now_ms)) / 1000

        def rendered() -> Transaction[Job]:
            if job.marked_at_ms and job.marked_at_ms >= self._up_since_ms:
                yield from history.record(job, seconds)
            return (
                yield from jobs.move(
                    job,
                    JobState.FETCHING,
                    now_ms=now_ms,
                    task_id=task_id or job.task_id,
                    result=ready.result,
                    **jobs.spent_columns(ready.spent),
                    progress=1.0,
                    tries=0,
                    rendered_at_ms=now_ms,
                    run_at_ms=now_ms,
                )
            )

        moved = await self._db.write(rendered())
        self._slot_freed()
        self._cards.changed(moved)
        return moved

    async def _fetch(self, job: Job) -> Job:
        provider = self._attempts.provider(job)
        result = job.result
        if job.tries and job.task_id:
            answer = await provider.poll(job.task_id)
            result = answer.result if isinstance(answer, Ready) else result
        assert result is not None
        try:
            async with provider.open(result) as chunks:
                blob = await self._blobs.put(chunks, max_bytes=MAX_CLIP_BYTES)
        except TooLarge as fault:
            raise ProviderFault(str(fault)) from fault
        async with self._blobs.path(blob.hash) as path:
            await self._clips.probe(path)
        return await self._move(
            job,
            JobState.DELIVERING,
            clip=blob.hash,
            clip_bytes=blob.size_bytes,
            run_at_ms=self._clock.now_ms(),
        )

    async def _deliver(self, job: Job) -> Job:
        try:
            job, posted = await self._delivery.deliver(job)
        except (NoPlaceLeft, NoSuchBlob) as fault:
            log.warning("undeliverable", job=job.id, reason=str(fault))
            job = await self._db.read(jobs.get(job.id))
            return await self._move(job, JobState.UNDELIVERABLE, error=str(fault))
        return await self._posted(job, posted)

    async def _posted(self, job: Job, posted: Posted) -> Job:
        log.info("delivered", job=job.id, channel=posted.channel_id, message=posted.message_id)
        return await self._move(
            job,
            JobState.DONE,
            message_channel_id=posted.channel_id,
            message_id=posted.message_id,
            thread_id=posted.thread_id,
        )

    async def _look_after(self, job: Job) -> Job:
        """What is left to do for a job that has ended: its card, later its thread."""
        if not self._is_past(job.finished_at_ms):
            if job.aftercare is Aftercare.CARD:
                await self._cards.finish(job)
            else:
                await self._delivery.put_away(job)
        if job.aftercare is Aftercare.CARD and job.thread_id is not None:
            run_at_ms = self._clock.now_ms() + THREAD_LINGERS_MS
            return await self._move(job, job.state, aftercare=Aftercare.THREAD, run_at_ms=run_at_ms, tries=0)
        return await self._move(job, job.state, aftercare=Aftercare.NONE)

    def _is_hopeless(self, job: Job) -> bool:
        return self._is_past(job.started_at_ms)

    def _is_past(self, begun_ms: int | None) -> bool:
        """Whether a day has gone by, the time before this process began not counted."""
        now_ms = self._clock.now_ms()
        return now_ms - max(begun_ms or now_ms, self._up_since_ms) > HOPELESS_AFTER_MS

    async def _abandon(self, job: Job, reason: str) -> Job:
        """End a job whose task may still be running: nobody waits for it any more."""
        if job.state is JobState.RENDERING and job.task_id is not None:
            try:
                if await self._attempts.provider(job).cancel(job.task_id):
                    return await self._end(job, reason)
            except ProviderFault as fault:
                log.warning("abandoned task not stopped", job=job.id, task=job.task_id, reason=str(fault))
        return await self._lose(job, reason)

    async def _lose(self, job: Job, reason: str) -> Job:
        """End a job that the provider may charge for all the same, which the operator must know."""
        if job.marked_at_ms is not None:
            known = {"provider": job.provider, "attempt": job.attempt_key, "task": job.task_id}
            log.error("given up: may have been charged", job=job.id, state=job.state, **known)
        return await self._end(job, reason)

    async def _cancelled(self, job: Job) -> Job:
        moved = await self._move(job, JobState.CANCELLED)
        self._slot_freed()
        return moved

    async def _end(self, job: Job, reason: str) -> Job:
        log.warning("failed", job=job.id, provider=job.provider, reason=reason)
        moved = await self._move(job, JobState.FAILED, error=reason)
        self._slot_freed()
        return moved

    async def _try_again(self, job_id: int, fault: Exception) -> Job:
        job = await self._db.read(jobs.get(job_id))
        now_ms = self._clock.now_ms()
        log.warning("step failed", job=job.id, state=job.state, tries=job.tries + 1, reason=str(fault))
        if job.state is JobState.FETCHING and job.tries + 1 >= _MAX_TRIES:
            return await self._lose(job, "The finished clip could not be fetched from the provider.")
        if job.state in SLOT_HOLDERS and self._is_hopeless(job):
            return await self._lose(job, "The provider could not be reached for a day.")
        run_at_ms = now_ms + min(2 ** min(job.tries, 9), _LONGEST_BACKOFF_S) * 1000
        return await self._move(job, job.state, tries=job.tries + 1, run_at_ms=run_at_ms)

    async def _move(self, job: Job, state: JobState, **known: object) -> Job:
        if state is not job.state:
            known = {"tries": 0} | known
        moved = await self._db.write(jobs.move(job, state, now_ms=self._clock.now_ms(), **known))
        self._cards.changed(moved)
        return moved

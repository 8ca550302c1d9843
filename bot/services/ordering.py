"""Getting a job's clip ordered: one create at a time, never twice, and elsewhere only after a refusal."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from bot.db import jobs
from bot.db.errors import DatabaseUnavailable
from bot.domain import polling
from bot.domain.catalogue import Choice
from bot.domain.jobs import Job, JobState
from bot.domain.provider import (
    Absent,
    Accepted,
    Fence,
    Provider,
    ProviderFault,
    Ready,
    Recovery,
    Refusal,
    Rejected,
    Submission,
    Unknown,
    Unreachable,
)
from bot.language import marked
from bot.media.errors import NoSuchBlob
from bot.services.attempts import Attempts
from bot.services.health import Health
from bot.services.routing import Routes
from bot.services.steps import Steps

log = structlog.stdlib.get_logger(__name__)

LOOK_UP_GRACE_MS = 90_000
"""A task that cannot be found is believed absent only so long after the doubt began."""

_BUSY_ENOUGH = 4
"""A provider that was busy so many times is not waited for while another could do it."""

_SHORTEST_PAUSE_S = 2.0
_LONGEST_PAUSE_S = 120.0
"""Between two creates for one job, unless the provider asks for more."""

_ASKED_TWICE_MS = 30_000
_DATABASE_PAUSE_MS = 5_000

_LOST = Rejected(marked("The provider lost the job."), Refusal.UNREACHABLE, retry_after_s=5.0)
"""What a create that turned out absent amounts to."""


_LEFT = Rejected(marked("Its provider is no longer at hand here."), Refusal.ACCOUNT)


class Ordering:
    """Takes jobs from a granted slot to a task at a provider."""

    def __init__(
        self,
        *,
        steps: Steps,
        attempts: Attempts,
        routes: Routes,
        health: Health,
        has_left: Callable[[str], bool],
        sender_may_live: bool = False,
    ) -> None:
        """`has_left`: whether a provider that is not here is at hand nowhere else either.

        `sender_may_live`: whether a create whose mark is found may still be under way, in another process.
        """
        self._steps = steps
        self._attempts = attempts
        self._routes = routes
        self._health = health
        self._has_left = has_left
        self._sender_may_live = sender_may_live

    async def submit(self, job: Job, fence: Fence) -> Job:
        """Order the clip, unless that was about to be done before: then find out what became of it."""
        if job.marked_at_ms is not None:  # by one that is gone, however long that took
            log.warning("create cut off", job=job.id, provider=job.provider, attempt=job.attempt_key)
            return await self._doubted(job)
        if job.cancel_requested:
            return await self._steps.cancelled(job)
        if not self._attempts.is_at_hand(job):
            return await self._left(job)
        return await self._send(job, fence)

    async def _left(self, job: Job) -> Job:
        """Its provider is not at hand: another process may have it, while the operator adds it or takes it away."""
        if not self._has_left(job.provider):
            raise Unreachable(f"{job.provider} is at hand in other processes only, or was a moment ago")
        return await self._rejected(job, _LEFT)

    async def resolve(self, job: Job, fence: Fence) -> Job:
        """An attempt was marked, and nobody knows what became of it."""
        provider = self._attempts.provider(job)
        if provider.recovery is Recovery.KEY_HONOURED:
            return await self._send(job, fence)
        if provider.recovery is Recovery.NEITHER:
            return await self._hold(job)
        return await self._look_up(job, provider)

    async def _send(self, job: Job, fence: Fence) -> Job:
        """Call the provider, once everything is at hand and the intent is written down."""
        try:
            async with self._attempts.submission(job, fence=fence) as submission:
                provider = self._attempts.provider(job)
                if job.marked_at_ms is None:
                    provider.preview(
                        submission
                    )  # what cannot even be put into words fails here, and is not in doubt
                    job = await self._steps.move(job, job.state, marked_at_ms=self._steps.clock.now_ms())
                outcome = await _answer(provider, submission)
        except NoSuchBlob:
            reason = marked("The picture is no longer kept here; please ask again with it.")
            return await self._steps.end(job, reason)
        self._health.heard(submission.spec, outcome)
        return await self._written_down(job, outcome)

    async def _written_down(self, job: Job, outcome: Accepted | Rejected | Unknown) -> Job:
        """Draw the consequences. Only this process knows the outcome, so it holds on to it while the database is away."""
        while True:
            try:
                return await self._concluded(job, outcome)
            except DatabaseUnavailable as fault:
                log.warning("outcome not written down yet", job=job.id, reason=str(fault))
                pause_ms = self._steps.clock.now_ms() + _DATABASE_PAUSE_MS
                await self._steps.clock.wait(asyncio.Event(), until_ms=pause_ms)

    async def _concluded(self, job: Job, outcome: Accepted | Rejected | Unknown) -> Job:
        match outcome:
            case Accepted(task_id, ready):
                log.info("accepted by provider", job=job.id, provider=job.provider, task=task_id)
                return await self._taken(job, task_id, ready)
            case Rejected() if job.state is JobState.UNKNOWN and outcome.retry_after_s is not None:
                raise ProviderFault(outcome.reason)  # the same key again, a little later
            case Rejected():
                return await self._rejected(job, outcome)
            case Unknown(reason) if job.state is JobState.UNKNOWN:
                raise ProviderFault(reason)
            case Unknown(reason):
                log.warning("create in doubt", job=job.id, provider=job.provider, reason=reason)
                return await self._doubted(job)

    async def _doubted(self, job: Job) -> Job:
        """Mark the attempt anew: absence is believed some time after now."""

        async def mark(row: Job) -> Job:
            now_ms = self._steps.clock.now_ms()
            return await self._steps.move(row, JobState.UNKNOWN, marked_at_ms=now_ms, run_at_ms=now_ms)

        return await self._insist(job, mark, though_in_doubt=True)

    async def _taken(self, job: Job, task_id: str, ready: Ready | None) -> Job:
        """Write down a task that only this process knows: a cancellation meanwhile must not make it forgotten."""

        async def write_down(row: Job) -> Job:
            if ready is not None:
                return await self._steps.rendered(row, ready, task_id=task_id)
            now_ms = self._steps.clock.now_ms()
            return await self._steps.move(row, JobState.RENDERING, task_id=task_id, run_at_ms=now_ms)

        try:
            return await self._insist(job, write_down, though_in_doubt=True)
        except jobs.Overtaken:
            await self._tell_of_loss(job, task_id)
            raise

    async def _tell_of_loss(self, job: Job, task_id: str) -> None:
        """Who was taken for dead has got a clip that nobody waits for any more, unless its successor has found it."""
        newer = await self._steps.db.read(jobs.get(job.id))
        if newer.task_id != task_id:
            known = {"provider": job.provider, "attempt": job.attempt_key, "task": task_id}
            log.error("accepted too late: may have been charged", job=job.id, state=newer.state, **known)

    async def _rejected(self, job: Job, outcome: Rejected) -> Job:
        """The provider certainly did not take it: try elsewhere, or again, or end it."""
        log.warning(
            "rejected", job=job.id, provider=job.provider, why=outcome.why.value, reason=outcome.reason
        )
        return await self._insist(job, lambda row: self._after_refusal(row, outcome))

    async def _insist(
        self, job: Job, step: Callable[[Job], Awaitable[Job]], *, though_in_doubt: bool = False
    ) -> Job:
        """Take a step that must not be forgotten over another one of the same attempt, such as a cancellation.

        `though_in_doubt`: also if somebody else has begun to find out meanwhile what became of the attempt. What was
        found out before a newer doubt says nothing about that.

        Raises:
            Overtaken: the job is about something else by now.
        """
        while True:
            try:
                return await step(job)
            except jobs.Overtaken:
                newer = await self._steps.db.read(jobs.get(job.id))
                is_same = (newer.state, newer.marked_at_ms) == (job.state, job.marked_at_ms)
                is_in_doubt = though_in_doubt and newer.state in {job.state, JobState.UNKNOWN}
                if newer.attempt != job.attempt or not (is_same or is_in_doubt):
                    raise
                job = newer

    async def _after_refusal(self, job: Job, outcome: Rejected) -> Job:
        if job.cancel_requested:
            return await self._steps.cancelled(job)
        is_busy = outcome.why is Refusal.BUSY
        if outcome.why is not Refusal.MODERATION and not (is_busy and job.attempt < _BUSY_ENOUGH):
            may_wait = outcome.retry_after_s is not None
            choice = await self._routes.next_for(job, only_healthy=may_wait)
            if choice is not None:
                return await self._move_on(job, choice)
        if outcome.retry_after_s is None:
            return await self._steps.end(job, outcome.reason)
        least_s = max(outcome.retry_after_s, _SHORTEST_PAUSE_S)
        wait_s = max(least_s, min(least_s * 2 ** min(job.attempt - 1, 9), _LONGEST_PAUSE_S))
        return await self._next_attempt(job, wait_s=wait_s)

    async def _move_on(self, job: Job, choice: Choice) -> Job:
        log.info("moved on", job=job.id, refused_by=job.provider, provider=choice.spec.provider)
        return await self._steps.free(jobs.move_on(job, choice, now_ms=self._steps.clock.now_ms()))

    async def _next_attempt(self, job: Job, *, wait_s: float) -> Job:
        """The last attempt certainly made no task: the next one may be sent, under a new key."""
        if self._steps.is_past(job.started_at_ms):
            return await self._steps.end(job, marked("The provider had no room for a day."))
        return await self._steps.move(
            job,
            JobState.SUBMITTING,
            attempt=job.attempt + 1,
            marked_at_ms=None,
            run_at_ms=self._steps.clock.now_ms() + int(wait_s * 1000),
        )

    async def _look_up(self, job: Job, provider: Provider) -> Job:
        assert job.marked_at_ms is not None
        found = await provider.look_up(self._attempts.key(job), self._attempts.spec(job), job.request.task)
        now_ms = self._steps.clock.now_ms()
        believed_from_ms = job.marked_at_ms  # anew, when the doubt began
        if isinstance(found, Absent):
            believed_from_ms += await self._grace_ms(job)
        match found:
            case Accepted(task_id, ready):
                return await self._taken(job, task_id, ready)
            case Absent() if now_ms >= believed_from_ms and not job.tries:
                return await self._rejected(job, _LOST)
            case Absent():  # after trouble in asking, the first answer is not taken for the whole truth
                again_ms = max(believed_from_ms, now_ms + _ASKED_TWICE_MS)
                return await self._steps.move(job, JobState.UNKNOWN, tries=0, run_at_ms=again_ms)
            case Unknown() if polling.is_overdue(self._steps.waited_s(job.marked_at_ms)):
                return await self._hold(job)  # it would have been finished, and seen, by now
            case Unknown(reason):
                raise ProviderFault(reason)

    async def _grace_ms(self, job: Job) -> int:
        """For how long an attempt in doubt may be on its way yet: what its fence let pass is answered, or given up, then."""
        if not self._sender_may_live:
            return LOOK_UP_GRACE_MS
        return max(LOOK_UP_GRACE_MS, int(await self._attempts.sending_lasts_s(job) * 1000))

    async def _hold(self, job: Job) -> Job:
        """Nobody can tell what became of an attempt: the member gets the credits back, the operator is told."""
        log.error("held: may have been charged", job=job.id, provider=job.provider, attempt=job.attempt_key)
        reason = marked("The provider did not say whether it took the job, so it was given up.")
        return await self._steps.end(job, reason, maybe_charged=True)


async def _answer(provider: Provider, submission: Submission) -> Accepted | Rejected | Unknown:
    """The provider's answer; where asking itself goes wrong, the attempt is in doubt from now on."""
    try:
        return await provider.submit(submission)
    except jobs.Overtaken:  # by its fence: not sent
        raise
    except Exception:
        log.exception("create crashed", provider=provider.name, attempt=submission.key)
        return Unknown("asking went wrong inside the bot")

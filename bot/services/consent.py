"""Requests become jobs here; where somebody has to agree first, the question is kept until it is answered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import structlog

from bot.db import asks, blobs, jobs, offers
from bot.db.transaction import Database, Transaction
from bot.domain.catalogue import Choice
from bot.domain.errors import NotExpressible, Unapproved, Unconfirmed
from bot.domain.jobs import Asker, Job, Origin
from bot.domain.limits import Limits
from bot.domain.painting import ANY_MOTION
from bot.domain.requests import Asked, VideoRequest
from bot.services.gate import Gate
from bot.services.notices import Notices
from bot.services.policy import Policy
from bot.services.ports import Clock
from bot.services.questions import (
    HOUR_MS,
    LASTS_MS,
    MAX_HOURLY,
    MAX_OPEN,
    MAX_REASON,
    NeedsConsent,
    NotYours,
    PriceRisen,
    Question,
    QuestionClosed,
    QuestionPainted,
    Renewed,
    Stage,
    TooManyOpen,
    needed,
    renewed,
    understood,
)
from bot.services.reuse import ClipWithdrawn
from bot.services.routing import Routes

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request that is ready to become a job."""

    origin: Origin
    request: VideoRequest
    asker: Asker


@dataclass(frozen=True, slots=True)
class _Kept:
    number: int
    text: str
    """To the letter as it is kept: who changes it says what it was."""
    question: Question


class _Taken(Unconfirmed):
    """A request that was only rehearsed would be taken at this price."""


Redeem = Callable[[], Transaction[None]]
"""What happens in the transaction that makes the job, or keeps the question."""


class Consent:
    """Queues requests with the consent that they need. Prices and rules are looked up anew when somebody agrees."""

    def __init__(
        self,
        *,
        db: Database,
        routes: Routes,
        clock: Clock,
        notices: Notices,
        policy: Policy,
        gate: Gate,
        defaults: Limits,
        queued: Callable[[Job], None],
        let_go: Callable[[], None],
        has_page: bool = False,
    ) -> None:
        """`let_go` is called when the pictures of a request that nobody agreed to may be needed no more.

        `has_page`: there is a page on which motion can be painted.
        """
        self._db = db
        self._routes = routes
        self._clock = clock
        self._notices = notices
        self._policy = policy
        self._gate = gate
        self._defaults = defaults
        self._queued = queued
        self._let_go = let_go
        self._has_page = has_page

    async def rehearse(self, wanted: Wanted) -> None:
        """Find out whether a request would be taken; nothing comes of it.

        Raises:
            QuestionClosed: it is a job already.
            PriceRisen: it costs more than was agreed to.
            Refused: as `place`, but for questions, which come later.
        """
        choice = await self._routes.choose(wanted.origin.guild_id, wanted.request)
        condition = await self._rehearsed(wanted, choice)
        _ensure_no_more(condition.price, wanted.asker.confirmed_credits)
        if not isinstance(condition, _Taken) or _is_above(condition.most, wanted.asker):
            await self._db.read(self._check_open(wanted.origin))

    async def place(self, wanted: Wanted, redeem: Redeem | None = None) -> Job:
        """Queue a request.

        Raises:
            NeedsConfirmation, NeedsApproval: with the question that is kept for it.
            Refused: another of its kinds; nothing is kept.
        """
        choice = await self._routes.choose(wanted.origin.guild_id, wanted.request)

        def placed() -> Transaction[jobs.Accepted]:
            yield from redeem() if redeem else ()
            accepted = yield from self._accepted(wanted, choice)
            if accepted.is_new and _is_above(accepted.job.most_charged, wanted.asker):
                raise Unconfirmed(accepted.job.credits, accepted.job.most_charged)
            return accepted

        try:
            return await self._queue(wanted, placed())
        except (Unconfirmed, Unapproved) as condition:
            question = self._question(wanted, choice, condition)
            raise await self._db.write(self._keep(question, redeem)) from condition

    async def remind(self, request_key: str) -> None:
        """Nothing, unless the request has come as far as a question.

        Raises:
            NeedsConfirmation, NeedsApproval: with the question.
            QuestionClosed: the question has been answered, or has lapsed.
        """
        asked = await self._db.read(self.asked(request_key))
        if asked is not None:
            raise asked

    async def look(self, number: int, guild_id: int) -> Question | None:
        """The question of that number, open or not; None where none is kept (any more)."""
        return await self._db.read(_look(number, guild_id))

    async def open(self, number: int, guild_id: int, stage: Stage) -> Question:
        """The question of that number, which waits for this.

        Raises:
            QuestionClosed: nothing does under this number (any more).
            NeedsConfirmation, NeedsApproval: it is asked anew, under another one.
        """
        return (await self._open(number, guild_id, stage)).question

    async def job_of(self, question: Question) -> Job | None:
        """The job that its request has become; None before that."""
        return await self._db.read(jobs.of_request(question.origin.request_key))

    def is_open(self, question: Question) -> bool:
        """Whether it can still be answered."""
        return question.is_open(self._clock.now_ms())

    async def confirm(self, number: int, guild_id: int, user_id: int, asker: Asker) -> Job:
        """The member agrees to the price; `asker` is what Discord says of them now.

        Raises:
            QuestionClosed: there is nothing to be confirmed under this number (any more).
            NotYours: somebody else is asked.
            NeedsConfirmation, NeedsApproval: the price has risen, or a moderator has to agree as well; or it is asked anew.
            Refused: another of its kinds; the question stays open.
        """
        kept = await self._open(number, guild_id, Stage.MEMBER)
        if user_id != kept.question.origin.user_id:
            raise NotYours
        return await self._agree(kept, replace(asker, confirmed_credits=kept.question.most_charged))

    async def paint(self, number: int, asked: Asked, redeem: Redeem) -> NeedsConsent:
        """Ask a member anew about a request, with the motion that they have painted; returns what is asked now.

        Raises:
            QuestionClosed, QuestionPainted: nothing waits for the member under this number (any more).
            PriceRisen: it costs more than the page showed.
            pydantic.ValidationError: nothing can be made of it.
            Refused: another of its kinds; the question stays as it was.
        """
        try:
            kept = await self._open(number, asked.guild_id, Stage.MEMBER)
        except NeedsConsent as again:
            raise QuestionPainted from again
        self._gate.ensure_taking()
        before, asker = kept.question.request, kept.question.asker
        request = VideoRequest.of(
            asked.options, image=before.image, end_frame=before.end_frame, motion=asked.motion
        )
        place = {name: getattr(asked, name) for name in ("parent_id", "is_age_restricted", "is_private")}
        origin = replace(kept.question.origin, **place)  # as it is by now
        origin, request = await self._policy.accept(origin, request, asker)
        wanted = Wanted(origin, request, asker)
        choice = await self._routes.choose(origin.guild_id, request)
        condition = await self._rehearsed(wanted, choice)
        _ensure_no_more(condition.price, asked.agreed_credits)
        wanted = replace(wanted, asker=replace(asker, confirmed_credits=asked.agreed_credits))
        after = self._question(wanted, choice, condition, before=kept.question)

        def painted() -> Transaction[int]:
            yield from redeem()
            yield from self._change(kept, after)
            left = Renewed(renewed=origin.request_key).model_dump_json()
            # nobody agrees to this price by a button that shows another
            return (yield from offers.renumber(kept.number, left))

        return needed(await self._db.write(painted()), after)

    async def approve(self, number: int, guild_id: int, moderator_id: int) -> Job:
        """A moderator agrees; what the member may have counts by the roles they asked with.

        Raises:
            QuestionClosed: there is nothing to be approved under this number (any more).
            NeedsConfirmation, NeedsApproval: the price has risen.
            Refused: another of its kinds; the question stays open.
        """
        kept = await self._open(number, guild_id, Stage.MODERATORS)
        job = await self._agree(kept, replace(kept.question.asker, approved_by=moderator_id))
        log.info("approved", job=job.id, by=moderator_id)
        return job

    async def decline(self, number: int, guild_id: int, moderator_id: int, reason: str) -> Question:
        """A moderator does not agree; `reason` may be empty. Returns the question with its answer.

        Raises:
            QuestionClosed: there is nothing to be declined under this number (any more).
        """
        kept = await self._open(number, guild_id, Stage.MODERATORS)
        known = {"declined_by": moderator_id, "reason": reason[:MAX_REASON] or None}
        return await self._end(kept, Stage.DECLINED, known)

    async def withdraw(self, number: int, guild_id: int, user_id: int) -> Question:
        """The member wants no clip any more. Returns the question with its answer.

        Raises:
            QuestionClosed: it has been answered or has lapsed.
            NotYours: it is not theirs.
        """
        kept = await self._open(number, guild_id, *LASTS_MS)
        if user_id != kept.question.origin.user_id:
            raise NotYours
        return await self._end(kept, Stage.WITHDRAWN)

    async def _open(self, number: int, guild_id: int, *stages: Stage) -> _Kept:
        text = await self._db.read(offers.of_guild(number, guild_id)) or ""
        if key := renewed(text):
            await self.remind(key)
        question = understood(text)
        if question is None or question.stage not in stages or not self.is_open(question):
            raise QuestionClosed
        return _Kept(number, text, question)

    async def _agree(self, kept: _Kept, asker: Asker) -> Job:
        self._gate.ensure_taking()
        question = kept.question
        origin, request = await self._policy.accept(question.origin, question.request, asker)
        wanted = Wanted(origin, request, asker)
        choice = await self._routes.choose(question.origin.guild_id, question.request)
        answered = question.answered(Stage.MADE, now_ms=self._clock.now_ms())

        def agreed() -> Transaction[jobs.Accepted]:
            yield from self._change(kept, answered)
            accepted = yield from self._accepted(wanted, choice)
            if accepted.job.credits > question.price or accepted.job.most_charged > question.most_charged:
                kind = Unconfirmed if question.stage is Stage.MEMBER else Unapproved
                raise kind(accepted.job.credits, accepted.job.most_charged)
            return accepted

        try:
            return await self._queue(wanted, agreed())
        except (Unconfirmed, Unapproved) as condition:
            after = self._question(wanted, choice, condition, before=question)
            await self._db.write(self._change(kept, after))
            raise needed(kept.number, after) from condition

    async def _end(self, kept: _Kept, stage: Stage, known: Mapping[str, object] | None = None) -> Question:
        answered = kept.question.answered(stage, now_ms=self._clock.now_ms()).model_copy(update=known)

        def ended() -> Transaction[None]:
            yield from self._change(kept, answered)
            pictures = (picture.blob for picture in answered.request.pictures)
            yield from blobs.spare(*pictures, at_ms=self._clock.now_ms())

        await self._db.write(ended())
        self._let_go()
        log.info("not agreed to", request=answered.origin.request_key, outcome=stage, by=answered.declined_by)
        return answered

    def _question(
        self,
        wanted: Wanted,
        choice: Choice,
        condition: Unconfirmed | Unapproved,
        before: Question | None = None,
    ) -> Question:
        is_members = isinstance(condition, Unconfirmed) or _is_above(condition.most, wanted.asker)
        stage = Stage.MEMBER if is_members else Stage.MODERATORS
        shown = before.price if before else wanted.asker.confirmed_credits
        return Question(
            origin=wanted.origin,
            asker=replace(wanted.asker, approved_by=None),
            request=_settled(wanted.request, choice),
            provider=choice.spec.provider,
            model=choice.spec.id,
            cautions=choice.cautions,
            price=condition.price,
            most=condition.most if condition.most > condition.price else None,
            price_before=shown if shown is not None and condition.price > shown else None,
            stage=stage,
            can_be_painted=stage is Stage.MEMBER and self._can_be_painted(wanted.request),
            lapses_at_ms=self._clock.now_ms() + LASTS_MS[stage],
        )

    def _can_be_painted(self, request: VideoRequest) -> bool:
        if not self._has_page or request.image is None or request.motion is not None:
            return False
        try:
            self._routes.check(request.model_copy(update={"motion": ANY_MOTION}))
        except NotExpressible:
            return False
        return True

    async def _rehearsed(self, wanted: Wanted, choice: Choice) -> Unconfirmed | Unapproved:
        """What somebody would have to agree to, `_Taken` where nobody would; a refusal is raised, and nothing is kept."""

        def tried() -> Transaction[None]:
            accepted = yield from self._accepted(wanted, choice)
            if not accepted.is_new:
                raise QuestionClosed
            raise _Taken(accepted.job.credits, accepted.job.most_charged)

        try:
            await self._db.write(tried())
        except (Unconfirmed, Unapproved) as condition:
            return condition
        raise AssertionError

    def _keep(self, question: Question, redeem: Redeem | None) -> Transaction[NeedsConsent]:
        """Keep a question; a request that has one already keeps that."""
        origin = question.origin
        asked = yield from self.asked(origin.request_key)
        if asked is not None:
            return asked
        yield from self._check_open(origin)
        yield from redeem() if redeem else ()
        number = yield from offers.make(
            origin.guild_id,
            origin.user_id,
            question.model_dump_json(),
            lapses_at_ms=question.lapses_at_ms,
            now_ms=self._clock.now_ms(),
            request_key=origin.request_key,
        )
        return needed(number, question)

    def _check_open(self, origin: Origin) -> Transaction[None]:
        now_ms = self._clock.now_ms()
        since_ms = now_ms - HOUR_MS
        asked = offers.asked_of(origin.guild_id, origin.user_id, since_ms=since_ms, now_ms=now_ms)
        waiting, recent = yield from asked
        if waiting >= MAX_OPEN or recent >= MAX_HOURLY:
            raise TooManyOpen

    def asked(self, request_key: str) -> Transaction[NeedsConsent | None]:
        """The question that a request has led to already; None where it has not.

        Raises:
            QuestionClosed: it has been answered, or has lapsed.
        """
        found = yield from offers.of_request(request_key)
        question = understood(found[1]) if found else None
        if not found or question is None:
            return None
        if not self.is_open(question):
            raise QuestionClosed
        return needed(found[0], question)

    def _change(self, kept: _Kept, after: Question) -> Transaction[None]:
        now_ms = self._clock.now_ms()
        return offers.change(
            kept.number,
            kept.text,
            after.model_dump_json(),
            is_asked=after.is_open(now_ms),
            lapses_at_ms=after.lapses_at_ms,
            now_ms=now_ms,
        )

    def _accepted(self, wanted: Wanted, choice: Choice) -> Transaction[jobs.Accepted]:
        origin, now_ms = wanted.origin, self._clock.now_ms()
        request = _settled(wanted.request, choice)
        yield from asks.forget(origin.request_key)
        accepted = yield from jobs.accept(
            origin, request, choice, wanted.asker, defaults=self._defaults, now_ms=now_ms
        )
        if accepted.is_new:
            yield from _ensure_source_kept(origin)
        return accepted

    async def _queue(self, wanted: Wanted, transaction: Transaction[jobs.Accepted]) -> Job:
        accepted = await self._db.write(transaction)
        if accepted.is_budget_news:
            self._notices.wake()
        job = accepted.job
        if accepted.is_new:
            log.info("accepted", job=job.id, guild=wanted.origin.guild_id, credits=job.credits)
            self._queued(job)
        return job


def _is_above(most: int, asker: Asker) -> bool:
    return asker.confirmed_credits is not None and most > asker.confirmed_credits


def _ensure_no_more(price: int, agreed: int | None) -> None:
    if agreed is not None and price > agreed:
        raise PriceRisen(price, agreed)


def _look(number: int, guild_id: int) -> Transaction[Question | None]:
    text = (yield from offers.of_guild(number, guild_id)) or ""
    found = (yield from offers.of_request(key)) if (key := renewed(text)) else None
    return understood(found[1] if found else text)


def _ensure_source_kept(origin: Origin) -> Transaction[None]:
    """Refuse what would come out of a clip that was deleted while somebody had still to agree."""
    if origin.lineage is not None:
        source = yield from jobs.get(origin.lineage.job_id)
        if source.withdrawn_at_ms is not None:
            raise ClipWithdrawn


def _settled(request: VideoRequest, choice: Choice) -> VideoRequest:
    """The request with the quality that it is made in; a draft's own says nothing of its final, and stays open."""
    if request.draft:
        return request
    return request.model_copy(update={"quality": choice.quality or choice.spec.quality_of(request)})

"""Requests that somebody has to agree to before they become jobs."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from bot.db import asks, audit, guilds, jobs, lanes, limits, offers
from bot.db.sqlite import SqliteDatabase
from bot.db.transaction import Transaction
from bot.domain.errors import Blocked, NotExpressible, OfferLapsed, QuotaExceeded
from bot.domain.jobs import Asker, Job, JobState, Lineage, Relation
from bot.domain.limits import EVERYBODY, Limit, Measure
from bot.domain.money import Scope
from bot.domain.requests import Asked, MotionBrush, Options, Quality
from bot.services.consent import Consent, Wanted
from bot.services.gate import Gate
from bot.services.notices import Notices
from bot.services.policy import Policy
from bot.services.questions import (
    ANSWERED_LASTS_MS,
    APPROVAL_LASTS_MS,
    CONFIRMATION_LASTS_MS,
    MAX_HOURLY,
    MAX_OPEN,
    MAX_REASON,
    NeedsApproval,
    NeedsConfirmation,
    NeedsConsent,
    NotYours,
    PriceRisen,
    Question,
    QuestionClosed,
    QuestionPainted,
    Stage,
    TooManyOpen,
    understood,
)
from bot.services.reuse import ClipWithdrawn
from tests import books, builders
from tests.services.doubles import RecordingPublisher, TurnedClock, routes

GUILD, MIA, ADA = 1, 100, 7
REGULARS = 50
MEMBER = Asker()


@dataclass
class Desk:
    """Where requests are agreed to, and what that set in motion."""

    db: SqliteDatabase
    clock: TurnedClock = field(default_factory=TurnedClock)
    publisher: RecordingPublisher = field(default_factory=RecordingPublisher)
    queued: int = 0

    def __post_init__(self) -> None:
        self.consent = self.offering(builders.LOCAL)

    def offering(self, *specs: Any, has_page: bool = False) -> Consent:
        return Consent(
            db=self.db,
            routes=routes(self.db, *specs),
            clock=self.clock,
            notices=Notices(db=self.db, publisher=self.publisher, clock=self.clock),
            policy=Policy(db=self.db, refused=lambda _: None),
            gate=Gate(changed=lambda: None),
            defaults=builders.caps(user_day=100),
            queued=self.one_more,
            let_go=lambda: None,
            has_page=has_page,
        )

    def one_more(self, job: Job) -> None:
        self.queued += 1

    async def prefer(self, **columns: object) -> None:
        await self.db.write(guilds.prefer(GUILD, columns, defaults=builders.caps(user_day=100)))

    async def price(self, credits_per_s: int) -> None:
        await self.db.write(guilds.set_price(GUILD, "local-camera", credits_per_s))

    async def cap(self, credits_: int) -> None:
        limit = Limit(Scope.MEMBER, EVERYBODY, Measure.DAY, credits_)
        await self.db.write(limits.put(GUILD, limit))

    async def asked(
        self, kind: type[NeedsConsent], asker: Asker = MEMBER, **request: Any
    ) -> tuple[int, Question]:
        wanted = Wanted(builders.origin(), builders.request(**request), asker)
        with pytest.raises(kind) as needed:
            await self.consent.place(wanted)
        return needed.value.number, needed.value.question

    async def jobs(self) -> list[Job]:
        return await self.db.read(jobs.of_member(GUILD, MIA, limit=50))

    async def reserved(self) -> int:
        return (await self.db.read(books.balance(now_ms=self.clock.now_ms()))).reserved

    async def look(self, number: int) -> Question:
        question = await self.consent.look(number, GUILD)
        assert question is not None
        return question


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncGenerator[Desk]:
    db = await SqliteDatabase.open(tmp_path / "kinora.db")
    await db.write(lanes.open_pool("local"))
    yield Desk(db)
    assert await db.read(audit.discrepancies()) == 0
    await db.close()


async def test_what_nobody_has_to_agree_to_becomes_a_job_at_once(desk: Desk) -> None:
    job = await desk.consent.place(Wanted(builders.origin(), builders.request(), MEMBER))
    assert (job.state, desk.queued, await desk.reserved()) == (JobState.QUEUED, 1, 5)


async def test_a_question_reserves_nothing_and_says_what_will_be_made(desk: Desk) -> None:
    await desk.prefer(confirm_above=4)
    _, question = await desk.asked(NeedsConfirmation, quality=None)
    assert (question.stage, question.price, question.price_before) == (Stage.MEMBER, 5, None)
    assert (question.provider, question.model) == ("local", "local-camera")
    assert question.request.quality is Quality.STD
    assert question.lapses_at_ms == desk.clock.now_ms() + CONFIRMATION_LASTS_MS
    assert (await desk.jobs(), desk.queued, await desk.reserved()) == ([], 0, 0)


async def test_the_final_of_a_draft_is_made_as_if_it_had_been_asked_for_at_once(desk: Desk) -> None:
    draft = await desk.consent.place(
        Wanted(builders.origin(), builders.request(draft=True, quality=None), MEMBER)
    )
    await desk.prefer(default_quality=Quality.PRO)
    final = draft.request.model_copy(update={"draft": False})
    job = await desk.consent.place(Wanted(builders.origin(), final, MEMBER))
    assert (job.request.quality, job.credits) == (Quality.PRO, 10)


async def test_a_draft_keeps_the_quality_that_its_member_named_for_its_final(desk: Desk) -> None:
    draft = await desk.consent.place(
        Wanted(builders.origin(), builders.request(draft=True, quality=Quality.PRO), MEMBER)
    )
    assert draft.request.quality is Quality.PRO


async def test_nothing_comes_out_of_a_clip_that_was_deleted_while_its_member_was_asked(desk: Desk) -> None:
    source = await desk.consent.place(Wanted(builders.origin(), builders.request(), MEMBER))
    await desk.prefer(confirm_above=4)
    origin = builders.origin(lineage=Lineage(source.id, Relation.EXTEND))
    with pytest.raises(NeedsConfirmation) as needed:
        await desk.consent.place(Wanted(origin, builders.request(), MEMBER))
    deleted = jobs.move(source, source.state, now_ms=2, withdrawn_at_ms=2, withdrawn_by=ADA)
    await desk.db.write(deleted)
    with pytest.raises(ClipWithdrawn):
        await desk.consent.confirm(needed.value.number, GUILD, MIA, MEMBER)
    assert [job.id for job in await desk.jobs()] == [source.id]


async def test_a_request_that_was_accepted_stays_so_when_its_source_is_deleted(desk: Desk) -> None:
    source = await desk.consent.place(Wanted(builders.origin(), builders.request(), MEMBER))
    wanted = Wanted(builders.origin(lineage=Lineage(source.id, Relation.AGAIN)), builders.request(), MEMBER)
    job = await desk.consent.place(wanted)
    deleted = jobs.move(source, source.state, now_ms=2, withdrawn_at_ms=2, withdrawn_by=ADA)
    await desk.db.write(deleted)
    assert await desk.consent.place(wanted) == job


async def test_a_confirmed_request_is_the_one_that_was_asked(desk: Desk) -> None:
    await desk.prefer(confirm_above=4)
    number, question = await desk.asked(NeedsConfirmation, prompt="slowly")
    desk.clock.turn(600)
    job = await desk.consent.confirm(number, GUILD, MIA, MEMBER)
    assert (job.origin, job.request.prompt, job.credits) == (question.origin, "slowly", 5)
    assert job.created_at_ms == desk.clock.now_ms()
    assert (desk.queued, await desk.reserved()) == (1, 5)
    assert (await desk.look(number)).stage is Stage.MADE
    assert await desk.consent.job_of(question) == job


async def test_one_request_leads_to_one_question(desk: Desk) -> None:
    await desk.prefer(confirm_above=4)
    wanted = Wanted(builders.origin(), builders.request(), MEMBER)
    numbers: list[int] = []
    for _ in range(2):
        with pytest.raises(NeedsConfirmation) as needed:
            await desk.consent.place(wanted)
        numbers.append(needed.value.number)
    assert numbers == [1, 1]
    await desk.consent.confirm(1, GUILD, MIA, MEMBER)
    assert await desk.consent.place(wanted) == (await desk.jobs())[0]


async def test_a_request_is_reminded_of_its_question_and_no_other(desk: Desk) -> None:
    await desk.prefer(confirm_above=4)
    number, question = await desk.asked(NeedsConfirmation)
    await desk.consent.remind("another")
    with pytest.raises(NeedsConfirmation) as needed:
        await desk.consent.remind(question.origin.request_key)
    assert (needed.value.number, needed.value.question) == (number, question)
    await desk.consent.withdraw(number, GUILD, MIA)
    with pytest.raises(OfferLapsed):
        await desk.consent.remind(question.origin.request_key)


async def test_what_was_noted_is_forgotten_only_with_the_job(desk: Desk) -> None:
    await desk.prefer(confirm_above=4)
    origin = builders.origin()
    known = {name: getattr(origin, name) for name in Asked.model_fields if hasattr(origin, name)}
    noted = Asked(**known, options=Options(prompt="x"), image_url=None, end_frame_url=None)
    await desk.db.write(asks.note(noted, now_ms=1))
    with pytest.raises(NeedsConfirmation) as needed:
        await desk.consent.place(Wanted(origin, builders.request(), MEMBER))
    assert await desk.db.read(asks.left()) == [noted]
    await desk.consent.confirm(needed.value.number, GUILD, MIA, MEMBER)
    assert await desk.db.read(asks.left()) == []


async def test_an_offer_is_taken_with_the_question_it_leads_to(desk: Desk) -> None:
    await desk.prefer(confirm_above=4)
    now_ms = desk.clock.now_ms()
    offer = await desk.db.write(offers.make(GUILD, MIA, "{}", lapses_at_ms=now_ms + 9, now_ms=now_ms))

    def redeem() -> Transaction[None]:
        return offers.take(offer, GUILD, MIA, now_ms=now_ms)

    with pytest.raises(NeedsConfirmation):
        await desk.consent.place(Wanted(builders.origin(), builders.request(), MEMBER), redeem)
    with pytest.raises(OfferLapsed):
        await desk.consent.place(Wanted(builders.origin(), builders.request(), MEMBER), redeem)


async def test_a_price_that_rose_is_asked_again_as_often_as_it_rises(desk: Desk) -> None:
    await desk.prefer(confirm_above=4)
    number, _ = await desk.asked(NeedsConfirmation)
    for before, credits_per_s in ((5, 2), (10, 3)):
        await desk.price(credits_per_s)
        with pytest.raises(NeedsConfirmation) as needed:
            await desk.consent.confirm(number, GUILD, MIA, MEMBER)
        assert needed.value.number == number
        assert needed.value.question.price_before == before
        assert needed.value.question == await desk.look(number)
    assert (await desk.jobs(), await desk.reserved()) == ([], 0)
    assert (await desk.consent.confirm(number, GUILD, MIA, MEMBER)).credits == 15


async def test_a_price_that_rose_is_asked_again_although_nobody_would_be_asked_about_it_now(
    desk: Desk,
) -> None:
    await desk.prefer(confirm_above=4)
    number, _ = await desk.asked(NeedsConfirmation)
    await desk.price(2)
    await desk.prefer(confirm_above=None)
    with pytest.raises(NeedsConfirmation):
        await desk.consent.confirm(number, GUILD, MIA, MEMBER)


async def test_a_price_that_fell_is_what_is_reserved(desk: Desk) -> None:
    await desk.prefer(confirm_above=4)
    await desk.price(3)
    number, _ = await desk.asked(NeedsConfirmation)
    await desk.price(1)
    assert (await desk.consent.confirm(number, GUILD, MIA, MEMBER)).credits == 5
    assert await desk.reserved() == 5


async def test_moderators_are_asked_for_a_day_and_the_job_says_who_agreed(desk: Desk) -> None:
    await desk.prefer(approval_role_id=REGULARS)
    number, question = await desk.asked(NeedsApproval)
    assert question.lapses_at_ms == desk.clock.now_ms() + APPROVAL_LASTS_MS
    desk.clock.turn(APPROVAL_LASTS_MS / 1000)
    job = await desk.consent.approve(number, GUILD, ADA)
    assert job.origin == question.origin
    [row] = await desk.db.read(_reserved())
    assert (row["user_id"], row["by_id"]) == (MIA, ADA)


def _reserved() -> Transaction[list[Any]]:
    rows = yield "SELECT user_id, by_id FROM ledger WHERE kind = 'reserve'", {}
    return list(rows)


async def test_a_moderator_is_not_asked_before_the_member_has_agreed(desk: Desk) -> None:
    await desk.prefer(confirm_above=4, approval_role_id=REGULARS)
    number, _ = await desk.asked(NeedsConfirmation)
    with pytest.raises(OfferLapsed):
        await desk.consent.approve(number, GUILD, ADA)
    with pytest.raises(OfferLapsed):
        await desk.consent.decline(number, GUILD, ADA, "")
    with pytest.raises(NeedsApproval) as needed:
        await desk.consent.confirm(number, GUILD, MIA, MEMBER)
    assert (needed.value.number, needed.value.question.price_before) == (number, None)
    with pytest.raises(OfferLapsed):
        await desk.consent.confirm(number, GUILD, MIA, MEMBER)
    assert (await desk.consent.approve(number, GUILD, ADA)).credits == 5


async def test_a_moderator_who_agreed_to_less_is_asked_again(desk: Desk) -> None:
    await desk.prefer(approval_role_id=REGULARS)
    number, _ = await desk.asked(NeedsApproval)
    await desk.price(2)
    with pytest.raises(NeedsApproval) as needed:
        await desk.consent.approve(number, GUILD, ADA)
    assert (needed.value.question.price, needed.value.question.price_before) == (10, 5)
    assert needed.value.question.asker.approved_by is None
    assert (await desk.consent.approve(number, GUILD, ADA)).credits == 10


async def test_a_member_who_agreed_to_less_is_asked_again_before_the_moderator(desk: Desk) -> None:
    await desk.prefer(confirm_above=4, approval_role_id=REGULARS)
    number, _ = await desk.asked(NeedsConfirmation)
    with pytest.raises(NeedsApproval):
        await desk.consent.confirm(number, GUILD, MIA, MEMBER)
    await desk.price(2)
    with pytest.raises(NeedsConfirmation):
        await desk.consent.approve(number, GUILD, ADA)
    with pytest.raises(NeedsApproval):
        await desk.consent.confirm(number, GUILD, MIA, MEMBER)
    assert (await desk.consent.approve(number, GUILD, ADA)).credits == 10


async def test_what_the_member_is_counts_as_they_asked_and_what_they_are_when_they_agree(desk: Desk) -> None:
    await desk.prefer(confirm_above=4, approval_role_id=REGULARS)
    number, _ = await desk.asked(NeedsConfirmation, Asker(frozenset({REGULARS})))
    with pytest.raises(NeedsApproval):
        await desk.consent.confirm(number, GUILD, MIA, Asker(frozenset({60, 2**60, 9, 8})))
    role = Limit(Scope.ROLE, 60, Measure.DAY, None)
    await desk.db.write(limits.put(GUILD, role))
    await desk.cap(4)
    assert (await desk.consent.approve(number, GUILD, ADA)).credits == 5


async def test_a_declined_request_is_over_and_says_by_whom_and_why(desk: Desk) -> None:
    await desk.prefer(approval_role_id=REGULARS)
    number, _ = await desk.asked(NeedsApproval)
    ended = await desk.consent.decline(number, GUILD, ADA, "no " * MAX_REASON)
    assert (ended.stage, ended.declined_by) == (Stage.DECLINED, ADA)
    assert ended.reason is not None
    assert len(ended.reason) == MAX_REASON
    assert await desk.look(number) == ended
    with pytest.raises(OfferLapsed):
        await desk.consent.approve(number, GUILD, ADA)
    assert await desk.jobs() == []


async def test_no_reason_is_none(desk: Desk) -> None:
    await desk.prefer(approval_role_id=REGULARS)
    number, _ = await desk.asked(NeedsApproval)
    assert (await desk.consent.decline(number, GUILD, ADA, "")).reason is None


@pytest.mark.parametrize("chosen", [{"confirm_above": 4}, {"approval_role_id": REGULARS}])
async def test_the_member_may_withdraw_and_nobody_else(desk: Desk, chosen: dict[str, int]) -> None:
    await desk.prefer(**chosen)
    number, _ = await desk.asked(NeedsConsent)
    with pytest.raises(NotYours):
        await desk.consent.withdraw(number, GUILD, ADA)
    assert (await desk.consent.withdraw(number, GUILD, MIA)).stage is Stage.WITHDRAWN
    with pytest.raises(OfferLapsed):
        await desk.consent.withdraw(number, GUILD, MIA)


async def test_nobody_agrees_to_a_price_for_somebody_else_or_in_another_server(desk: Desk) -> None:
    await desk.prefer(confirm_above=4)
    number, _ = await desk.asked(NeedsConfirmation)
    with pytest.raises(NotYours):
        await desk.consent.confirm(number, GUILD, ADA, MEMBER)
    with pytest.raises(OfferLapsed):
        await desk.consent.confirm(number, 2, MIA, MEMBER)
    assert await desk.consent.look(number, 2) is None
    assert await desk.consent.confirm(number, GUILD, MIA, MEMBER)


async def test_many_answers_at_once_have_one_outcome(desk: Desk) -> None:
    await desk.prefer(approval_role_id=REGULARS)
    for _ in range(5):
        number, question = await desk.asked(NeedsApproval)
        before = len(await desk.jobs())
        answers = await asyncio.gather(
            desk.consent.approve(number, GUILD, ADA),
            desk.consent.withdraw(number, GUILD, MIA),
            desk.consent.decline(number, GUILD, 8, ""),
            desk.consent.approve(number, GUILD, 8),
            return_exceptions=True,
        )
        lost = [answer for answer in answers if isinstance(answer, BaseException)]
        assert [type(answer) for answer in lost] == [OfferLapsed] * 3
        is_made = (await desk.look(number)).stage is Stage.MADE
        assert len(await desk.jobs()) - before == is_made
        assert (await desk.consent.job_of(question) is not None) is is_made


@pytest.mark.parametrize(
    ("chosen", "lasts_ms"),
    [({"confirm_above": 4}, CONFIRMATION_LASTS_MS), ({"approval_role_id": REGULARS}, APPROVAL_LASTS_MS)],
)
async def test_a_question_lapses(desk: Desk, chosen: dict[str, int], lasts_ms: int) -> None:
    await desk.prefer(**chosen)
    number, question = await desk.asked(NeedsConsent)
    desk.clock.turn(lasts_ms / 1000)
    assert desk.consent.is_open(question)
    desk.clock.turn(0.001)
    assert not desk.consent.is_open(question)
    for answer in (
        desk.consent.confirm(number, GUILD, MIA, MEMBER),
        desk.consent.approve(number, GUILD, ADA),
        desk.consent.decline(number, GUILD, ADA, ""),
        desk.consent.withdraw(number, GUILD, MIA),
        desk.consent.remind(question.origin.request_key),
    ):
        with pytest.raises(OfferLapsed):
            await answer


async def test_how_a_question_ended_is_known_for_a_week(desk: Desk) -> None:
    await desk.prefer(confirm_above=4)
    number, _ = await desk.asked(NeedsConfirmation)
    await desk.consent.withdraw(number, GUILD, MIA)
    desk.clock.turn(ANSWERED_LASTS_MS / 1000)
    await desk.asked(NeedsConfirmation)
    assert (await desk.look(number)).stage is Stage.WITHDRAWN
    desk.clock.turn(1)
    await desk.asked(NeedsConfirmation)
    assert await desk.consent.look(number, GUILD) is None


async def test_a_refusal_after_all_leaves_the_question_as_it_was(desk: Desk) -> None:
    await desk.prefer(approval_role_id=REGULARS)
    number, question = await desk.asked(NeedsApproval)
    await desk.db.write(guilds.block(GUILD, MIA, until_ms=None, reason=None))
    with pytest.raises(Blocked):
        await desk.consent.approve(number, GUILD, ADA)
    await desk.db.write(guilds.unblock(GUILD, MIA))
    await desk.cap(4)
    with pytest.raises(QuotaExceeded):
        await desk.consent.approve(number, GUILD, ADA)
    assert await desk.look(number) == question
    await desk.cap(5)
    assert await desk.consent.approve(number, GUILD, ADA)


async def test_a_refusal_comes_before_any_question(desk: Desk) -> None:
    await desk.prefer(confirm_above=1, approval_role_id=REGULARS)
    await desk.cap(4)
    with pytest.raises(QuotaExceeded):
        await desk.consent.place(Wanted(builders.origin(), builders.request(), MEMBER))
    await desk.consent.remind("anything")


async def test_a_member_has_so_many_questions_open_and_no_more(desk: Desk) -> None:
    await desk.prefer(approval_role_id=REGULARS)
    numbers = [(await desk.asked(NeedsApproval))[0] for _ in range(MAX_OPEN)]
    with pytest.raises(TooManyOpen):
        await desk.consent.place(Wanted(builders.origin(), builders.request(), MEMBER))
    with pytest.raises(NeedsApproval):
        await desk.consent.place(Wanted(builders.origin(user_id=101), builders.request(), MEMBER))
    await desk.consent.withdraw(numbers[0], GUILD, MIA)
    await desk.asked(NeedsApproval)


async def test_who_asks_and_withdraws_again_and_again_is_heard_so_often_in_an_hour(desk: Desk) -> None:
    await desk.prefer(approval_role_id=REGULARS)
    for _ in range(MAX_HOURLY):
        number, _ = await desk.asked(NeedsApproval)
        await desk.consent.withdraw(number, GUILD, MIA)
    with pytest.raises(TooManyOpen):
        await desk.consent.place(Wanted(builders.origin(), builders.request(), MEMBER))
    desk.clock.turn(3601)
    await desk.asked(NeedsApproval)


async def test_a_model_that_is_gone_meanwhile_is_refused_and_the_question_stays(desk: Desk) -> None:
    await desk.prefer(confirm_above=4)
    number, question = await desk.asked(NeedsConfirmation)
    other = desk.offering(builders.LOCAL.model_copy(update={"durations_s": (10,)}))
    with pytest.raises(NotExpressible):
        await other.confirm(number, GUILD, MIA, MEMBER)
    assert await desk.look(number) == question


async def test_moderators_confirm_what_is_dear_and_need_no_approval(desk: Desk) -> None:
    await desk.prefer(confirm_above=4, approval_role_id=REGULARS)
    manager = Asker(manages=True)
    number, _ = await desk.asked(NeedsConfirmation, manager)
    assert await desk.consent.confirm(number, GUILD, MIA, manager)


async def test_what_else_is_kept_under_a_number_is_no_question(desk: Desk) -> None:
    now_ms = desk.clock.now_ms()
    number = await desk.db.write(offers.make(GUILD, MIA, "{}", lapses_at_ms=now_ms + 9, now_ms=now_ms))
    assert await desk.consent.look(number, GUILD) is None
    with pytest.raises(OfferLapsed):
        await desk.consent.approve(number, GUILD, ADA)
    assert understood('{"stage": "tomorrow"}') is None


async def test_a_question_is_kept_to_the_letter(desk: Desk) -> None:
    await desk.prefer(confirm_above=4)
    roles = frozenset(range(2**40, 2**40 + 40))
    number, question = await desk.asked(NeedsConfirmation, Asker(roles))
    assert await desk.look(number) == question
    assert replace(question.asker, roles=frozenset()) == MEMBER
    assert question.asker.roles == roles


# ---- Painted on a page


async def test_a_rehearsal_says_what_would_be_refused_and_leaves_nothing(desk: Desk) -> None:
    wanted = Wanted(builders.origin(), builders.request(), MEMBER)
    await desk.consent.rehearse(wanted)
    assert (await desk.jobs(), await desk.reserved(), desk.queued) == ([], 0, 0)
    await desk.prefer(confirm_above=4)
    await desk.consent.rehearse(wanted)
    await desk.cap(4)
    with pytest.raises(QuotaExceeded):
        await desk.consent.rehearse(wanted)
    await desk.cap(100)
    await desk.prefer(confirm_above=None)
    await desk.consent.place(wanted)
    with pytest.raises(OfferLapsed):
        await desk.consent.rehearse(wanted)
    assert (len(await desk.jobs()), await desk.reserved()) == (1, 5)


async def test_a_rehearsal_refuses_what_would_be_one_question_too_many(desk: Desk) -> None:
    await desk.prefer(confirm_above=4)
    for _ in range(MAX_OPEN):
        await desk.asked(NeedsConfirmation)
    with pytest.raises(TooManyOpen):
        await desk.consent.rehearse(Wanted(builders.origin(), builders.request(), MEMBER))


def painted(question: Question) -> Asked:
    motion = MotionBrush(still=builders.PICTURE)
    return Asked(
        request_key=question.origin.request_key,
        guild_id=GUILD,
        channel_id=10,
        parent_id=None,
        user_id=MIA,
        upload_limit=1,
        options=Options(prompt="it sinks", duration_s=10),
        image_url=None,
        end_frame_url=None,
        motion=motion,
    )


def nothing() -> Transaction[None]:
    yield from ()


async def test_what_was_painted_is_asked_for_anew_at_its_own_price(desk: Desk) -> None:
    paints = builders.LOCAL.model_copy(update={"parameters": ("prompt", "motion")})
    desk.consent = desk.offering(paints)
    await desk.prefer(confirm_above=4)
    number, question = await desk.asked(NeedsConfirmation, image=builders.PICTURE)
    needed = await desk.consent.paint(number, painted(question), nothing)
    assert (needed.question.price, needed.question.price_before, needed.question.stage) == (
        10,
        5,
        Stage.MEMBER,
    )
    assert needed.question == await desk.look(needed.number)
    assert needed.question.origin == question.origin
    with pytest.raises(NeedsConfirmation) as again:  # a message that still shows the price before
        await desk.consent.confirm(number, GUILD, MIA, MEMBER)
    assert (again.value.number, again.value.question) == (needed.number, needed.question)
    assert await desk.look(number) == needed.question
    with pytest.raises(QuestionPainted):
        await desk.consent.paint(number, painted(question), nothing)
    assert await desk.reserved() == 0
    job = await desk.consent.confirm(needed.number, GUILD, MIA, MEMBER)
    assert job.request.motion == MotionBrush(still=builders.PICTURE)
    assert (job.request.prompt, job.credits, await desk.reserved()) == ("it sinks", 10, 10)
    for late in (
        desk.consent.confirm(number, GUILD, MIA, MEMBER),
        desk.consent.paint(number, painted(question), nothing),
    ):
        with pytest.raises(QuestionClosed):
            await late


async def test_what_was_agreed_to_on_a_page_is_the_most_that_is_taken(desk: Desk) -> None:
    def wanted(agreed: int) -> Wanted:
        return Wanted(builders.origin(), builders.request(), replace(MEMBER, confirmed_credits=agreed))

    with pytest.raises(PriceRisen) as risen:
        await desk.consent.rehearse(wanted(4))
    assert (risen.value.credits, risen.value.agreed) == (5, 4)
    with pytest.raises(NeedsConfirmation) as asked:
        await desk.consent.place(wanted(0))
    assert (asked.value.question.price, asked.value.question.price_before) == (5, 0)
    assert await desk.reserved() == 0
    await desk.prefer(confirm_above=4)
    await desk.consent.rehearse(wanted(5))
    assert (await desk.consent.place(wanted(5))).credits == 5


@pytest.mark.parametrize("confirm_above", [None, 4, 20])
async def test_what_may_be_charged_over_what_was_agreed_to_on_a_page_is_asked_for(
    desk: Desk, confirm_above: int | None
) -> None:
    origin = builders.origin()
    wanted = Wanted(origin, builders.request(), replace(MEMBER, confirmed_credits=5))
    await desk.prefer(confirm_above=confirm_above, approval_role_id=REGULARS, pays_overrun=True)
    with pytest.raises(NeedsConfirmation) as asked:
        await desk.consent.place(wanted)
    question = asked.value.question
    assert (question.price, question.most_charged, question.price_before) == (5, 10, None)
    regular = replace(MEMBER, roles=frozenset({REGULARS}))
    job = await desk.consent.confirm(asked.value.number, GUILD, MIA, regular)
    again = replace(wanted, asker=replace(regular, confirmed_credits=5))
    assert await desk.consent.place(again) == job  # that was agreed to since


async def test_a_rehearsal_counts_the_question_that_an_overrun_leads_to(desk: Desk) -> None:
    await desk.prefer(confirm_above=4, pays_overrun=True)
    for _ in range(MAX_OPEN):
        await desk.asked(NeedsConfirmation)
    await desk.prefer(confirm_above=None)
    asker = replace(MEMBER, confirmed_credits=5)
    with pytest.raises(TooManyOpen):
        await desk.consent.rehearse(Wanted(builders.origin(), builders.request(), asker))


async def test_a_moderator_takes_no_more_than_the_member_agreed_to_on_a_page(desk: Desk) -> None:
    paints = builders.LOCAL.model_copy(update={"parameters": ("prompt", "motion")})
    desk.consent = desk.offering(paints)
    await desk.prefer(confirm_above=10, approval_role_id=REGULARS)
    await desk.price(4)
    number, question = await desk.asked(NeedsConfirmation, image=builders.PICTURE)
    await desk.price(1)
    asked = painted(question).model_copy(update={"agreed_credits": 10, "is_age_restricted": True})
    needed = await desk.consent.paint(number, asked, nothing)
    assert (needed.question.stage, needed.question.price) == (Stage.MODERATORS, 10)
    assert needed.question.origin.is_age_restricted  # as the place is by now
    await desk.prefer(confirm_above=None)
    await desk.price(2)
    with pytest.raises(NeedsConfirmation) as risen:
        await desk.consent.approve(needed.number, GUILD, ADA)
    assert (risen.value.question.price, risen.value.question.price_before) == (20, 10)
    assert await desk.reserved() == 0


async def test_what_cannot_be_painted_leaves_the_question_as_it_was(desk: Desk) -> None:
    paints = builders.LOCAL.model_copy(update={"parameters": ("prompt", "motion")})
    await desk.prefer(confirm_above=4)
    number, question = await desk.asked(NeedsConfirmation, image=builders.PICTURE)
    with pytest.raises(NotExpressible):
        await desk.consent.paint(number, painted(question), nothing)
    desk.consent = desk.offering(paints)
    await desk.cap(9)
    with pytest.raises(QuotaExceeded):
        await desk.consent.paint(number, painted(question), nothing)

    def refused() -> Transaction[None]:
        yield from ()
        raise OfferLapsed

    await desk.cap(100)
    with pytest.raises(OfferLapsed):
        await desk.consent.paint(number, painted(question), refused)
    assert await desk.look(number) == question


async def test_only_where_there_is_a_page_and_a_model_for_it_a_question_offers_to_paint(desk: Desk) -> None:
    paints = builders.LOCAL.model_copy(update={"parameters": ("prompt", "motion")})
    await desk.prefer(confirm_above=4)
    offered: list[bool] = []
    for spec, has_page, image in (
        (paints, True, builders.PICTURE),
        (paints, False, builders.PICTURE),
        (builders.LOCAL, True, builders.PICTURE),
        (paints, True, None),
    ):
        desk.consent = desk.offering(spec, has_page=has_page)
        offered.append((await desk.asked(NeedsConfirmation, image=image))[1].can_be_painted)
    assert offered == [True, False, False, False]

"""What members may spend, and what moderators change about it."""

from collections.abc import AsyncIterator, Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.db import audit, guilds, jobs, lanes, ledger, limits
from bot.db.ledger import Line, Lookup
from bot.db.sqlite import SqliteDatabase
from bot.domain.errors import Blocked, ClipTooDear, QuotaExceeded, TooManyQueued
from bot.domain.jobs import ANYBODY, Asker, Job, JobState
from bot.domain.limits import EVERYBODY, MEASURES, Limit, Limits, Measure
from bot.domain.money import Entry, Scope, Window
from bot.services.allowances import EVERY_MEMBER, MAX_REASON, THE_SERVER, Act, Subject
from bot.services.amounts import MOST_CREDITS, Amount, NoSuchAmount, Special
from bot.services.ports import Card
from bot.services.quotas import (
    MAX_GRANTS,
    NoSuchModel,
    NotBlocked,
    NotCapped,
    NothingUsed,
    Quotas,
    TooManyGrants,
)
from tests import builders
from tests.services.doubles import TurnedClock

CAPS = builders.caps(guild_month=100, user_day=20, user_queued=5)
TO_DONE = (JobState.RENDERING, JobState.FETCHING, JobState.DELIVERING, JobState.DONE)
DAY_MS = 86_400_000
MIA = Subject(Scope.MEMBER, 100)
ARTISTS = Subject(Scope.ROLE, 7, "Artists")
STUDIO = Subject(Scope.CHANNEL, 10, "studio")
ADA = Act(guild_id=1, by_id=900)


class House:
    """A server's books, with the service over them."""

    def __init__(self, db: SqliteDatabase, clock: TurnedClock) -> None:
        self.db = db
        self.clock = clock
        self.recaps = 0
        self.quotas = self.with_defaults(CAPS)

    def with_defaults(self, defaults: Limits) -> Quotas:
        return Quotas(
            db=self.db,
            clock=self.clock,
            defaults=defaults,
            models=("local-camera", "kling-v2"),
            card_of=self._card,
            recapped=self._recapped,
        )

    async def _card(self, job_id: int) -> Card:
        return Card(await self.db.read(jobs.get(job_id)), ahead=3, ready_between_s=(5, 9))

    def _recapped(self) -> None:
        self.recaps += 1

    async def accept(self, price: int = 5, *, asker: Asker = ANYBODY, **known: int) -> Job:
        transaction = jobs.accept(
            builders.origin(**known),
            builders.request(),
            builders.choice(price),
            asker,
            defaults=CAPS,
            now_ms=self.clock.now_ms(),
        )
        return (await self.db.write(transaction)).job

    async def admit(self) -> Job | None:
        return await self.db.write(jobs.admit("local", slots=9, now_ms=self.clock.now_ms()))

    async def run_one(self, *states: JobState) -> None:
        job = await self.admit()
        assert job
        for state in states:
            job = await self.db.write(jobs.move(job, state, now_ms=self.clock.now_ms()))

    async def me(
        self, user_id: int = 100, *, roles: Collection[int] = (), channel_id: int = 10, guild_id: int = 1
    ) -> Any:
        return await self.quotas.allowance(guild_id, user_id, roles=roles, channel_id=channel_id)

    async def lines(self, guild_id: int = 1) -> list[Line]:
        return await self.db.read(ledger.older(guild_id, Lookup(), limit=100))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    database = await SqliteDatabase.open(tmp_path / "kinora.db")
    await database.write(lanes.open_pool("local"))
    yield House(database, TurnedClock())
    assert await database.read(audit.discrepancies()) == 0
    await database.close()


# ---- What a member may spend


async def test_a_newcomer_has_everything_left(house: House) -> None:
    allowance = await house.me()
    assert (allowance.member.left, allowance.server.left, allowance.left) == (20, 100, 20)
    assert (allowance.queued, allowance.running) == (0, 0)
    assert allowance.caps == {Measure.DAY: 20, Measure.QUEUED: 5}
    assert (allowance.block, allowance.waiting, allowance.largest) == (None, None, None)


async def test_what_waits_and_runs_and_was_spent_is_told_apart(house: House) -> None:
    for _ in range(3):
        await house.accept()
    await house.run_one(*TO_DONE)
    await house.run_one(JobState.RENDERING)
    allowance = await house.me()
    assert (allowance.queued, allowance.running) == (1, 1)
    day = allowance.member.balances[0]
    assert (day.used, day.reserved, day.left) == (5, 10, 5)
    assert allowance.server.left == 85


async def test_the_clip_that_has_waited_longest_is_shown_with_its_place(house: House) -> None:
    first = await house.accept()
    await house.accept()
    allowance = await house.me()
    assert allowance.waiting == Card(first, ahead=3, ready_between_s=(5, 9))
    assert (await house.me(101)).waiting is None
    assert (await house.me(guild_id=2)).waiting is None


async def test_others_count_for_the_server_and_not_for_the_member(house: House) -> None:
    await house.accept(user_id=101)
    await house.accept(guild_id=2)
    allowance = await house.me()
    assert (allowance.member.left, allowance.server.left, allowance.queued) == (20, 95, 0)


async def test_a_day_and_a_month_begin_afresh(house: House) -> None:
    await house.accept()
    house.clock.turn(24 * 3600)
    allowance = await house.me()
    assert (allowance.member.left, allowance.server.left) == (20, 95)
    house.clock.turn(31 * 24 * 3600)
    assert (await house.me()).server.left == 100
    await house.run_one(*TO_DONE)


async def test_a_look_settles_no_server_in(house: House) -> None:
    await house.me()
    await house.quotas.member(1, 100, roles=())
    shown = await house.quotas.server(1)
    assert (shown.server.left, shown.limits) == (100, CAPS)
    assert (await house.quotas.shown(1, STUDIO)).caps == (await house.quotas.shown(1, ARTISTS)).caps == {}
    assert await house.db.read(guilds.known_terms(1, 100, now_ms=house.clock.now_ms())) is None
    later = house.with_defaults(builders.NO_CAPS)
    assert (await later.allowance(1, 100, roles=(), channel_id=10)).left is None


async def test_the_caps_a_server_has_outlive_other_defaults(house: House) -> None:
    await house.db.write(guilds.settle_in(1, defaults=CAPS))
    later = house.with_defaults(builders.NO_CAPS)
    assert (await later.allowance(1, 100, roles=(), channel_id=10)).caps == {
        Measure.DAY: 20,
        Measure.QUEUED: 5,
    }
    assert (await later.allowance(2, 100, roles=(), channel_id=10)).left is None


async def test_the_least_of_all_accounts_is_what_can_be_spent_here(house: House) -> None:
    await house.quotas.cap(ADA, STUDIO, Measure.WEEK, 12)
    assert ((await house.me()).left, (await house.me(channel_id=11)).left) == (12, 20)
    await house.quotas.cap(ADA, THE_SERVER, Measure.DAY, 8)
    assert (await house.me()).left == 8
    await house.db.write(limits.put(1, Limit(Scope.OPERATOR, EVERYBODY, Measure.MONTH, 0)))
    assert (await house.me()).left == 0


async def test_the_largest_clip_is_the_smaller_of_the_members_and_the_channels_cap(house: House) -> None:
    await house.quotas.cap(ADA, EVERY_MEMBER, Measure.CLIP, 15)
    assert (await house.me()).largest == 15
    await house.quotas.cap(ADA, STUDIO, Measure.CLIP, 10)
    assert ((await house.me()).largest, (await house.me(channel_id=11)).largest) == (10, 15)


# ---- Where caps come from


async def test_a_members_own_cap_beats_their_roles_and_those_beat_everybodys(house: House) -> None:
    await house.quotas.cap(ADA, ARTISTS, Measure.DAY, 50)
    await house.quotas.cap(ADA, replace(ARTISTS, id=8), Measure.DAY, 40)
    row = (await house.me(roles={7, 8})).counting[Measure.DAY]
    assert (row.scope, row.subject_id, row.amount) == (Scope.ROLE, 7, 50)
    await house.quotas.cap(ADA, MIA, Measure.DAY, 10)
    row = (await house.quotas.member(1, 100, roles={7, 8})).counting[Measure.DAY]
    assert (row.scope, row.subject_id, row.amount) == (Scope.MEMBER, 100, 10)
    assert (await house.me(101)).counting[Measure.DAY].amount == 20


# ---- Caps


@pytest.mark.parametrize("subject", [EVERY_MEMBER, MIA, ARTISTS, STUDIO, THE_SERVER], ids=str)
async def test_a_cap_is_set_changed_lifted_and_taken_away(house: House, subject: Subject) -> None:
    seen: list[tuple[int | str | None, int | str | None]] = []
    amounts: list[Amount] = [0, 300, Special.NONE, Special.DEFAULT]
    for amount in amounts:
        capped = await house.quotas.cap(ADA, subject, Measure.WEEK, amount)
        before, after = (limit.amount if limit else "own" for limit in (capped.before, capped.after))
        seen.append((before, after))
    assert seen == [("own", 0), (0, 300), (300, None), (None, "own")]
    assert Measure.WEEK not in (await house.db.read(limits.all_of(1))).of(subject.scope, subject.id)


async def test_everybodys_default_is_what_a_new_server_starts_with(house: House) -> None:
    await house.quotas.cap(ADA, EVERY_MEMBER, Measure.DAY, 5)
    await house.quotas.cap(ADA, THE_SERVER, Measure.MONTH, Special.NONE)
    assert ((await house.me()).left, (await house.quotas.server(1)).server.left) == (5, None)
    await house.quotas.cap(ADA, EVERY_MEMBER, Measure.DAY, Special.DEFAULT)
    await house.quotas.cap(ADA, THE_SERVER, Measure.MONTH, Special.DEFAULT)
    assert ((await house.me()).left, (await house.quotas.server(1)).server.left) == (20, 100)


async def test_every_measure_is_settable_for_those_it_counts_for_and_no_others(house: House) -> None:
    for subject in (EVERY_MEMBER, MIA, ARTISTS, STUDIO, THE_SERVER):
        for measure in Measure:
            if measure in MEASURES[subject.scope]:
                await house.quotas.cap(ADA, subject, measure, 9)
            else:
                with pytest.raises(NotCapped):
                    await house.quotas.cap(ADA, subject, measure, 9)


async def test_nobody_can_change_the_operators_ceiling_from_here(house: House) -> None:
    await house.db.write(guilds.settle_in(1, defaults=CAPS))
    await house.db.write(limits.put(1, Limit(Scope.OPERATOR, EVERYBODY, Measure.MONTH, 30)))
    with pytest.raises(NotCapped):
        await house.quotas.cap(ADA, Subject(Scope.OPERATOR), Measure.MONTH, 10_000)
    capped = await house.quotas.cap(ADA, THE_SERVER, Measure.MONTH, 10_000)
    await house.quotas.cap(ADA, EVERY_MEMBER, Measure.DAY, Special.NONE)
    assert capped.ceiling == 30
    with pytest.raises(QuotaExceeded) as refusal:
        await house.accept(31)
    assert refusal.value.scope is Scope.OPERATOR
    assert (await house.quotas.server(1)).operator.left == 30


@pytest.mark.parametrize("amount", [-1, MOST_CREDITS + 1, 2**70])
async def test_an_amount_out_of_bounds_is_refused(house: House, amount: int) -> None:
    with pytest.raises(NoSuchAmount):
        await house.quotas.cap(ADA, EVERY_MEMBER, Measure.DAY, amount)
    with pytest.raises(NoSuchAmount):
        await house.quotas.grant(ADA, MIA, amount, lasts_ms=None)
    with pytest.raises(NoSuchAmount):
        await house.quotas.price(ADA, "kling-v2", amount)
    assert await house.lines() == []


async def test_a_cap_is_one_servers_own(house: House) -> None:
    await house.quotas.cap(ADA, EVERY_MEMBER, Measure.DAY, 3)
    assert (await house.me(guild_id=2)).left == 20


async def test_a_role_that_is_gone_takes_its_cap_along(house: House) -> None:
    await house.quotas.cap(ADA, ARTISTS, Measure.DAY, 50)
    await house.accept(40, asker=Asker(frozenset({7})))
    with pytest.raises(QuotaExceeded):
        await house.accept()


async def test_a_clip_may_cost_no_more_than_its_channel_lets_it(house: House) -> None:
    await house.quotas.cap(ADA, STUDIO, Measure.CLIP, 4)
    with pytest.raises(ClipTooDear):
        await house.accept()
    with pytest.raises(ClipTooDear):
        await house.accept(channel_id=77, parent_id=10)
    await house.accept(channel_id=11)


@pytest.mark.parametrize("subject", [MIA, ARTISTS, EVERY_MEMBER], ids=str)
async def test_a_higher_cap_on_running_clips_lets_those_start_that_wait_already(
    house: House, subject: Subject
) -> None:
    await house.quotas.cap(ADA, EVERY_MEMBER, Measure.RUNNING, 1)
    artist = Asker(frozenset({7}))
    await house.accept(asker=artist)
    await house.accept(asker=artist)
    assert await house.admit()
    assert await house.admit() is None
    recaps = house.recaps
    await house.quotas.cap(ADA, subject, Measure.RUNNING, 2)
    assert house.recaps == recaps + 1
    assert await house.admit()


async def test_a_lower_cap_on_running_clips_holds_back_those_that_wait_already(house: House) -> None:
    await house.accept()
    await house.accept()
    await house.admit()
    await house.quotas.cap(ADA, MIA, Measure.RUNNING, 1)
    assert await house.admit() is None
    await house.quotas.cap(ADA, MIA, Measure.RUNNING, Special.DEFAULT)
    assert await house.admit()


async def test_a_server_may_cap_what_it_runs_at_once(house: House) -> None:
    await house.quotas.cap(ADA, THE_SERVER, Measure.RUNNING, 1)
    await house.accept(user_id=100)
    await house.accept(user_id=101)
    assert await house.admit()
    assert await house.admit() is None
    await house.quotas.cap(ADA, THE_SERVER, Measure.RUNNING, Special.NONE)
    assert await house.admit()


async def test_other_caps_wake_nobody(house: House) -> None:
    await house.quotas.cap(ADA, EVERY_MEMBER, Measure.DAY, 1)
    assert house.recaps == 0


async def test_a_cap_on_waiting_clips_is_told_when_it_is_met(house: House) -> None:
    await house.quotas.cap(ADA, MIA, Measure.QUEUED, 1)
    await house.accept()
    with pytest.raises(TooManyQueued):
        await house.accept()


# ---- Grants


async def test_a_grant_is_on_top_until_it_expires(house: House) -> None:
    granted = await house.quotas.grant(ADA, MIA, 50, lasts_ms=DAY_MS)
    again = await house.quotas.grant(ADA, MIA, 30, lasts_ms=None)
    now_ms = house.clock.now_ms()
    assert (granted.before, granted.after, granted.expires_at_ms) == (0, 50, now_ms + DAY_MS)
    assert (again.before, again.after, again.expires_at_ms) == (50, 80, None)
    assert (await house.me()).left == 100
    house.clock.turn(24 * 3600)
    assert (await house.me()).member.left == 50


async def test_credits_for_the_server_count_for_its_budget(house: House) -> None:
    granted = await house.quotas.grant(ADA, THE_SERVER, 500, lasts_ms=None)
    allowance = await house.me()
    assert (granted.after, allowance.server.left, allowance.member.left) == (500, 600, 20)


async def test_nothing_cannot_be_granted(house: House) -> None:
    with pytest.raises(NoSuchAmount):
        await house.quotas.grant(ADA, MIA, 0, lasts_ms=None)


async def test_grants_that_every_request_would_have_to_read_are_not_piled_up(house: House) -> None:
    for _ in range(MAX_GRANTS):
        await house.quotas.grant(ADA, MIA, 1, lasts_ms=DAY_MS)
    with pytest.raises(TooManyGrants):
        await house.quotas.grant(ADA, MIA, 1, lasts_ms=None)
    await house.quotas.grant(ADA, THE_SERVER, 1, lasts_ms=None)
    house.clock.turn(24 * 3600)
    await house.quotas.grant(ADA, MIA, 1, lasts_ms=None)


# ---- What is forgotten


async def test_what_a_member_used_is_forgotten_and_what_is_reserved_stays(house: House) -> None:
    await house.accept()
    await house.run_one(*TO_DONE)
    await house.accept(7)
    reset = await house.quotas.reset(ADA, MIA)
    assert reset.forgotten == {Window.DAY: 5, Window.WEEK: 5, Window.MONTH: 5}
    allowance = await house.me()
    assert (allowance.member.left, allowance.server.left) == (13, 88)
    with pytest.raises(NothingUsed):
        await house.quotas.reset(ADA, MIA)
    await house.run_one(*TO_DONE)


@pytest.mark.parametrize(("subject", "left"), [(THE_SERVER, 100), (STUDIO, 95)], ids=str)
async def test_a_channels_and_the_servers_use_can_be_forgotten(
    house: House, subject: Subject, left: int
) -> None:
    await house.quotas.cap(ADA, STUDIO, Measure.DAY, 50)
    await house.accept()
    await house.run_one(*TO_DONE)
    await house.quotas.reset(ADA, subject)
    allowance = await house.me()
    assert allowance.server.left == left
    assert allowance.channel.left == (50 if subject is STUDIO else 45)
    assert allowance.member.left == 15


async def test_where_nothing_was_used_nothing_is_noted(house: House) -> None:
    for subject in (MIA, STUDIO, THE_SERVER):
        with pytest.raises(NothingUsed):
            await house.quotas.reset(ADA, subject)
    assert await house.lines() == []


# ---- Blocks


async def test_a_blocked_member_makes_no_clips_until_the_block_ends(house: House) -> None:
    barred = await house.quotas.block(replace(ADA, reason="spam"), 100, lasts_ms=DAY_MS)
    assert (barred.before, barred.after) == (None, guilds.Block(house.clock.now_ms() + DAY_MS, "spam"))
    assert (await house.me()).block == barred.after
    with pytest.raises(Blocked, match="blocked"):
        await house.accept()
    await house.accept(user_id=101)
    await house.accept(guild_id=2)
    house.clock.turn(24 * 3600)
    await house.accept()
    with pytest.raises(NotBlocked):
        await house.quotas.unblock(ADA, 100)


async def test_a_later_block_stands_in_for_an_earlier_one_and_can_be_lifted(house: House) -> None:
    await house.quotas.block(ADA, 100, lasts_ms=DAY_MS)
    barred = await house.quotas.block(ADA, 100, lasts_ms=None)
    assert (barred.before, barred.after) == (
        guilds.Block(house.clock.now_ms() + DAY_MS, None),
        guilds.Block(None, None),
    )
    assert (await house.quotas.server(1)).blocked == ((100, guilds.Block(None, None)),)
    lifted = await house.quotas.unblock(ADA, 100)
    assert (lifted.before, lifted.after) == (barred.after, None)
    await house.accept()


# ---- Prices


async def test_a_model_gets_a_price_of_the_servers_own_and_loses_it_again(house: House) -> None:
    priced = await house.quotas.price(ADA, "kling-v2", 7)
    assert (priced.before, priced.after, priced.percent) == (None, 7, 100)
    priced = await house.quotas.price(ADA, "kling-v2", 0)
    assert (priced.before, priced.after) == (7, 0)
    assert (await house.quotas.server(1)).prices.per_second == {"kling-v2": 0}
    priced = await house.quotas.price(ADA, "kling-v2", Special.DEFAULT)
    assert (priced.before, priced.after) == (0, None)
    assert (await house.quotas.server(1)).prices.per_second == {}


async def test_a_model_that_is_none_has_no_price(house: House) -> None:
    for amount in (1, Special.DEFAULT):
        with pytest.raises(NoSuchModel):
            await house.quotas.price(ADA, "sora", amount)
    with pytest.raises(NoSuchAmount, match="free"):
        await house.quotas.price(ADA, "kling-v2", Special.NONE)


async def test_the_price_of_a_model_that_has_left_can_be_taken_away(house: House) -> None:
    await house.quotas.price(ADA, "kling-v2", 7)
    await house.db.write(guilds.set_price(1, "sora", 3))
    priced = await house.quotas.price(ADA, "sora", Special.DEFAULT)
    assert (priced.before, priced.after) == (3, None)


# ---- The ledger


async def test_every_act_says_who_did_it_for_whom_and_why(house: House) -> None:
    because = replace(ADA, reason="  won the contest ")
    await house.quotas.cap(because, EVERY_MEMBER, Measure.DAY, 200)
    await house.quotas.cap(ADA, MIA, Measure.WEEK, Special.NONE)
    await house.quotas.cap(ADA, ARTISTS, Measure.CLIP, 20)
    await house.quotas.cap(ADA, STUDIO, Measure.CLIP, Special.DEFAULT)
    await house.quotas.cap(ADA, THE_SERVER, Measure.MONTH, Special.NONE)
    await house.quotas.price(ADA, "kling-v2", 7)
    await house.quotas.grant(because, MIA, 50, lasts_ms=None)
    await house.quotas.block(because, 100, lasts_ms=None)
    await house.quotas.unblock(because, 100)
    await house.accept()
    await house.run_one(*TO_DONE)
    await house.quotas.reset(because, MIA)
    lines = [line for line in reversed(await house.lines()) if line.job_id is None]
    assert {line.by_id for line in lines} == {900}
    assert [(line.kind, line.user_id, line.credits, line.reason) for line in lines] == [
        (Entry.LIMIT, 0, 0, "day 20 -> 200 · everybody"),
        (Entry.LIMIT, 100, 0, "week default -> none · member"),
        (Entry.LIMIT, 0, 0, "clip default -> 20 · role Artists (7)"),
        (Entry.LIMIT, 0, 0, "clip default -> default · channel studio (10)"),
        (Entry.LIMIT, 0, 0, "month 100 -> none · server"),
        (Entry.LIMIT, 0, 0, "price default -> 7 credits a second · kling-v2"),
        (Entry.GRANT, 100, 50, "won the contest"),
        (Entry.BLOCK, 100, 0, "won the contest"),
        (Entry.UNBLOCK, 100, 0, "won the contest"),
        *[(Entry.ADJUST, 100, -5, "won the contest")] * 3,
    ]


async def test_a_reason_is_cut_off_where_it_grows_beyond_measure(house: House) -> None:
    await house.quotas.block(replace(ADA, reason="x" * 5000), 100, lasts_ms=None)
    [line] = await house.lines()
    assert line.reason == "x" * MAX_REASON


# ---- What moderators see


async def test_a_channel_is_shown_with_what_was_used_there(house: House) -> None:
    await house.quotas.cap(ADA, STUDIO, Measure.DAY, 50)
    await house.accept(channel_id=77, parent_id=10)
    shown = await house.quotas.shown(1, STUDIO)
    assert shown.caps == {Measure.DAY: 50}
    assert shown.purse
    assert (shown.purse.left, shown.purse.balances[0].reserved) == (45, 5)
    of_role = await house.quotas.shown(1, ARTISTS)
    assert (of_role.caps, of_role.purse) == ({}, None)


async def test_a_server_is_shown_with_all_that_differs(house: House) -> None:
    await house.quotas.cap(ADA, ARTISTS, Measure.DAY, 50)
    await house.accept()
    await house.accept(user_id=101)
    await house.admit()
    overview = await house.quotas.server(1)
    assert (overview.queued, overview.running, overview.server.left) == (1, 1, 90)
    assert overview.limits.of(Scope.ROLE, 7) == {Measure.DAY: 50}
    assert (overview.blocked, overview.operator.left, overview.prices.percent) == ((), None, 100)

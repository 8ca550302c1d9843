"""Whatever happens in whatever order, the books agree with a model that adds everything up anew.

The transactions run as in the bot, group commit and savepoints included, on a file, without the threads.
"""

import shutil
import sqlite3
import tempfile
from collections import Counter
from decimal import Decimal
from functools import cache
from importlib import resources
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import psycopg
import pytest
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bot.db import audit, grants, guilds, jobs, lanes, limits, migrate, money, rows
from bot.db.entries import SERVER
from bot.db.group import commit_together
from bot.db.transaction import Transaction
from bot.domain.catalogue import Choice
from bot.domain.errors import ClipTooDear, QuotaExceeded, Refused
from bot.domain.jobs import Asker, Job, JobState
from bot.domain.limits import MEASURES, Limit, Measure
from bot.domain.money import Scope
from bot.domain.provider import Spent
from bot.domain.requests import VideoRequest
from bot.services import steps
from tests import builders
from tests.db import books_model
from tests.db.books_model import DAY_MS, ENDED, HOLDS_SLOT, NEVER, Books, No
from tests.histories import PostgresHistory

T = TypeVar("T")

GUILDS, MEMBERS, ROLES = (1, 1, 1, 2), (100, 100, 101), (21, 22)
"""Some are met more often."""
PLACES = ((10, None), (11, None), (12, 10))
"""Channels, and a thread in the first of them."""
SPECS = {
    "local": builders.LOCAL,
    "spare": builders.SPARE.model_copy(
        update={"price": builders.SPARE.price.model_copy(update={"per_second": {"std": Decimal("2.4")}})}
    ),
    "third": builders.LOCAL.model_copy(update={"provider": "third", "id": "third-1"}),
}
ASKED_FIRST = ("local", "spare")
"""The third one only gets what another has refused."""
START_MS = 1_798_000_000_000
"""Late in December of 2026: the year ends in the middle of a week."""
ZONES = ("UTC", "Asia/Kathmandu", "Pacific/Kiritimati", "America/New_York", "Australia/Lord_Howe")
HOUR_MS = 3_600_000
DEFAULTS = builders.caps(guild_month=120, user_day=30, user_queued=6, user_running=1)
RESETTABLE = (Scope.SERVER, Scope.MEMBER, Scope.CHANNEL)
SUBJECTS = (
    (Scope.OPERATOR, 0),
    (Scope.SERVER, 0),
    *((Scope.MEMBER, user_id) for user_id in sorted({0, *MEMBERS})),
    *((Scope.ROLE, role_id) for role_id in (*ROLES, *ROLES)),
    (Scope.CHANNEL, 10),
    (Scope.CHANNEL, 11),
)
OF_ROLES = (Measure.DAY, Measure.CLIP, Measure.RUNNING, Measure.RUNNING)
"""Few, so that several roles have an opinion on the same thing."""
STEPS_FROM: dict[str, tuple[str, ...]] = {
    "admit": ("queued",),
    "is_taken": ("submitting", "unknown"),
    "render": ("submitting", "rendering"),
    "deliver": ("fetching",),
    "fail": ("submitting", "unknown", "rendering", "fetching"),
    "cancel": ("queued", *HOLDS_SLOT),
    "turn_away": ("queued",),
    "move_on": ("queued", "submitting", "unknown"),
    "claim": ("undeliverable",),
    "let_go": ("undeliverable",),
}
ODDS = {"admit": 6, "is_taken": 3, "render": 4, "deliver": 8, "move_on": 2, "claim": 2, "let_go": 2}

CAPS = (None, 0, 10, 12, 30, 60, 60, 200, 200)
FEW = (None, 0, 1, 1, 2, 3, 8)
DICE = st.randoms(use_true_random=True)
"""Which of many like things is meant is thrown, and not searched for: that is quick, and even."""
seen: Counter[str] = Counter()


class Boom(Exception):
    pass


def breaking(transaction: Transaction[Any], after: int) -> Transaction[None]:
    """The same, but it fails after so many statements, or at its end."""
    rows: Any = None
    try:
        while after:
            step = transaction.send(rows)
            rows = yield step
            after -= 1
    except (StopIteration, Refused):
        pass
    transaction.close()
    raise Boom


@cache
def template() -> bytes:
    """An empty database of today."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "kinora.db")
        connection = sqlite3.connect(path, isolation_level=None)
        migrate.apply(connection, migrate.load(resources.files("bot.db").joinpath("migrations")))
        connection.close()
        return path.read_bytes()


class BooksMachine(RuleBasedStateMachine):
    """People ask, providers answer, moderators change their minds, time passes and things break."""

    leaves_no_gaps = True
    """Whether the number of a row that was undone is given again."""

    def __init__(self) -> None:
        super().__init__()
        self.begin()
        self.books = Books(START_MS)
        self.ledger: list[tuple[Any, ...]] = []
        self.draws: set[tuple[Any, ...]] = set()
        self.restart_at = 0

    def teardown(self) -> None:
        self.connection.close()
        shutil.rmtree(self.folder)

    def begin(self) -> None:
        """With an empty database."""
        self.folder = tempfile.mkdtemp()
        self.path = Path(self.folder, "kinora.db")
        self.path.write_bytes(template())
        self.open()

    def reopen(self) -> None:
        self.connection.close()
        self.open()

    def open(self) -> None:
        self.connection = sqlite3.connect(self.path, isolation_level=None)
        self.connection.execute("PRAGMA foreign_keys=ON")
        self.connection.execute("PRAGMA synchronous=OFF")
        self.connection.row_factory = sqlite3.Row

    # How transactions run

    def write(self, transaction: Transaction[T]) -> T:
        """Alone, or raise what it raised."""
        return self.together(transaction)[0]

    def together(self, *transactions: Transaction[Any]) -> list[Any]:
        """As one group; the values. `Boom` is expected and left out."""
        outcomes = commit_together(self.connection, transactions)
        for outcome in outcomes:
            if outcome.error is not None and not isinstance(outcome.error, Boom):
                raise outcome.error
        return [outcome.value for outcome in outcomes if outcome.error is None]

    def rows(self, sql: str, **known: object) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.connection.execute(sql, known)]

    def job(self, number: int) -> Job:
        return self.write(jobs.get(number))

    def those(self, *states: str) -> list[int]:
        return [number for number, job in self.books.jobs.items() if job.state in states]

    def note(self, what: str) -> None:
        seen[what] += 1
        event(what)

    # Rules

    @initialize(dice=DICE)
    def start(self, dice: Random) -> None:
        for pool in SPECS:
            self.write(lanes.open_pool(pool))
        for guild_id in set(GUILDS):
            self.write(guilds.settle_in(guild_id, defaults=DEFAULTS))
            known = self.books.servers[guild_id].limits
            known |= {
                (row.scope.value, row.subject_id, row.measure.value): row.amount for row in DEFAULTS.rows
            }
        for _ in range(3):
            self.prefer(dice)
            self.grant(dice)
            self.limit(dice)

    @rule(dice=DICE)
    def people_ask(self, dice: Random) -> None:
        for _ in range(dice.randint(2, 8)):
            self.ask(dice)
            self.clips_are_made(dice, dice.randint(0, 5))
            if dice.random() < 0.2:
                self.moderators_change_their_minds(dice, 1)

    @rule(dice=DICE, times=st.integers(1, 8))
    def clips_are_made(self, dice: Random, times: int) -> None:
        for _ in range(times):
            self.move_a_clip(dice)

    @rule(dice=DICE, times=st.integers(1, 4))
    def moderators_change_their_minds(self, dice: Random, times: int) -> None:
        decisions = (
            self.limit,
            self.limit,
            self.limit,
            self.grant,
            self.reset,
            self.reset,
            self.prefer,
            self.price,
            self.block,
        )
        for _ in range(times):
            dice.choice(decisions)(dice)
            self.clips_are_made(dice, dice.randint(0, 2))

    @rule(
        dice=DICE, ms=st.sampled_from([1, HOUR_MS, 7 * HOUR_MS, DAY_MS, 3 * DAY_MS, 8 * DAY_MS, 32 * DAY_MS])
    )
    def time_passes(self, dice: Random, ms: int) -> None:
        self.books.now_ms += ms
        self.people_ask(dice)

    @precondition(lambda self: len(self.books.ledger) >= self.restart_at)
    @rule()
    def restart(self) -> None:
        self.reopen()
        self.restart_at = len(self.books.ledger) + 15
        assert self.write(lanes.recount()) == 0
        assert self.write(audit.discrepancies()) == 0
        self.note("restarted")

    # Members

    def ask(self, dice: Random) -> None:
        """One request, alone or beside the same one that breaks."""
        guild_id = dice.choice(GUILDS)
        channel_id, parent_id = dice.choice(PLACES)
        asker = books_model.Asker(
            guild_id,
            dice.choice(MEMBERS),
            parent_id or channel_id,
            frozenset(dice.sample(ROLES, dice.choice([0, 1, 2, 2]))),
            manages=dice.choice([False, True]),
            confirmed=dice.choice([0, 12, 100]),
            approved_by=dice.choice([None, None, 7]),
        )
        choice, request = self.priced(guild_id, dice.choice(ASKED_FIRST), dice.choice([5, 10]))
        place = {"guild_id": guild_id, "channel_id": channel_id, "parent_id": parent_id}
        origin = builders.origin(**place, user_id=asker.user_id)

        def accepting() -> Transaction[jobs.Accepted]:
            who = Asker(asker.roles, asker.manages, asker.confirmed, asker.approved_by)
            now_ms = self.books.now_ms
            return jobs.accept(origin, request, choice, who, defaults=DEFAULTS, now_ms=now_ms)

        try:
            expected = self.books.ask(asker, choice.spec.provider, choice.price, choice.worth, choice.percent)
        except No as no:
            self.is_refused(accepting(), no)
            return
        broken = [breaking(accepting(), dice.randint(0, 20))] if dice.choice([False, True]) else []
        [accepted] = self.together(*broken, accepting())
        assert accepted.is_new
        self.books.take_on(accepted.job.id, expected, asker)
        assert accepted.job == self.write(jobs.get(accepted.job.id))
        self.note("accepted")
        if any(source == "grant" for source, _ in (*expected.member, *expected.server)):
            self.note("paid from grants")
        again = self.write(accepting())
        assert not again.is_new
        assert again.job == accepted.job

    def is_refused(self, transaction: Transaction[object], no: No) -> None:
        with pytest.raises(Refused) as refusal:
            self.write(transaction)
        assert said(refusal.value) == no.said
        self.note(" ".join(no.said[:2]).strip())

    def priced(self, guild_id: int, provider: str, seconds: int) -> tuple[Choice, VideoRequest]:
        """What a request costs there, by the bot's own reckoning, checked against the model's."""
        spec = SPECS[provider]
        request = builders.request(duration_s=seconds)
        prices = self.write(guilds.prices(guild_id))
        choice = Choice(spec, prices.of(spec, request), (), spec.cost(request), prices.percent_of(spec))
        server = self.books.servers[guild_id]
        own = server.prices.get(spec.id)
        worth = {"local": 10, "spare": 24, "third": 10}[provider] * seconds // 10
        assert choice.worth == worth
        assert choice.price == (-(-worth * server.percent // 100) if own is None else own * seconds)
        assert choice.percent == (server.percent if own is None else None)
        return choice, request

    # Providers

    def move_a_clip(self, dice: Random) -> None:
        """Any step that some job can take."""
        states = {job.state for job in self.books.jobs.values()}
        possible = [name for name, origins in STEPS_FROM.items() if states & set(origins)]
        if not possible:
            return
        name = dice.choices(possible, [ODDS.get(name, 1) for name in possible])[0]
        if name == "admit":
            self.admit(dice.choice(list(SPECS)), dice.randint(1, 6))
            return
        number = dice.choice(self.those(*STEPS_FROM[name]))
        getattr(self, name)(number, dice)

    def admit(self, pool: str, slots: int) -> None:
        in_use = sum(job.provider == pool for job in self.books.jobs.values() if job.state in HOLDS_SLOT)
        waiting = [number for number in self.those("queued") if self.books.jobs[number].provider == pool]
        may_go = [number for number in waiting if self.books.may_run(self.books.jobs[number])]
        job = self.write(jobs.admit(pool, slots=slots, now_ms=self.books.now_ms))
        if job is None:
            assert in_use >= slots or not may_go
            self.note("kept waiting by a cap" if waiting and in_use < slots else "nobody admitted")
            return
        assert in_use < slots
        assert job.id in may_go
        self.books.jobs[job.id].state = "submitting"
        self.note("admitted")

    def is_taken(self, number: int, dice: Random) -> None:
        state = dice.choice([JobState.RENDERING, JobState.RENDERING, JobState.UNKNOWN])
        self.write(jobs.move(self.job(number), state, now_ms=self.books.now_ms))
        self.books.jobs[number].state = state.value

    def render(self, number: int, dice: Random) -> None:
        job, cost = self.job(number), dice.choice([None, 0, dice.randint(1, 400_000)])
        spent = None if cost is None else Spent(Decimal(1), "unit", Decimal(cost) / 1_000_000)

        def step() -> Transaction[Job]:
            now_ms = self.books.now_ms
            known = {**rows.spent_columns(spent), "price": steps._real_price(job, spent)}
            return jobs.move(job, JobState.FETCHING, now_ms=now_ms, rendered_at_ms=now_ms, **known)

        [moved] = self.together(*([breaking(step(), 2)] if dice.choice([False, True]) else []), step())
        model = self.books.jobs[number]
        self.books.rendered(model, cost)
        assert moved.price == model.price
        self.note("cost more than was reserved" if model.price > model.credits else "rendered")

    def deliver(self, number: int, dice: Random) -> None:
        end = dice.choice([JobState.DONE, JobState.DONE, JobState.DONE, JobState.UNDELIVERABLE])
        job = self.write(jobs.move(self.job(number), JobState.DELIVERING, now_ms=self.books.now_ms))
        ending = jobs.move(job, end, now_ms=self.books.now_ms)
        if end is JobState.DONE:
            self.finish(number, ending, end.value)
            return
        self.write(ending)
        self.books.jobs[number].state = end.value
        self.note(end.value)

    def claim(self, number: int, _dice: Random) -> None:
        job, now_ms = self.job(number), self.books.now_ms
        self.finish(number, jobs.move(job, JobState.DONE, now_ms=now_ms), "done")
        self.note("claimed")

    def let_go(self, number: int, _dice: Random) -> None:
        letting_go = jobs.let_go(self.job(number), now_ms=self.books.now_ms)
        self.finish(number, letting_go, "failed", comes_back=False)
        self.note("let go")

    def fail(self, number: int, _dice: Random) -> None:
        job = self.job(number)
        self.finish(number, jobs.move(job, JobState.FAILED, now_ms=self.books.now_ms, error="no"), "failed")

    def cancel(self, number: int, _dice: Random) -> None:
        guild_id, now_ms = self.books.jobs[number].guild_id, self.books.now_ms
        cancelling = jobs.cancel(number, guild_id=guild_id, owner_id=None, now_ms=now_ms)
        if self.books.jobs[number].state != "queued":
            asked = self.write(cancelling)
            assert asked.cancel_requested
            cancelling = jobs.move(asked, JobState.CANCELLED, now_ms=now_ms)
        self.finish(number, cancelling, "cancelled")

    def turn_away(self, number: int, _dice: Random) -> None:
        self.finish(number, jobs.turn_away(self.job(number), "gone", now_ms=self.books.now_ms), "failed")

    def finish(
        self, number: int, transaction: Transaction[Job], state: str, *, comes_back: bool = True
    ) -> None:
        """Take a job's last step; a second close is an error and leaves nothing behind."""
        before = len(self.books.grants)
        ended = self.write(transaction)
        assert ended.state.value == state
        self.books.end(number, state, comes_back=comes_back)
        self.note(state)
        if len(self.books.grants) > before:
            self.note("came back to a grant that had expired")
        with pytest.raises((sqlite3.IntegrityError, psycopg.IntegrityError)):
            self.write(money.close(ended, JobState.FAILED, cost=False, now_ms=self.books.now_ms))

    def move_on(self, number: int, dice: Random) -> None:
        model, job = self.books.jobs[number], self.job(number)
        other = dice.choice([name for name in SPECS if name != model.provider])
        choice, _ = self.priced(model.guild_id, other, job.request.duration_s)
        if choice.price > model.credits:
            return
        self.write(jobs.move_on(job, choice, now_ms=self.books.now_ms))
        model.provider, model.state, model.price = other, "queued", choice.price
        model.worth, model.percent = choice.worth, choice.percent
        self.note("moved on")

    # Moderators

    def grant(self, dice: Random) -> None:
        guild_id, user_id = dice.choice(GUILDS), dice.choice([SERVER, *MEMBERS])
        credits_, now_ms = dice.randint(1, 40), self.books.now_ms
        lasts_ms = dice.choice([None, HOUR_MS, 8 * HOUR_MS, DAY_MS, 9 * DAY_MS, 40 * DAY_MS])
        expires_at_ms = None if lasts_ms is None else now_ms + lasts_ms
        acted: dict[str, Any] = {"by_id": 7, "reason": "well done"}

        def giving() -> Transaction[int]:
            return grants.give(
                guild_id,
                user_id,
                credits_,
                expires_at_ms=expires_at_ms,
                now_ms=now_ms,
                by_id=7,
                reason="well done",
            )

        broken = self.leaves_no_gaps and dice.choice([False, True])
        [number] = self.together(*([breaking(giving(), 3)] if broken else []), giving())
        expires_ms = NEVER if expires_at_ms is None else expires_at_ms
        assert number == self.books.give(guild_id, user_id, credits_, expires_ms, **acted)
        self.note("granted")

    def reset(self, dice: Random) -> None:
        guild_id = dice.choice(GUILDS)
        scope, subject_id = dice.choice([row for row in SUBJECTS if row[0] in RESETTABLE])
        zone = self.write(guilds.zone(guild_id))
        acted: dict[str, Any] = {"by_id": 7, "reason": "sorry"}
        now_ms = self.books.now_ms
        forgotten = self.write(money.reset(guild_id, scope, subject_id, zone=zone, now_ms=now_ms, **acted))
        expected = self.books.reset(guild_id, scope.value, subject_id, **acted)
        assert {window.value: credits_ for window, credits_ in forgotten.items()} == expected
        self.note("forgot something" if forgotten else "nothing to forget")

    def limit(self, dice: Random) -> None:
        guild_id = dice.choice(GUILDS)
        scope, subject_id = dice.choice(SUBJECTS)
        measure = dice.choice(OF_ROLES if scope is Scope.ROLE else MEASURES[scope])
        amount = dice.choice(FEW if measure in (Measure.QUEUED, Measure.RUNNING) else CAPS)
        is_cleared = dice.choice([False, False, True])
        known = self.books.servers[guild_id].limits
        key = (scope.value, subject_id, measure.value)

        def change() -> Transaction[None]:
            if is_cleared:
                yield from limits.clear(guild_id, scope, subject_id, measure)
            else:
                yield from limits.put(guild_id, Limit(scope, subject_id, measure, amount))
            yield from lanes.recap(guild_id, (yield from limits.all_of(guild_id)))

        self.write(change())
        known.pop(key, None)
        if not is_cleared:
            known[key] = amount
        self.note(f"limit: {scope}")

    def prefer(self, dice: Random) -> None:
        server_id = dice.choice(GUILDS)
        chosen: dict[str, Any] = {
            "time_zone": dice.choice(ZONES),
            "price_percent": dice.choice([100, 0, 33, 100, 150]),
            "pays_overrun": dice.choice([False, True]),
            "confirm_above": dice.choice([None, None, 10, 20]),
            "approval_role_id": dice.choice([None, None, ROLES[0]]),
        }
        self.write(guilds.prefer(server_id, chosen, defaults=DEFAULTS))
        self.books.servers[server_id].preferred = chosen

    def price(self, dice: Random) -> None:
        guild_id, spec = dice.choice(GUILDS), SPECS[dice.choice(list(SPECS))]
        own = dice.choice([None, None, 0, 1, 3])
        self.write(guilds.set_price(guild_id, spec.id, own))
        self.books.servers[guild_id].prices.pop(spec.id, None)
        if own is not None:
            self.books.servers[guild_id].prices[spec.id] = own

    def block(self, dice: Random) -> None:
        guild_id, user_id = dice.choice(GUILDS), dice.choice(MEMBERS)
        blocks = self.books.servers[guild_id].blocks
        if dice.choice([False, True]):
            until_ms = dice.choice([None, self.books.now_ms + HOUR_MS])
            self.write(guilds.block(guild_id, user_id, until_ms=until_ms, reason=None))
            blocks[user_id] = until_ms or NEVER
        else:
            assert self.write(guilds.unblock(guild_id, user_id)) == (blocks.pop(user_id, None) is not None)

    # What must hold whatever happened

    @invariant()
    def balances_are_the_sums(self) -> None:
        assert self.write(audit.discrepancies()) == 0
        reserved, used = self.books.sums()
        expected = {
            account: (reserved[account], used[account])
            for account in reserved | used
            if reserved[account] or used[account]
        }
        held = self.rows("SELECT guild_id, scope, subject_id, period, reserved, used FROM balances")
        assert {row[:4]: row[4:] for row in held if any(row[4:])} == expected

    @invariant()
    def grants_are_what_is_left_of_them(self) -> None:
        found = self.rows(
            "SELECT id, guild_id, user_id, credits, coalesce(expires_at_ms, :never), reserved, used FROM grants"
            " ORDER BY id",
            never=NEVER,
        )
        assert found == [
            (number, one.guild_id, one.user_id, one.credits, one.expires_ms, one.reserved, one.used)
            for number, one in self.books.grants.items()
        ]

    @invariant()
    def the_ledger_only_grows_and_says_what_happened(self) -> None:
        names = ", ".join(LEDGER)
        found = self.rows(f"SELECT id, {names} FROM ledger ORDER BY id")
        assert found[: len(self.ledger)] == self.ledger
        assert [row[1:] for row in found] == [
            tuple(row[name] for name in LEDGER) for row in self.books.ledger
        ]
        self.ledger = found
        draws = set(self.rows("SELECT job_id, grant_id, kind, credits FROM draws"))
        assert draws >= self.draws
        self.draws = draws

    @invariant()
    def a_job_is_paid_once_from_its_allowance_and_its_grants(self) -> None:
        ended = set(self.those(*ENDED))
        found = self.rows(
            """SELECT jobs.id, count(CASE WHEN kind = 'reserve' THEN 1 END),
                count(CASE WHEN kind IN ('settle', 'refund') THEN 1 END)
            FROM jobs LEFT JOIN ledger ON job_id = jobs.id GROUP BY jobs.id ORDER BY jobs.id"""
        )
        assert found == [(number, 1, int(number in ended)) for number in self.books.jobs]
        for side, column in (("<> 0", "allowance"), ("= 0", "budget")):
            drawn = f"""SELECT coalesce(sum(draws.credits), 0) FROM draws JOIN grants ON grants.id = grant_id
                WHERE job_id = ledger.job_id AND draws.kind = ledger.kind AND user_id {side}"""
            wrong = f"""SELECT id FROM ledger WHERE kind IN ('reserve', 'settle', 'refund')
                AND credits <> {column} + ({drawn})"""
            assert self.rows(wrong) == []

    @invariant()
    def the_queue_is_counted(self) -> None:
        waiting = [self.books.jobs[number] for number in self.those("queued")]
        turns = Counter((job.provider, job.guild_id, job.user_id) for job in waiting)
        found = self.rows("SELECT pool, guild_id, user_id, queued FROM turns WHERE queued > 0")
        assert {row[:3]: row[3] for row in found} == turns
        by_lane = Counter((job.provider, job.guild_id) for job in waiting)
        found = self.rows("SELECT pool, guild_id, queued FROM lanes WHERE queued > 0")
        assert {row[:2]: row[2] for row in found} == by_lane


class PostgresBooksMachine(BooksMachine):
    """The same in PostgreSQL, through the database that the bot uses."""

    leaves_no_gaps = False

    def __init__(self, history: PostgresHistory) -> None:
        self.history = history
        super().__init__()

    def teardown(self) -> None:
        """Nothing: the next one begins anew."""

    def begin(self) -> None:
        self.history.begin_anew()

    def reopen(self) -> None:
        self.history.reopen()

    def together(self, *transactions: Transaction[Any]) -> list[Any]:
        outcomes = self.history.together(*transactions)
        for outcome in outcomes:
            if outcome.error is not None and not isinstance(outcome.error, Boom):
                raise outcome.error
        return [outcome.value for outcome in outcomes if outcome.error is None]

    def rows(self, sql: str, **known: object) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.history.rows(sql, **known)]


LEDGER = (
    "kind",
    "guild_id",
    "user_id",
    "by_id",
    "job_id",
    "grant_id",
    "channel_id",
    "provider",
    "credits",
    "allowance",
    "budget",
    "worth",
    "cost_micro_usd",
    "reason",
    "day",
    "week",
    "month",
    "at_ms",
)


def said(refusal: Refused) -> tuple[str, str, int | None]:
    """A refusal as the model says it."""
    scope = refusal.scope.value if isinstance(refusal, QuotaExceeded | ClipTooDear) else ""
    return type(refusal).__name__, scope, refusal.left if isinstance(refusal, QuotaExceeded) else None


OFTEN = {
    *(
        "accepted",
        "admitted",
        "rendered",
        "done",
        "failed",
        "cancelled",
        "undeliverable",
        "claimed",
        "let go",
        "moved on",
        "granted",
    ),
    *("restarted", "paid from grants", "kept waiting by a cap", "QuotaExceeded member", "forgot something"),
}
"""What is bound to happen, or the machine has lost its way."""


def test_the_books_agree_with_the_model_whatever_happens() -> None:
    seen.clear()
    run_state_machine_as_test(
        BooksMachine,
        settings=settings(
            max_examples=40,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
    assert seen.keys() >= OFTEN, seen


def test_the_books_agree_with_the_model_on_postgresql_too(postgres_url: str) -> None:
    history = PostgresHistory(postgres_url)

    class OnItsOwn(PostgresBooksMachine):
        def __init__(self) -> None:
            super().__init__(history)

    try:
        run_state_machine_as_test(
            OnItsOwn,
            settings=settings(
                max_examples=4,  # a server answers later than a library
                stateful_step_count=8,
                deadline=None,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
            ),
        )
    finally:
        history.close()

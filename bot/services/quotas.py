"""What members may still spend, and what moderators decide about that.

Every act is one transaction, which also notes in the ledger who did what for whom, and why. Whoever calls them has seen
to it that a moderator asks; what a moderator cannot do at all, such as raise the operator's ceiling, has no way in here.
"""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace

from bot.db import entries, grants, guilds, lanes, limits, money
from bot.db.transaction import Database, Transaction
from bot.domain.errors import Unchanged
from bot.domain.limits import EVERYBODY, MEASURES, Limit, Limits, Measure
from bot.domain.money import Entry, Scope
from bot.language import tr
from bot.services import balances
from bot.services.allowances import (
    Act,
    Allowance,
    Barred,
    Capped,
    Granted,
    Priced,
    Reset,
    ServerAllowance,
    Shown,
    Subject,
)
from bot.services.amounts import CAP, GIFT, PRICE, Amount, Special
from bot.services.ports import Card, Clock

MAX_GRANTS = 100
"""Every request reads the open grants of its member and of its server."""


class NotCapped(Unchanged):
    """That cannot be capped for them."""


class NothingUsed(Unchanged):
    """Nothing was used in the present day, week and month, so there is nothing to forget."""


class NotBlocked(Unchanged):
    """This member is not blocked."""


class NoSuchModel(Unchanged):
    """No provider at hand has such a model; choose one that is suggested."""


class TooManyGrants(Unchanged):
    """There are 100 grants already that still have credits, and no more can be had at once."""


class Quotas:
    """Answers questions about caps and balances, and changes them."""

    def __init__(
        self,
        *,
        db: Database,
        clock: Clock,
        defaults: Limits,
        models: Collection[str],
        card_of: Callable[[int], Awaitable[Card]],
        recapped: Callable[[], None],
    ) -> None:
        """`defaults` are the caps a server starts with, `models` the ids that can have a price.

        `card_of` tells where a job stands; `recapped` is called when other clips may run than before.
        """
        self._db = db
        self._clock = clock
        self._defaults = defaults
        self._models = frozenset(models)
        self._card_of = card_of
        self._recapped = recapped

    async def allowance(
        self, guild_id: int, user_id: int, *, roles: Collection[int], channel_id: int
    ) -> Allowance:
        """Everything `/quota me` shows; `channel_id` is the parent's in a thread."""
        now_ms = self._clock.now_ms()
        reading = balances.of_member(
            guild_id, user_id, roles, channel_id, defaults=self._defaults, now_ms=now_ms
        )
        allowance, waiting = await self._db.read(reading)
        if waiting is None:
            return allowance
        return replace(allowance, waiting=await self._card_of(waiting.id))

    async def member(self, guild_id: int, user_id: int, *, roles: Collection[int]) -> Allowance:
        """A member's standing wherever they ask."""
        now_ms = self._clock.now_ms()
        reading = balances.of_member(
            guild_id, user_id, roles, EVERYBODY, defaults=self._defaults, now_ms=now_ms
        )
        allowance, _ = await self._db.read(reading)
        return allowance

    async def server(self, guild_id: int) -> ServerAllowance:
        """The budget, everybody's caps and what differs from them."""
        now_ms = self._clock.now_ms()
        return await self._db.read(balances.of_server(guild_id, defaults=self._defaults, now_ms=now_ms))

    async def shown(self, guild_id: int, subject: Subject) -> Shown:
        """A role's or a channel's own caps."""
        now_ms = self._clock.now_ms()
        return await self._db.read(
            balances.of_subject(guild_id, subject, defaults=self._defaults, now_ms=now_ms)
        )

    async def cap(self, act: Act, subject: Subject, measure: Measure, amount: Amount) -> Capped:
        """Set a cap. `Special.DEFAULT` takes a subject's own away; everybody and the server get their first one again.

        Raises:
            NotCapped: this is not counted for them.
            NoSuchAmount: it is out of bounds.
        """
        if measure not in MEASURES[subject.scope] or subject.scope is Scope.OPERATOR:
            raise NotCapped(
                tr("For a channel only credits can be capped.") if subject.scope is Scope.CHANNEL else None
            )
        capped = await self._db.write(self._cap(act, subject, measure, CAP.check(amount)))
        if measure is Measure.RUNNING:
            self._recapped()
        return capped

    async def grant(self, act: Act, subject: Subject, credits_: int, *, lasts_ms: int | None) -> Granted:
        """Give a member or the server credits on top; `lasts_ms` None: until they are used up.

        Raises:
            NoSuchAmount: it is out of bounds.
            TooManyGrants: there are too many grants already.
        """
        GIFT.check(credits_)
        return await self._db.write(self._grant(act, subject, credits_, lasts_ms))

    async def reset(self, act: Act, subject: Subject) -> Reset:
        """Forget what was used in the present windows; what is reserved stays.

        Raises:
            NothingUsed: there is nothing to forget.
        """
        return await self._db.write(self._reset(act, subject))

    async def block(self, act: Act, user_id: int, *, lasts_ms: int | None) -> Barred:
        """Keep a member from making clips, in place of an earlier block; `lasts_ms` None: until they are let."""
        return await self._db.write(self._block(act, user_id, lasts_ms))

    async def unblock(self, act: Act, user_id: int) -> Barred:
        """Let a member make clips again.

        Raises:
            NotBlocked: nobody keeps them from it.
        """
        return await self._db.write(self._unblock(act, user_id))

    async def price(self, act: Act, model: str, credits_per_s: Amount) -> Priced:
        """Give a model a price of the server's own; `Special.DEFAULT` takes it away.

        Raises:
            NoSuchModel: there is no such model, nor a price for it.
            NoSuchAmount: it is out of bounds, or `none`: free is 0.
        """
        amount = PRICE.check(credits_per_s)
        price = None if isinstance(amount, Special) else amount
        return await self._db.write(self._price(act, model, price))

    def _cap(self, act: Act, subject: Subject, measure: Measure, amount: Amount) -> Transaction[Capped]:
        yield from guilds.settle_in(act.guild_id, defaults=self._defaults)
        known = yield from limits.that_matter(act.guild_id, subject.id, subject.id)
        before = _own(known, subject, measure)
        after = self._wanted(subject, measure, amount)
        if after is None:
            yield from limits.clear(act.guild_id, subject.scope, subject.id, measure)
        else:
            yield from limits.put(act.guild_id, after)
        if measure is Measure.RUNNING:
            yield from lanes.recap(act.guild_id, (yield from limits.all_of(act.guild_id)))
        words = f"{measure.value} {_word(before)} -> {_word(after)} · {subject}"
        yield from self._note(act, Entry.LIMIT, _user_id(subject), words)
        ceiling = known.of(Scope.OPERATOR).get(Measure.MONTH)
        return Capped(subject, measure, before, after, ceiling)

    def _wanted(self, subject: Subject, measure: Measure, amount: Amount) -> Limit | None:
        if amount is not Special.DEFAULT:
            capped = amount if isinstance(amount, int) else None
            return Limit(subject.scope, subject.id, measure, capped)
        return _own(self._defaults, subject, measure)

    def _grant(self, act: Act, subject: Subject, credits_: int, lasts_ms: int | None) -> Transaction[Granted]:
        now_ms = self._clock.now_ms()
        yield from guilds.settle_in(act.guild_id, defaults=self._defaults)
        open_ = yield from grants.open_to(act.guild_id, subject.id, now_ms=now_ms)
        if len(open_) >= MAX_GRANTS:
            raise TooManyGrants
        expires_at_ms = None if lasts_ms is None else now_ms + lasts_ms
        yield from grants.give(
            act.guild_id,
            subject.id,
            credits_,
            expires_at_ms=expires_at_ms,
            by_id=act.by_id,
            reason=act.why,
            now_ms=now_ms,
        )
        return Granted(subject, credits_, sum(open_), expires_at_ms)

    def _reset(self, act: Act, subject: Subject) -> Transaction[Reset]:
        forgotten = yield from money.reset(
            act.guild_id,
            subject.scope,
            subject.id,
            zone=(yield from guilds.zone(act.guild_id)),
            by_id=act.by_id,
            reason=act.why,
            now_ms=self._clock.now_ms(),
        )
        if not forgotten:
            raise NothingUsed
        return Reset(subject, forgotten)

    def _block(self, act: Act, user_id: int, lasts_ms: int | None) -> Transaction[Barred]:
        before = yield from self._block_of(act.guild_id, user_id)
        after = guilds.Block(None if lasts_ms is None else self._clock.now_ms() + lasts_ms, act.why)
        yield from guilds.block(act.guild_id, user_id, until_ms=after.until_ms, reason=after.reason)
        yield from self._note(act, Entry.BLOCK, user_id, act.why)
        return Barred(user_id, before, after)

    def _unblock(self, act: Act, user_id: int) -> Transaction[Barred]:
        before = yield from self._block_of(act.guild_id, user_id)
        if before is None:
            raise NotBlocked
        yield from guilds.unblock(act.guild_id, user_id)
        yield from self._note(act, Entry.UNBLOCK, user_id, act.why)
        return Barred(user_id, before, None)

    def _price(self, act: Act, model: str, price: int | None) -> Transaction[Priced]:
        yield from guilds.settle_in(act.guild_id, defaults=self._defaults)
        prices = yield from guilds.prices(act.guild_id)
        before = prices.per_second.get(model)
        if model not in self._models and (price is not None or before is None):
            raise NoSuchModel
        yield from guilds.set_price(act.guild_id, model, price)
        words = f"price {_per_second(before)} -> {_per_second(price)} · {model}"
        yield from self._note(act, Entry.LIMIT, entries.SERVER, words)
        return Priced(model, before, price, prices.percent)

    def _block_of(self, guild_id: int, user_id: int) -> Transaction[guilds.Block | None]:
        terms = yield from guilds.terms(
            guild_id, user_id, defaults=self._defaults, now_ms=self._clock.now_ms()
        )
        return terms.block

    def _note(self, act: Act, kind: Entry, user_id: int, words: str | None) -> Transaction[None]:
        yield from entries.note(
            act.guild_id, user_id, kind, by_id=act.by_id, reason=words, now_ms=self._clock.now_ms()
        )


def _own(known: Limits, subject: Subject, measure: Measure) -> Limit | None:
    caps = known.of(subject.scope, subject.id)
    return Limit(subject.scope, subject.id, measure, caps[measure]) if measure in caps else None


def _user_id(subject: Subject) -> int:
    return subject.id if subject.scope is Scope.MEMBER else entries.SERVER


def _word(limit: Limit | None) -> str:
    if limit is None:
        return Special.DEFAULT.value
    return Special.NONE.value if limit.amount is None else str(limit.amount)


def _per_second(price: int | None) -> str:
    return Special.DEFAULT.value if price is None else f"{price} credits a second"

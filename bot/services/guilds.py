"""What moderators choose for their server: one table of settings, whose values stand in the server's row.

A new setting is a column of `guilds` (a migration, and `bot.db.guilds.PREFERENCES`) and a row in `SETTINGS`: commands,
suggestions, words and the page docs/settings.md follow from that. Whoever acts on it reads the column.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from bot.db import entries, guilds
from bot.db.transaction import Database, Transaction
from bot.domain.errors import Unchanged
from bot.domain.jobs import Asker
from bot.domain.limits import Limits
from bot.domain.money import Entry
from bot.services.controls import (
    Control,
    Number,
    Offer,
    OneOf,
    State,
    Stored,
    Surroundings,
    TimeZone,
    Unfit,
    Value,
    no_or_yes,
)
from bot.services.ports import Clock
from bot.services.references import PlaceOrNone, RoleOrNone


class NoSuchSetting(Unchanged):
    """There is no such setting; choose one of those that are offered."""


class NoSuchValue(Unchanged):
    """The setting cannot be that."""

    def __init__(self, setting: str, why: str) -> None:
        super().__init__(f"`{setting}` {why}")


class ManagersOnly(Unchanged):
    """Only people with Manage Server can change this."""

    def __init__(self, setting: str, *, among_others: bool) -> None:
        rest = ", so set the others back one by one" if among_others else ""
        super().__init__(f"Only people with Manage Server can change `{setting}`{rest}.")


@dataclass(frozen=True, slots=True)
class GuildSetting:
    """All that there is to know about a setting."""

    name: str
    column: str
    words: str
    """What it decides, to stand before a colon."""
    control: Control
    usual: Stored
    """What the column holds where nobody has chosen."""
    is_managers: bool = False
    """Whether it takes Manage Server itself to change it: it says who else moderates."""

    def read(self, typed: str, around: Surroundings) -> Stored:
        """The value that was typed.

        Raises:
            NoSuchValue: the setting cannot be that.
        """
        try:
            return self.control.read(typed, around)
        except Unfit as refusal:
            raise NoSuchValue(self.name, str(refusal)) from refusal


@dataclass(frozen=True, slots=True)
class Chosen:
    """A setting as it is in one server."""

    setting: GuildSetting
    stored: Stored

    @property
    def is_usual(self) -> bool:
        """Whether it is as it would be if nobody had chosen."""
        return self.stored == self.setting.usual

    def state(self, around: Surroundings) -> State:
        """What that comes to."""
        return self.setting.control.state(self.stored, around)


SETTINGS = (
    GuildSetting(
        name="routing",
        column="cheapest_first",
        words="Who makes a clip that several providers can make",
        control=OneOf(
            (
                Value("order", 0, "the first of them in the operator's order"),
                Value("cheapest", 1, "the one that costs the fewest credits"),
            )
        ),
        usual=0,
    ),
    GuildSetting(
        name="time_zone",
        column="time_zone",
        words="The clock by which days, weeks and months begin",
        control=TimeZone(),
        usual="UTC",
    ),
    GuildSetting(
        name="log_channel",
        column="log_channel_id",
        words="Where I tell moderators what they should know, such as that a budget runs out",
        control=PlaceOrNone(some="there", none="nowhere", gone="nowhere"),
        usual=None,
    ),
    GuildSetting(
        name="moderator_role",
        column="moderator_role_id",
        words="Who moderates Kinora, beside those who have Manage Server",
        control=RoleOrNone(
            some="whoever has this role",
            none="nobody",
            gone="nobody",
            everybody=", which would make every member a moderator",
        ),
        usual=None,
        is_managers=True,
    ),
    GuildSetting(
        name="approval_role",
        column="approval_role_id",
        words="Who makes clips without asking a moderator",
        control=RoleOrNone(
            some="whoever has this role, and moderators",
            none="everybody",
            gone="only moderators",
            everybody="; `none` lets everybody make clips without approval",
        ),
        usual=None,
    ),
    GuildSetting(
        name="confirm_above",
        column="confirm_above",
        words="Which clips ask first whether their price is fine",
        control=Number(
            least=0,
            most=1_000_000,
            unit="credits",
            words="those dearer than {} credits",
            none="none",
            offered=(25, 50, 100, 250, 500),
        ),
        usual=None,
    ),
    GuildSetting(
        name="price_percent",
        column="price_percent",
        words="What clips cost, in per cent of the catalogue's prices",
        control=Number(
            least=10,
            most=1_000,
            unit="%",
            words="100 credits in the catalogue are {} here, unless /quota price says otherwise",
            offered=(50, 80, 100, 120, 150, 200),
        ),
        usual=100,
    ),
    GuildSetting(
        name="pays_overrun",
        column="pays_overrun",
        words="What is charged if a clip turns out dearer than was reserved",
        control=no_or_yes(
            no="no more than was reserved",
            yes="what it really cost, up to twice the price, even if that overdraws a cap",
        ),
        usual=0,
    ),
)


class GuildSettings:
    """Reads and changes the settings of servers, and knows who moderates them.

    A change of time zone moves no credits. Sums are kept by the name of their day, week and month, so the new clock
    only decides which of them are the present ones: what was used today counts as today's as long as it is today there,
    and who goes back finds everything as it was. Where the new clock has entered the next period already, that one
    begins early, and no period is ever had twice. Running jobs are settled in the periods they were reserved in;
    grants expire at the moment they always did.
    """

    def __init__(self, *, db: Database, clock: Clock, defaults: Limits, changed: Callable[[], None]) -> None:
        """`defaults` are the caps that a server starts with; `changed` is called after every change."""
        self._db = db
        self._clock = clock
        self._defaults = defaults
        self._changed = changed

    async def is_moderator(self, guild_id: int, asker: Asker) -> bool:
        """Whether somebody moderates a server: may manage it, or has the role that it has chosen."""
        if asker.manages:
            return True
        held = await self._db.read(guilds.preferences(guild_id))
        return held.get("moderator_role_id") in asker.roles - {guild_id}

    async def all(self, guild_id: int) -> list[Chosen]:
        """Every setting of a server."""
        return await self._db.read(_chosen(guild_id, SETTINGS))

    async def one(self, guild_id: int, setting: str) -> Chosen:
        """A setting of a server.

        Raises:
            NoSuchSetting: no row has that name.
        """
        [chosen] = await self._db.read(_chosen(guild_id, [_named(setting)]))
        return chosen

    async def choose(self, around: Surroundings, setting: str, value: str) -> Chosen:
        """Change a setting of a server, as a moderator typed it.

        Raises:
            NoSuchSetting: no row has that name.
            NoSuchValue: the setting cannot be that.
            ManagersOnly: it takes Manage Server.
        """
        row = _named(setting)
        [chosen] = await self._change(around, {row: row.read(value, around)})
        return chosen

    async def reset(self, around: Surroundings, setting: str | None = None) -> list[Chosen]:
        """Make a setting of a server what it is where nobody has chosen; None for all of them.

        Raises:
            NoSuchSetting: no row has that name.
            ManagersOnly: it, or one of all of them, takes Manage Server.
        """
        rows = SETTINGS if setting is None else (_named(setting),)
        return await self._change(around, {row: row.usual for row in rows})

    async def _change(self, around: Surroundings, wanted: Mapping[GuildSetting, Stored]) -> list[Chosen]:
        for row in wanted:
            if row.is_managers and not around.manages:
                raise ManagersOnly(row.name, among_others=len(wanted) > 1)
        changes = _changes(around, wanted, defaults=self._defaults, now_ms=self._clock.now_ms())
        await self._db.write(changes)
        self._changed()
        return [Chosen(row, stored) for row, stored in wanted.items()]


def offers(setting: str, typed: str, around: Surroundings) -> Iterator[Offer]:
    """Suggestions for the value of a setting, the best first; none for what is no setting."""
    for row in SETTINGS:
        if row.name == setting:
            yield from row.control.offers(typed, around)


def _named(name: str) -> GuildSetting:
    for row in SETTINGS:
        if row.name == name:
            return row
    raise NoSuchSetting


def _chosen(guild_id: int, rows: Iterable[GuildSetting]) -> Transaction[list[Chosen]]:
    held = yield from guilds.preferences(guild_id)
    return [Chosen(row, held.get(row.column, row.usual)) for row in rows]


def _changes(
    around: Surroundings, wanted: Mapping[GuildSetting, Stored], *, defaults: Limits, now_ms: int
) -> Transaction[None]:
    """Change what differs, and note in the ledger who changed what."""
    before = yield from _chosen(around.guild_id, wanted)
    changed = [(one, Chosen(one.setting, wanted[one.setting])) for one in before]
    changed = [(old, new) for old, new in changed if old != new]
    if changed:
        columns = {new.setting.column: new.stored for _, new in changed}
        yield from guilds.prefer(around.guild_id, columns, defaults=defaults)
    for old, new in changed:
        yield from entries.note(
            around.guild_id,
            entries.SERVER,
            Entry.LIMIT,
            by_id=around.user_id,
            reason=f"{new.setting.name} {old.state(around).plain} -> {new.state(around).plain}",
            now_ms=now_ms,
        )

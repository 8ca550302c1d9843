"""What moderators choose for their server: one table of settings, whose values stand in the server's row.

A new setting is a column of `guilds` (a migration, and `bot.db.guilds.PREFERENCES`) and a row in `SETTINGS`: commands,
suggestions and words follow from that. Whoever acts on it reads the column.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.db import guilds
from bot.db.transaction import Database, Transaction
from bot.domain.errors import Refused
from bot.domain.jobs import Asker
from bot.domain.limits import Limits


class NoSuchSetting(Refused):
    """There is no such setting; choose one of those that are offered."""


class NoSuchValue(Refused):
    """The setting cannot be that."""

    def __init__(self, setting: "GuildSetting") -> None:
        offered = " or ".join(f"`{value.name}`" for value in setting.choices)
        super().__init__(f"`{setting.name}` can be {offered}; choose one of them.")


@dataclass(frozen=True, slots=True)
class Value:
    """One of the things a setting can be."""

    name: str
    stored: int
    """How the column holds it."""
    words: str


@dataclass(frozen=True, slots=True)
class GuildSetting:
    """All that there is to know about a setting."""

    name: str
    column: str
    words: str
    choices: tuple[Value, ...]
    default: str
    """The name of a choice: what the column holds where nobody has chosen."""

    @property
    def usual(self) -> Value:
        """The choice that counts where nobody has chosen."""
        return self.called(self.default)

    def called(self, name: str) -> Value:
        """The choice of that name, however it is written.

        Raises:
            NoSuchValue: there is none.
        """
        for value in self.choices:
            if value.name.casefold() == name.strip().casefold():
                return value
        raise NoSuchValue(self)

    def held_as(self, stored: object) -> Value:
        """The choice that a column's value stands for; the usual one where it is empty or none that is known."""
        return next((value for value in self.choices if value.stored == stored), self.usual)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A setting as it is in one server."""

    setting: GuildSetting
    value: Value


SETTINGS = (
    GuildSetting(
        name="routing",
        column="cheapest_first",
        words="Who makes a clip that several providers can make",
        choices=(
            Value("order", 0, "the first of them in the operator's order"),
            Value("cheapest", 1, "the one that costs the fewest credits"),
        ),
        default="order",
    ),
)


class GuildSettings:
    """Reads and changes the settings of servers."""

    def __init__(self, *, db: Database, defaults: Limits) -> None:
        """`defaults` are the caps that a server starts with."""
        self._db = db
        self._defaults = defaults

    async def is_moderator(self, guild_id: int, asker: Asker) -> bool:
        """Whether somebody moderates a server: may manage it, or has the role that it has chosen."""
        if asker.manages:
            return True
        held = await self._db.read(guilds.preferences(guild_id))
        return held.get("moderator_role_id") in asker.roles - {guild_id}

    async def all(self, guild_id: int) -> list[Chosen]:
        """Every setting of a server."""
        return await self._db.read(_chosen(guild_id, SETTINGS))

    async def choose(self, guild_id: int, setting: str, value: str) -> Chosen:
        """Change a setting of a server.

        Raises:
            NoSuchSetting: no row has that name.
            NoSuchValue: the setting cannot be that.
        """
        row = _named(setting)
        [chosen] = await self._change(guild_id, {row: row.called(value)})
        return chosen

    async def reset(self, guild_id: int, setting: str | None = None) -> list[Chosen]:
        """Make a setting of a server what it is where nobody has chosen; None for all of them.

        Raises:
            NoSuchSetting: no row has that name.
        """
        rows = SETTINGS if setting is None else (_named(setting),)
        return await self._change(guild_id, {row: row.usual for row in rows})

    async def _change(self, guild_id: int, wanted: Mapping[GuildSetting, Value]) -> list[Chosen]:
        columns = {row.column: value.stored for row, value in wanted.items()}
        await self._db.write(guilds.prefer(guild_id, columns, defaults=self._defaults))
        return [Chosen(row, value) for row, value in wanted.items()]


def _named(name: str) -> GuildSetting:
    for row in SETTINGS:
        if row.name == name:
            return row
    raise NoSuchSetting


def _chosen(guild_id: int, rows: Iterable[GuildSetting]) -> Transaction[list[Chosen]]:
    held = yield from guilds.preferences(guild_id)
    return [Chosen(row, row.held_as(held.get(row.column))) for row in rows]

"""The settings of servers: their values stand in the server's row, what they can be in `bot.services.preferences`."""

from collections.abc import Callable, Iterable, Mapping

from pydantic import ValidationError

from bot.db import entries, guilds, offers
from bot.db.transaction import Database, Transaction
from bot.domain.content import RulesUnclear
from bot.domain.errors import OfferLapsed, Unchanged
from bot.domain.jobs import Asker
from bot.domain.limits import Limits
from bot.domain.money import Entry
from bot.domain.requests import Value
from bot.language import tr
from bot.services.controls import Stored, Surroundings
from bot.services.ports import Clock
from bot.services.preferences import SETTINGS, Chosen, GuildSetting, NoSuchSetting, named
from bot.services.rule_lists import RuleList

DRAFT_LASTS_MS = 24 * 3_600_000


class ManagersOnly(Unchanged):
    """Only people with Manage Server can change this."""

    def __init__(self, setting: str, *, among_others: bool) -> None:
        alone = tr("Only people with Manage Server can change `{setting}`.", setting=setting)
        beside = tr(
            "Only people with Manage Server can change `{setting}`, so set the others back one by one.",
            setting=setting,
        )
        super().__init__(beside if among_others else alone)


class RulesDraft(Value):
    """Lists of content rules as somebody wrote them, a rule a line, by the names of their settings."""

    lists: Mapping[str, str]


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
        [chosen] = await self._db.read(_chosen(guild_id, [named(setting)]))
        return chosen

    async def choose(self, around: Surroundings, setting: str, value: str) -> Chosen:
        """Change a setting of a server, as a moderator typed it.

        Raises:
            NoSuchSetting: no row has that name.
            NoSuchValue: the setting cannot be that.
            ManagersOnly: it takes Manage Server.
        """
        row = named(setting)
        [chosen] = await self._change(around, {row: row.read(value, around)})
        return chosen

    async def choose_rules(self, around: Surroundings, draft: RulesDraft) -> list[Chosen]:
        """Change lists of content rules.

        Raises:
            RulesUnclear: with a sentence for each line that is wrong.
            NoSuchSetting: no list has that name.
        """
        wanted: dict[GuildSetting, Stored] = {}
        problems: list[str] = []
        for name, text in draft.lists.items():
            row = named(name)
            if not isinstance(row.control, RuleList):
                raise NoSuchSetting
            try:
                wanted[row] = row.control.kept(text)
            except RulesUnclear as unclear:
                problems += (f"`{name}` · {problem}" for problem in unclear.problems)
        if problems:
            raise RulesUnclear(problems)
        return await self._change(around, wanted)

    async def rules(self, guild_id: int) -> RulesDraft:
        """The lists of content rules of a server, as they can be changed."""
        lists = [row for row in SETTINGS if isinstance(row.control, RuleList)]
        held = await self._db.read(_chosen(guild_id, lists))
        return RulesDraft(lists={one.setting.name: str(one.stored or "") for one in held})

    async def keep_draft(self, around: Surroundings, draft: RulesDraft) -> int:
        """Keep lists that were not taken for who wrote them; returns their number."""
        now_ms = self._clock.now_ms()
        kept = draft.model_dump_json()
        lapses_at_ms = now_ms + DRAFT_LASTS_MS
        return await self._db.write(
            offers.make(around.guild_id, around.user_id, kept, lapses_at_ms=lapses_at_ms, now_ms=now_ms)
        )

    async def draft(self, number: int, around: Surroundings) -> RulesDraft:
        """Lists that were kept.

        Raises:
            OfferLapsed: they have lapsed, or are somebody else's.
        """
        look = offers.look(number, around.guild_id, around.user_id, now_ms=self._clock.now_ms())
        try:
            return RulesDraft.model_validate_json(await self._db.read(look))
        except ValidationError as error:
            raise OfferLapsed from error

    async def reset(self, around: Surroundings, setting: str | None = None) -> list[Chosen]:
        """Make a setting of a server what it is where nobody has chosen; None for all of them.

        Raises:
            NoSuchSetting: no row has that name.
            ManagersOnly: it, or one of all of them, takes Manage Server.
        """
        rows = SETTINGS if setting is None else (named(setting),)
        return await self._change(around, {row: row.usual for row in rows})

    async def _change(self, around: Surroundings, wanted: Mapping[GuildSetting, Stored]) -> list[Chosen]:
        for row in wanted:
            if row.is_managers and not around.manages:
                raise ManagersOnly(row.name, among_others=len(wanted) > 1)
        changes = _changes(around, wanted, defaults=self._defaults, now_ms=self._clock.now_ms())
        await self._db.write(changes)
        self._changed()
        return [Chosen(row, stored) for row, stored in wanted.items()]


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

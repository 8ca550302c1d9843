"""The discord.py client: as few intents as do, shards, extensions, commands synced only when they changed."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import discord
import structlog
import yarl
from discord import app_commands
from discord.ext import commands
from discord.gateway import DiscordWebSocket
from discord.http import Route
from discord.state import AutoShardedConnectionState

from bot.db import departures, installation
from bot.db.transaction import Database
from bot.domain.catalogue import Catalogue
from bot.domain.duties import Duty, Shards
from bot.domain.errors import KinoraError
from bot.media.charts import Charts
from bot.services.checkup import Checkup
from bot.services.claims import Claims
from bot.services.departures import Departures
from bot.services.draining import Draining
from bot.services.exports import Exports
from bot.services.gate import Gate
from bot.services.guilds import GuildSettings
from bot.services.insights import Insights
from bot.services.ledger import Ledger
from bot.services.pace import Pace
from bot.services.paintings import Paintings
from bot.services.places import Places
from bot.services.privacy import Privacy
from bot.services.quotas import Quotas
from bot.services.retention import Retention
from bot.services.routing import Routes
from bot.services.usage import UsageReports
from bot.shards import Connections, Line, OwnLine, Turns
from bot.ui import errors
from bot.ui.desk import Desk
from bot.ui.directory import Directory
from bot.ui.faults import NOT_IN, translated
from bot.ui.modals import Form, Sheet
from bot.ui.payloads import outlive
from bot.ui.translator import Translator
from bot.ui.welcome import is_welcome

log = structlog.stdlib.get_logger(__name__)

EXTENSIONS = (
    "cogs.animate",
    "cogs.video",
    "cogs.motion",
    "cogs.storyboard",
    "cogs.consent",
    "cogs.clips",
    "cogs.queue",
    "cogs.claim",
    "cogs.quota",
    "cogs.settings",
    "cogs.stats",
    "cogs.privacy",
    "cogs.owner",
    "cogs.operation",
)

_GUILD_READY_TIMEOUT_S = 0.2
"""Nothing here waits for every guild: on_ready is only logged."""

_HANDLERS = ("CommandTree-invoker", "discord-ui-", "discord.py: on_interaction", "discord.py: on_message")

_MAX_RATELIMIT_WAIT_S = 60.0
"""Longer waits become an error that the job's own back-off handles."""


@dataclass(frozen=True, slots=True)
class Services:
    """What commands may use."""

    catalogue: Catalogue
    routes: Routes
    insights: Insights
    quotas: Quotas
    ledger: Ledger
    guilds: GuildSettings
    places: Places
    privacy: Privacy
    exports: Exports
    reports: UsageReports
    charts: Charts
    claims: Claims
    retention: Retention
    checkup: Checkup
    gate: Gate
    draining: Draining
    departures: Departures
    pace: Pace
    paintings: Paintings


Submitted: TypeAlias = Callable[[discord.Interaction["Kinora"], int], Awaitable[None]]
"""Takes a form that was sent off, by its number; answers whatever happens."""

discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # the bot does not speak


class MessageContentForbidden(KinoraError):
    """Discord does not grant what messages say."""

    def __init__(self) -> None:
        super().__init__(
            "MESSAGE_CONTENT_INTENT is true, but Discord does not grant it. Switch Message Content Intent on at "
            "https://discord.com/developers/applications (Bot), or set MESSAGE_CONTENT_INTENT to auto."
        )


class AnotherApplication(KinoraError):
    """The token is another bot's than that whose servers are kept."""

    def __init__(self, application_id: int, known_id: int) -> None:
        super().__init__(
            f"DISCORD_TOKEN belongs to the application {application_id}, but DATA_DIR to {known_id}, which is in other "
            "servers. Put that one's token back, or choose another DATA_DIR (docs/operation.md)."
        )


class TokenRefused(KinoraError):
    """Discord does not accept DISCORD_TOKEN any more. Copy the bot's token again (README, step 2)."""


class ConnectionRefused(KinoraError):
    """Discord has ended the connection for good (Discord, Gateway Close Event Codes)."""

    def __init__(self, code: int) -> None:
        what = _FINAL_CLOSES.get(code, "This is most likely a mistake in Kinora; an update may mend it.")
        super().__init__(f"Discord has ended the connection for good, with code {code}. {what}")


class NoStartsLeft(KinoraError):
    """Discord resets the token of a bot that connects more often than it may in a day."""

    def __init__(self, reset_after_ms: int) -> None:
        super().__init__(
            "The bot has connected to Discord as often as it may in a day; one time more, and Discord would reset its "
            f"token. Start it again in {-(-reset_after_ms // 60_000)} minutes, and find out what restarts it so often."
        )


_BAD_TOKEN, _BAD_INTENTS = 4004, 4014
_ANEW = 1000
"""Ends a session: what it was opened with is different now."""
_FINAL_CLOSES = {
    4011: (
        "The bot is in more servers than so few shards serve (2,500 each). Start it with more of them in --shards, "
        "the same number after the slash in every process; without --shards one process has as many as Discord asks for."
    ),
    4012: "It no longer speaks this version's language: update Kinora.",
}


class Tree(app_commands.CommandTree["Kinora"]):
    """Turns whatever a command raises into words."""

    async def interaction_check(self, interaction: discord.Interaction["Kinora"], /) -> bool:
        """Everybody may who is not too fast; from here on the member's language is spoken."""
        return await self.client.is_welcome(interaction)

    async def on_error(
        self, interaction: discord.Interaction["Kinora"], error: app_commands.AppCommandError, /
    ) -> None:
        """Answer the person."""
        await errors.answer(interaction, error)


class Kinora(commands.Bot):
    """The bot. `services` and `desk` are set by `bot.app` before it logs in."""

    services: Services
    desk: Desk

    def __init__(
        self,
        *,
        db: Database,
        duty: Duty = Duty(),  # noqa: B008 - a constant
        owner_ids: Collection[int] = (),
        reads_messages: bool | None = False,
        line: Line | None = None,
    ) -> None:
        """What it needs, and what it is to do.

        Args:
            db: What this installation remembers of Discord.
            duty: The role of this process, and its shards.
            owner_ids: Who may use the owner's commands.
            reads_messages: Asks for the message content intent; None takes it if Discord grants it.
            line: Where its shards wait to identify; None is one of its own.
        """
        super().__init__(
            command_prefix=commands.when_mentioned,
            tree_cls=Tree,
            help_command=None,
            owner_ids=set(owner_ids),
            intents=discord.Intents(guilds=True, guild_messages=True),
            allowed_mentions=discord.AllowedMentions.none(),
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_messages=None,
            max_ratelimit_timeout=_MAX_RATELIMIT_WAIT_S,
            guild_ready_timeout=_GUILD_READY_TIMEOUT_S,
            allowed_contexts=app_commands.AppCommandContext(guild=True),
            allowed_installs=app_commands.AppInstallationType(guild=True),
        )
        self.directory = Directory(self)
        self._db = db
        self.duty = duty
        self._reads_messages = reads_messages
        self._forms: dict[Form | Sheet, Submitted] = {}
        self._turns = Turns(line or OwnLine())
        self.shards = duty.shards or Shards.all_of(1)
        """Those that this process connects; as many as Discord asks for is known once it is logged in."""
        self.connections = Connections()
        self.ws = cast("DiscordWebSocket", self.connections)
        outlive(self._connection.parsers)
        self._hear_of_shards()

    async def setup_hook(self) -> None:
        """Settle what is read; load the command groups, which register their buttons; sync if anything changed.

        A worker needs none of that.

        Raises:
            AnotherApplication: what is kept belongs to another one.
            MessageContentForbidden: the intent is asked for, and its switch in the portal is off.
            NoStartsLeft: Discord lets the bot connect no more today.
        """
        await self._ensure_same_application()
        if self.duty.role.connects:
            self._settle_intents()
            await asyncio.gather(self._learn_shards(), self._take_up_commands())

    async def _take_up_commands(self) -> None:
        for extension in EXTENSIONS:
            await self.load_extension(extension)
        await self.tree.set_translator(Translator())
        if self.duty.shards is None or 0 in self.duty.shards.ids:  # one process of several
            await self._sync_if_changed()

    async def _learn_shards(self) -> None:
        asked_for, _, starts = await self.http.get_bot_gateway()
        if self.duty.shards is None:
            self.shards = Shards.all_of(asked_for)
        elif self.shards.count < asked_for:
            log.warning("Discord asks for more shards", asks_for=asked_for, has=self.shards.count)
        if starts["remaining"] < len(self.shards.ids):
            raise NoStartsLeft(starts["reset_after"])
        self._turns.max_concurrency = starts["max_concurrency"]
        self._connection.shard_count = self.shard_count = self.shards.count
        cast("AutoShardedConnectionState[Kinora]", self._connection).shard_ids = list(self.shards.ids)

    def _get_state(self, **options: Any) -> AutoShardedConnectionState["Kinora"]:
        """What discord.py keeps of several shards; also where there is only one."""
        return AutoShardedConnectionState(
            dispatch=self.dispatch, handlers=self._handlers, hooks=self._hooks, http=self.http, **options
        )

    def _hear_of_shards(self) -> None:
        """Before all else that a shard hears when it is ready: servers that it does not name any more are no more."""
        parsers: dict[str, Callable[[Any], None]] = self._connection.parsers
        ready, resumed = parsers["READY"], parsers["RESUMED"]

        def parse_ready(data: Any) -> None:
            shard = Shards((data["shard"][0],), data["shard"][1])
            listed = {int(guild["id"]) for guild in data["guilds"]}
            for guild in self.guilds:
                if shard.hold(guild.id) and guild.id not in listed:
                    self._connection._remove_guild(guild)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
            ready(data)
            self.connections.heard(shard.ids[0])
            log.info("ready", user=str(self.user), shard=str(shard), guilds=len(listed))
            self.services.departures.listed(listed, shard)

        def parse_resumed(data: Any) -> None:
            resumed(data)
            self.connections.heard(data["__shard_id__"])

        parsers |= {"READY": parse_ready, "RESUMED": parse_resumed}

    def dispatch(self, event_name: str, /, *args: Any, **kwargs: Any) -> None:
        """Tell of nothing once the client is closed: discord.py goes through the servers of a shard all the same."""
        if not self.is_closed():
            super().dispatch(event_name, *args, **kwargs)

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Discord lets in one shard after another; this one's turn has come."""
        del initial
        await self._turns.begun(shard_id or 0)

    def add_form(self, form: Form | Sheet, submitted: Submitted) -> None:
        """Say who takes what is written in a form, whichever process showed it."""
        self._forms[form] = submitted

    async def on_message(self, message: discord.Message, /) -> None:
        """Take a message that may ask for a clip; there are no commands with a prefix."""
        await self.desk.mentions.take(self, message)

    async def on_interaction(self, interaction: discord.Interaction["Kinora"]) -> None:
        """Hand a form that was sent off to whom it is for."""
        for form, submitted in self._forms.items():
            number = form.number_in(interaction)
            if number is not None and await self.is_welcome(interaction):
                await submitted(interaction, number)

    async def is_welcome(self, interaction: discord.Interaction["Kinora"]) -> bool:
        """Whether an interaction may go on; a member who is too fast is told."""
        return await is_welcome(interaction, self.services.pace)

    async def on_guild_join(self, guild: discord.Guild) -> None:
        """The bot was invited, perhaps not for the first time."""
        self.services.departures.joined(guild.id)

    async def on_guild_available(self, guild: discord.Guild) -> None:
        """Discord has a server at hand (again)."""
        self.services.departures.joined(guild.id)

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """The bot was removed, or the server deleted; one that Discord cannot reach for a while is not meant."""
        self.services.departures.left(guild.id)

    async def is_in(self, guild_id: int) -> bool:
        """Ask Discord whether the bot is in a server.

        Raises:
            bot.domain.errors.DeliveryFault: Discord does not say.
        """
        async with translated():
            try:
                await self.fetch_guild(guild_id, with_counts=False)
            except discord.HTTPException as refusal:
                if refusal.code in NOT_IN:
                    return False
                raise
        return True

    def answering(self) -> set[asyncio.Task[Any]]:
        """Who is just answering what people did. discord.py keeps no list of its tasks, but it names them."""
        return {task for task in asyncio.all_tasks() if task.get_name().startswith(_HANDLERS)}

    async def connect(self, *, reconnect: bool = True) -> None:
        """Stay connected, always. Where Discord takes the message content away, go on without it if that will do.

        Raises:
            MessageContentForbidden: it is asked for.
            TokenRefused: the token was reset.
            ConnectionRefused: Discord wants no more of this client.
        """
        del reconnect
        while not self.is_closed():
            try:
                await self.connections.stay(self, self.shards, self._turns)
            except discord.ConnectionClosed as closed:
                await self._go_on_without(closed)

    async def _go_on_without(self, closed: discord.ConnectionClosed) -> None:
        if closed.code == _BAD_TOKEN:
            raise TokenRefused from closed
        if closed.code != _BAD_INTENTS:
            raise ConnectionRefused(closed.code) from closed
        if self._reads_messages or not self.intents.message_content:
            raise MessageContentForbidden from closed
        await self.connections.close(code=_ANEW)
        log.warning("message content is not granted any more")
        self._read_messages(False)

    def _settle_intents(self) -> None:
        """Ask for the message content where it is wanted and Discord grants it: an intent too many ends the connection."""
        flags = self.application_flags
        is_granted = flags.gateway_message_content or flags.gateway_message_content_limited
        if self._reads_messages and not is_granted:
            raise MessageContentForbidden
        self._read_messages(is_granted and self._reads_messages is not False)

    def _read_messages(self, are_read: bool) -> None:  # noqa: FBT001 - what it sets
        self._connection._intents.message_content = are_read  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        log.info("message content", read=are_read)

    async def _ensure_same_application(self) -> None:
        assert self.application_id is not None  # it is logged in
        known_id = await self._db.write(departures.belong_to(self.application_id))
        if known_id != self.application_id:
            raise AnotherApplication(self.application_id, known_id)

    async def _sync_if_changed(self) -> None:
        """Discord allows 200 creates a day, and a sync replaces every command: only when the payload differs."""
        translator = self.tree.translator
        assert translator is not None
        payload = [
            await command.get_translated_payload(self.tree, translator)
            for command in self.tree.get_commands()
        ]
        described = json.dumps([Route.BASE, payload], sort_keys=True)
        digest = hashlib.sha256(described.encode()).hexdigest()
        name = f"commands of {self.application_id}"
        if await self._db.read(installation.recall(name)) == digest:
            return
        await self.tree.sync()
        await self._db.write(installation.remember(name, digest))
        log.info("commands synced", count=len(payload))


def point_discord_at(api_url: str, gateway_url: str) -> None:
    """Make discord.py speak to this Discord; before the first client is made."""
    Route.BASE = api_url
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway_url)

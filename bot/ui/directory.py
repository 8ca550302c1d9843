"""What is known of servers and channels: what the gateway tells of them, else what Discord says when it is asked."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import discord

from bot.domain.errors import DeliveryFault
from bot.ui.faults import translated

T = TypeVar("T")

REMEMBERED_S = 60.0
"""For so long what Discord answered is believed; a gateway tells at once what is different."""

_NAMED_WITHIN_S = 1.0
_MOST = 500
"""Servers that are remembered; with each its roles, and the channels that were asked for."""


@dataclass(frozen=True, slots=True)
class _Known:
    guild: discord.Guild
    at_s: float


class Directory:
    """Servers with their roles and the bot's own member, and channels that know their server, and threads theirs above.

    Without a gateway, or before it has told of a server, they come by REST, and are remembered for a minute. Who asks
    for what is just being asked for waits for the same answer. Threads are asked for each time: they close by themselves.
    """

    def __init__(self, client: discord.Client) -> None:
        self._client = client
        self._known: OrderedDict[int, _Known] = OrderedDict()
        self._names: OrderedDict[int, str] = OrderedDict()
        self._asked: dict[tuple[int, int], asyncio.Future[Any]] = {}

    async def guild(self, guild_id: int, *, most_s: float = REMEMBERED_S) -> discord.Guild:
        """A server; what is remembered of it, and of its channels, is no older than `most_s`.

        Raises:
            discord.HTTPException: it is no server, or the bot is not in it.
        """
        told = self._told(guild_id)
        if told is not None:
            return told
        known = self._known.get(guild_id)
        if known is not None and _now_s() - known.at_s < most_s:
            return known.guild
        return await self._once((guild_id, 0), lambda: self._ask_for(guild_id))

    async def channel(self, guild_id: int, channel_id: int, *, most_s: float = REMEMBERED_S) -> object:
        """A channel or thread of a server.

        Raises:
            discord.HTTPException: it is none, or the bot does not see it.
            discord.InvalidData: it is of a kind that is not known here, or in another server.
        """
        guild = await self.guild(guild_id, most_s=most_s)
        found = guild.get_channel_or_thread(channel_id)
        if found is not None and (guild is self._told(guild_id) or not isinstance(found, discord.Thread)):
            return found
        return await self._once((guild_id, channel_id), lambda: self.fetch_channel(guild, channel_id))

    async def fetch_channel(self, guild: discord.Guild, channel_id: int) -> object:
        """A channel or thread as Discord says that it is now.

        Raises:
            discord.HTTPException, discord.InvalidData: as `channel`.
        """
        channel = await guild.fetch_channel(channel_id)
        _keep(self._names, channel_id, channel.name)
        if self._told(guild.id) is guild:
            return channel
        if isinstance(channel, discord.Thread):
            if guild.get_channel(channel.parent_id) is None:
                await self.channel(guild.id, channel.parent_id)
        else:
            guild._add_channel(channel)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - as the gateway's would
        return channel

    def name_of(self, channel_id: int) -> str | None:
        """The name of a channel or thread, as far as it was heard of."""
        name = getattr(self._client.get_channel(channel_id), "name", None)
        return name if isinstance(name, str) else self._names.get(channel_id)

    async def names(self, guild_ids: Iterable[int]) -> dict[int, str]:
        """The names of servers; without those of which Discord says nothing at once."""

        async def name(guild_id: int) -> str | None:
            try:
                async with translated(), asyncio.timeout(_NAMED_WITHIN_S):
                    return (await self.guild(guild_id)).name
            except DeliveryFault:
                return None

        wanted = list(guild_ids)
        found = zip(wanted, await asyncio.gather(*map(name, wanted)), strict=True)
        return {guild_id: known for guild_id, known in found if known is not None}

    def _told(self, guild_id: int) -> discord.Guild | None:
        guild = self._client.get_guild(guild_id)
        if guild is None or not is_told_of(guild) or cast("discord.Member | None", guild.me) is None:
            return None
        return guild

    async def _ask_for(self, guild_id: int) -> discord.Guild:
        assert self._client.user is not None  # it is logged in
        guild = await self._client.fetch_guild(guild_id, with_counts=False)
        me = await guild.fetch_member(self._client.user.id)
        guild._add_member(me)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - as the gateway's would
        _keep(self._known, guild_id, _Known(guild, _now_s()))
        return guild

    async def _once(self, key: tuple[int, int], ask: Callable[[], Awaitable[Any]]) -> Any:
        """Ask, or wait for who is asking the same; where that one is stopped, another goes on asking."""
        while (asked := self._asked.get(key)) is not None:
            await asyncio.wait({asked})
            if not asked.cancelled():
                return asked.result()
        asked = self._asked[key] = asyncio.get_running_loop().create_future()
        try:
            answer = await ask()
        except BaseException as error:
            if isinstance(error, Exception):
                asked.set_exception(error)
                asked.exception()  # nobody else may be waiting for it
            raise
        else:
            asked.set_result(answer)
            return answer
        finally:
            del self._asked[key]
            asked.cancel()


def is_told_of(guild: discord.Guild) -> bool:
    """Whether Discord has told of a server, or was asked about it; before that nothing is known of its roles."""
    return guild.get_role(guild.id) is not None


def _keep(kept: OrderedDict[int, T], key: int, value: T) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > _MOST:
        kept.popitem(last=False)


def _now_s() -> float:
    return asyncio.get_running_loop().time()

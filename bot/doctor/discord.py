"""What the bot needs of Discord: a token, the intents, a clock that agrees."""

import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, cast

import aiohttp

from bot.domain.findings import Finding, doubt, fault, fine, number_of
from bot.settings import Settings, SettingsInvalid

_TIMEOUT = aiohttp.ClientTimeout(total=15)
_MOST_SKEW_S = 30.0
_CONTENT_FLAGS = (1 << 18) | (1 << 19)
"""Message content, as a verified bot and as one in few servers (Discord, application flags)."""

_AGENT = "DiscordBot (https://github.com/kinora, 0)"
_UNAUTHORIZED = 401


@dataclass(frozen=True, slots=True)
class _Said:
    status: int
    data: Any
    date: str | None


async def look(settings: Settings, session: aiohttp.ClientSession) -> list[Finding]:
    """Ask Discord who we are."""
    try:
        token = settings.token
    except SettingsInvalid:
        return []  # which was said
    try:
        async with _asking(session, settings.discord_api_url, token) as ask:
            return [found async for found in _of_discord(settings, ask)]
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        todo = "Check the network, or DISCORD_API_URL if it is set."
        return [fault("Discord", f"it cannot be reached ({type(error).__name__}).", todo)]


async def _of_discord(settings: Settings, ask: Callable[[str], Any]) -> AsyncGenerator[Finding]:
    said: _Said = await ask("/gateway")
    if (skew := _skew(said.date)) is not None:
        yield skew
    me: _Said = await ask("/applications/@me")
    if me.status == _UNAUTHORIZED:
        yield fault(
            "Discord", "it does not accept DISCORD_TOKEN.", "Copy the bot's token again (README, step 2)."
        )
        return
    about = _object(me.data)
    if me.status >= 400 or not about:  # noqa: PLR2004
        yield fault("Discord", f"it answers HTTP {me.status}.", "Try again; see https://discordstatus.com.")
        return
    servers = about.get("approximate_guild_count")
    where = f", in {number_of(servers, 'server')}" if isinstance(servers, int) else ""
    yield fine("Discord", f"signed in as {str(about.get('name'))[:40]}{where}.")
    yield _intents(settings, about)
    commands: _Said = await ask(f"/applications/{about.get('id')}/commands")
    count = _length(commands.data)
    yield (
        fine("Commands", f"{count} known to Discord.")
        if count
        else doubt("Commands", "Discord knows none yet; the bot tells it when it starts.")
    )


def _object(data: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", data) if isinstance(data, dict) else {}


def _length(listed: Any) -> int:
    return len(cast("list[Any]", listed)) if isinstance(listed, list) else 0


def _now_s() -> float:
    return time.time()


def _skew(date: str | None) -> Finding | None:
    """Interactions lapse after seconds, and vendors' signatures after minutes."""
    if date is None:
        return None
    try:
        away_s = _now_s() - parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None
    if abs(away_s) < _MOST_SKEW_S:
        return fine("Clock", "agrees with Discord's.")
    todo = "Set the clock, and let it be kept by NTP."
    way = "ahead of" if away_s > 0 else "behind"
    return fault("Clock", f"{abs(away_s):,.0f} s {way} Discord's.", todo)


def _intents(settings: Settings, about: Mapping[str, Any]) -> Finding:
    flags = about.get("flags")
    is_granted = bool(isinstance(flags, int) and flags & _CONTENT_FLAGS)
    if is_granted:
        return fine("Intents", "message content is granted.")
    where = "https://discord.com/developers/applications (Bot)"
    if settings.reads_messages:
        todo = f"Switch Message Content Intent on at {where}, or set MESSAGE_CONTENT_INTENT to auto."
        return fault("Intents", "MESSAGE_CONTENT_INTENT is true, but Discord does not grant it.", todo)
    if settings.reads_messages is None:
        return doubt(
            "Intents",
            "without message content: replies to pictures are not understood.",
            f"To change that: {where}.",
        )
    return fine("Intents", "message content is not wanted.")


@asynccontextmanager
async def _asking(
    session: aiohttp.ClientSession, base: str, token: str
) -> AsyncGenerator[Callable[[str], Any]]:
    async def ask(path: str) -> _Said:
        headers = {"Authorization": f"Bot {token}", "User-Agent": _AGENT}
        async with session.get(
            f"{base}{path}", headers=headers, timeout=_TIMEOUT, allow_redirects=False
        ) as reply:
            try:
                data = await reply.json(content_type=None)
            except ValueError:
                data = None
            return _Said(reply.status, data, reply.headers.get("Date"))

    yield ask

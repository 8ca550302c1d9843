"""`python -m bot doctor`: looks at everything that the bot needs, changes nothing and spends nothing.

The bot may be running meanwhile, or not.
"""

import asyncio
from collections.abc import AsyncGenerator

import aiohttp

from bot.clock import SystemClock
from bot.db import opening
from bot.doctor import discord, machine
from bot.domain.findings import Finding, Level, doubt, fault, fine
from bot.providers import accounts, registry
from bot.settings import Settings, SettingsInvalid

_TIMEOUT = aiohttp.ClientTimeout(total=15)


async def examine(settings: Settings) -> AsyncGenerator[Finding]:
    """One finding after the other, as they come."""
    is_running = await asyncio.to_thread(_is_running, settings)
    for found in await asyncio.to_thread(machine.look, settings):
        yield found
    yield machine.port(settings, is_running=is_running)
    async with registry.session() as session:
        for found in await discord.look(settings, session):
            yield found
        for found in await _providers(settings, session):
            yield found
        if settings.public_url is not None:
            yield await _way_back(settings.public_url, session, is_running=is_running)


def _is_running(settings: Settings) -> bool:
    try:
        return opening.is_owned(settings.database)
    except SettingsInvalid:
        return False


async def tell(settings: Settings) -> bool:
    """Print every finding; returns whether the bot could work."""
    could_work = True
    async for found in examine(settings):
        print(found, flush=True)  # noqa: T201 - the command's answer
        could_work &= found.level is not Level.FAULT
    return could_work


async def _providers(settings: Settings, session: aiohttp.ClientSession) -> list[Finding]:
    try:
        names = [name for name in settings.provider_order if name in registry.SIGN_INS]
    except SettingsInvalid:
        return []  # which was said
    wire = registry.Wire(session=session, now_ms=SystemClock().now_ms)
    return list(await asyncio.gather(*(_provider(name, settings, wire) for name in names)))


async def _provider(name: str, settings: Settings, wire: registry.Wire) -> Finding:
    try:
        standing = await accounts.ask(name, registry.account(name, settings, wire))
    except SettingsInvalid as error:
        return fault(name, str(error), "Correct it in .env.")
    if standing.trouble:
        return doubt(name, f"{standing.trouble}.", "Try again later, or check its base URL.")
    if standing.is_accepted is False:
        return fault(name, "it does not accept the key.", "Copy the key again into .env.")
    if standing.is_accepted is None:
        return doubt(name, "it is there; whether the key works, only a paid clip would tell.")
    if standing.is_empty:
        return doubt(name, f"the key works, but {standing.left} are left.", "Add credit to the account.")
    return fine(name, f"the key works; {standing.left or 'what is left is not told'}.")


async def _way_back(public_url: str, session: aiohttp.ClientSession, *, is_running: bool) -> Finding:
    if not is_running:
        return doubt(
            "PUBLIC_URL", "the bot does not run, so nobody answers there.", "Start it, and look again."
        )
    try:
        async with session.get(f"{public_url}/healthz", timeout=_TIMEOUT, allow_redirects=False) as reply:
            text = (await reply.content.read(100)).decode(errors="replace")
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        reason = type(error).__name__
    else:
        if (reply.status, text) == (200, "ok"):
            return fine("PUBLIC_URL", f"{public_url} leads back here.")
        reason = f"HTTP {reply.status}"
    todo = "Without it clips are noticed later, and links to originals lead nowhere: check the proxy."
    return doubt("PUBLIC_URL", f"{public_url} does not lead back here ({reason}).", todo)

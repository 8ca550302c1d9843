"""Discord's refusals of what the bot does by itself, turned into ours."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import aiohttp
import discord

from bot.domain.errors import (
    ClipTooLarge,
    DeliveryFault,
    DestinationForbidden,
    DestinationGone,
    DiscordUnavailable,
)

ALREADY_ACKNOWLEDGED = 40060
INVALID = 50035  # its body, such as a picture that the message has not
NOT_IN_ARCHIVED = 50083
NO_HISTORY = 160002  # a reply, where the channel's history may not be read
THREAD_EXISTS = 160004
CENSORED = {200000, 200001, 240000}  # by AutoMod: a message, a thread's name, a link

NOT_IN = {10004, 50001}
"""Unknown Guild, Missing Access (Discord, JSON Error Codes). Of a server, no other refusal says where the bot is."""

_TOO_LARGE = {40005, 50045}
_GONE = {10003, 10008, NOT_IN_ARCHIVED, 160005}  # unknown channel or message, archived, locked
_PASSING = {401, 408, 429}  # a token that is being replaced, a time-out, a rate limit


def is_passing(error: BaseException) -> bool:
    """Whether Discord was out of reach for a moment, and the same may go well a moment later."""
    if isinstance(error, discord.HTTPException):
        return error.status in _PASSING or error.status >= 500  # noqa: PLR2004 - the server's own faults
    return isinstance(error, (DiscordUnavailable, discord.RateLimited, aiohttp.ClientError, TimeoutError))


@asynccontextmanager
async def translated() -> AsyncGenerator[None]:
    """Discord's errors as ours. discord.py lets a dropped connection through as aiohttp's."""
    try:
        yield
    except discord.HTTPException as error:
        raise _fault(error) from error
    except (discord.RateLimited, aiohttp.ClientError, TimeoutError, OSError) as error:
        raise DiscordUnavailable from error
    except discord.InvalidData as error:  # a channel of a kind that came up later
        raise DestinationForbidden from error
    except RuntimeError as error:
        if str(error) != "Session is closed":  # what aiohttp says while the bot is ending
            raise
        raise DiscordUnavailable from error


def _fault(error: discord.HTTPException) -> DeliveryFault:
    if error.code in _TOO_LARGE or error.status == 413:  # noqa: PLR2004 - Payload Too Large
        return ClipTooLarge()
    if error.code in _GONE or isinstance(error, discord.NotFound):
        return DestinationGone(error.text or None)
    if error.status in _PASSING or error.status >= 500:  # noqa: PLR2004 - the server's own faults
        return DiscordUnavailable()
    return DestinationForbidden(error.text or None)

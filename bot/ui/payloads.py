"""What the gateway sends and discord.py cannot read: it is logged, and the next is read.

discord.py lets such a thing end the connection, and with it the bot.
"""

import json
import traceback
from collections.abc import Callable, MutableMapping
from functools import wraps
from pathlib import Path
from typing import Any, TypeAlias

import structlog
from discord.gateway import DiscordWebSocket

log = structlog.stdlib.get_logger(__name__)

Parsers: TypeAlias = MutableMapping[str, Callable[[Any], None]]
"""What discord.py does with each kind of event."""

_received = DiscordWebSocket.received_message


def outlive(parsers: Parsers) -> None:
    """Go on after whatever cannot be read. Without `READY` there is nothing to go on with: it may end the connection."""
    DiscordWebSocket.received_message = _received_or_not
    for kind in parsers.keys() - {"READY"}:
        parsers[kind] = _outlived(kind, parsers[kind])


async def _received_or_not(self: DiscordWebSocket, msg: Any, /) -> None:
    try:
        await _received(self, msg)
    except json.JSONDecodeError as error:  # orjson's is one too
        log.error("gateway sent what is no JSON", reason=error.msg)  # noqa: TRY400 - the rest would quote it


def _outlived(kind: str, parse: Callable[[Any], None]) -> Callable[[Any], None]:
    @wraps(parse)
    def parsed(data: Any) -> None:
        try:
            parse(data)
        except Exception as error:  # noqa: BLE001 - whatever is new about an event
            where = traceback.extract_tb(error.__traceback__)[-1]
            at = f"{Path(where.filename).name}:{where.lineno}"
            log.error("event not understood", kind=kind, fault=type(error).__name__, at=at)  # noqa: TRY400 - as above

    return parsed

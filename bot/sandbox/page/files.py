"""Uploads that wait to be used."""

import asyncio
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from bot.sandbox.model.attachments import File
from bot.sandbox.refusals import ClientRefused

_LIFE_S = 60.0
_MAX_BYTES = 256 << 20
_MAX_FILES = 200


@dataclass(frozen=True, slots=True)
class _Kept:
    user_id: int
    file: File
    lapse: asyncio.TimerHandle


class Tickets:
    """Files by ticket, each for a minute and one use; bounded in number and size together."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}
        self._bytes = 0

    def keep(self, user_id: int, file: File) -> str:
        """Take in a file; the ticket for it.

        Raises:
            ClientRefused: too much waits already.
        """
        if len(self._kept) >= _MAX_FILES or self._bytes + file.size > _MAX_BYTES:
            raise ClientRefused("Too many files wait to be used. Try it again in a minute.")
        ticket = secrets.token_urlsafe(16)
        lapse = asyncio.get_running_loop().call_later(_LIFE_S, self._drop, ticket)
        self._kept[ticket] = _Kept(user_id, file, lapse)
        self._bytes += file.size
        return ticket

    def file(self, user_id: int, ticket: object) -> File:
        """The file that a ticket stands for.

        Raises:
            ClientRefused: the ticket is another's, was used, or has lapsed.
        """
        kept = self._kept.get(ticket) if isinstance(ticket, str) else None
        if kept is None or kept.user_id != user_id:
            raise ClientRefused("A file is no longer there. Add it once more.")
        return kept.file

    def use(self, tickets: Iterable[str]) -> None:
        """Forget what was used."""
        for ticket in tickets:
            self._drop(ticket)

    def clear(self) -> None:
        """Forget all of them."""
        self.use(list(self._kept))

    def _drop(self, ticket: str) -> None:
        kept = self._kept.pop(ticket, None)
        if kept:
            kept.lapse.cancel()
            self._bytes -= kept.file.size

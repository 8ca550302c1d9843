"""One window of the page: who looks, at what, and what waits to be sent to it."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress

from aiohttp import web

from bot.sandbox.driver.person import Person
from bot.sandbox.model.channels import Channel
from bot.sandbox.model.interactions import Interaction
from bot.sandbox.page import protocol
from bot.sandbox.page.backstage import Backstage
from bot.sandbox.page.files import Tickets
from bot.sandbox.page.views import View

_MAX_WAITING_CHARS = 8 << 20
_MAX_WAITING_TEXTS = 5000
_GOING_AWAY = 1001


class Outbox:
    """Texts on their way to a window. Whoever sends never waits; a window that reads too slowly is cut off."""

    def __init__(self, socket: web.WebSocketResponse, cut: Callable[[], None]) -> None:
        self._socket = socket
        self._cut = cut
        self._waiting: list[str] = []
        self._chars = 0
        self._is_cut = self._is_ending = False
        self._filled = asyncio.Event()

    def send(self, text: str) -> None:
        """Send one answer or event."""
        if self._is_cut:
            return
        self._waiting.append(text)
        self._chars += len(text)
        if self._chars > _MAX_WAITING_CHARS or len(self._waiting) > _MAX_WAITING_TEXTS:
            self._is_cut = True
            self._waiting.clear()
            self._cut()
        self._filled.set()

    def end(self) -> None:
        """Close the connection after what was sent before."""
        self._is_ending = True
        self._filled.set()

    async def write(self) -> None:
        """Send what waits, all of it in one text, until the connection ends."""
        with suppress(ConnectionError):  # the window is gone, which its reader finds out too
            while not self._socket.closed:
                await self._filled.wait()
                self._filled.clear()
                await self._flush()
                if self._is_ending:
                    await self._socket.close(code=_GOING_AWAY)

    async def _flush(self) -> None:
        texts, self._waiting, self._chars = self._waiting, [], 0
        if len(texts) == 1:
            await self._socket.send_str(texts[0])
        elif texts:
            await self._socket.send_str(f"[{','.join(texts)}]")


class Modals:
    """The modals that are open somewhere, by the interaction that opened them; beyond a bound the oldest are forgotten."""

    _MAX = 1000

    def __init__(self) -> None:
        self._open: OrderedDict[int, Interaction] = OrderedDict()
        self._sent: OrderedDict[int, Interaction] = OrderedDict()
        """By the interaction that sent them off, until that is answered."""

    def open(self, opener: Interaction) -> None:
        """Keep one."""
        self._keep(self._open, opener.id, opener)

    def get(self, opener_id: int) -> Interaction | None:
        """The one that this interaction opened."""
        return self._open.get(opener_id)

    def send_off(self, opener: Interaction, submission: Interaction) -> None:
        """Close one for as long as the bot may answer."""
        self._open.pop(opener.id, None)
        self._keep(self._sent, submission.id, opener)

    def settle(self, submission: Interaction, *, has_failed: bool) -> None:
        """Open one again that was sent off in vain."""
        opener = self._sent.pop(submission.id, None)
        if opener and has_failed:
            self.open(opener)

    def _keep(self, kept: OrderedDict[int, Interaction], number: int, opener: Interaction) -> None:
        kept[number] = opener
        if len(kept) > self._MAX:
            kept.popitem(last=False)


class Window:
    """A window that is open."""

    def __init__(
        self, view: View, outbox: Outbox, *, tickets: Tickets, modals: Modals, backstage: Backstage
    ) -> None:
        self.view = view
        self.tickets = tickets
        self.modals = modals
        self.backstage = backstage
        self.started: set[int] = set()
        """The interactions that began in this window and are not answered; a modal opens where it was asked for."""
        self._outbox = outbox
        self._known: set[int] = set()
        self._end_watch: Callable[[], None] | None = None
        self._tells_backstage = False

    @property
    def person(self) -> Person:
        """Who looks."""
        return self.view.person

    def send(self, text: str) -> None:
        """Send one answer or event."""
        self._outbox.send(text)

    def tell(self, name: str, **fields: object) -> None:
        """Send an event."""
        self.send(protocol.event(name, **fields))

    def greet(self) -> None:
        """Say hello."""
        self.tell("hello", **self.view.hello(self._look_around()), backstage=self.backstage.describe())

    def tell_guild(self) -> None:
        """Say what is different since roles, members or limits have changed."""
        self.tell("guild", **self.view.guild_facts(self._look_around()))

    def _look_around(self) -> list[Channel]:
        seen = list(self.view.channels())
        self._known = {channel.id for channel in seen}
        return seen

    def tell_channel(self, channel: Channel) -> None:
        """Say what a channel is like now, or that it is no longer seen; nothing of one that never was."""
        if self.view.sees(channel):
            self._known.add(channel.id)
            self.tell("channel", channel=self.view.channel(channel))
        elif channel.id in self._known:
            self._known.discard(channel.id)
            self.tell("channel_delete", channel=str(channel.id))

    def watch(self) -> None:
        """Tell of what goes on backstage from now on."""
        if self._end_watch is None:
            self._end_watch = self.backstage.watch(self._backstage_changed)

    def look_away(self) -> None:
        """Tell of the backstage no more."""
        if self._end_watch:
            self._end_watch()
            self._end_watch = None

    def _backstage_changed(self) -> None:
        if not self._tells_backstage:
            self._tells_backstage = True
            asyncio.get_running_loop().call_soon(self._tell_backstage)

    def _tell_backstage(self) -> None:
        self._tells_backstage = False
        if self._end_watch:
            self.tell("backstage", backstage=self.backstage.describe())

    def end(self) -> None:
        """Say that the sandbox ends, and close."""
        self.tell("restart")
        self._outbox.end()

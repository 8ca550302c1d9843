"""Everybody who looks at the page, and what they are told when something changes.

While nobody looks nothing is noticed. What changes is noted and told once a turn of the event loop, however often it
has changed in it: a message is written once for all who see it.
"""

import asyncio
import logging
from functools import singledispatchmethod
from typing import TYPE_CHECKING

from bot.sandbox.model.applications import Application
from bot.sandbox.model.channels import Channel
from bot.sandbox.model.guilds import Guild
from bot.sandbox.model.interactions import Interaction
from bot.sandbox.model.messages import Message
from bot.sandbox.page.dealings import Dealings, State
from bot.sandbox.page.views import Rendered, application
from bot.sandbox.page.window import Modals, Window
from bot.sandbox.world import World

if TYPE_CHECKING:
    from bot.sandbox.wire import Json

_log = logging.getLogger(__name__)


class Audience:
    """The windows that are open."""

    def __init__(self, world: World, modals: Modals) -> None:
        self._world = world
        self._modals = modals
        self._windows: set[Window] = set()
        self._news: dict[object, bool] = {}
        self._dealings = Dealings(self._tell_interaction)
        self._revisions: dict[Application, int] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def enter(self, window: Window) -> None:
        """Tell a window from now on."""
        if not self._windows:
            self._loop = asyncio.get_running_loop()
            self._world.hub.observers.append(self._notice)
            self._revisions = {app: app.revision for app in self._world.apps.values()}
        self._windows.add(window)

    def leave(self, window: Window) -> None:
        """Tell a window no more."""
        self._windows.discard(window)
        if not self._windows:
            self._world.hub.observers.remove(self._notice)
            self._news.clear()
            self._dealings.clear()

    def end(self) -> None:
        """Send everybody away."""
        for window in self._windows:
            window.end()

    def _notice(self, thing: object, is_new: bool) -> None:  # noqa: FBT001 - as the hub calls it
        assert self._loop is not None
        if isinstance(thing, Interaction) and is_new:
            self._dealings.begun(thing, self._loop)
            return
        if not self._news:
            self._loop.call_soon(self._tell)
        self._news[thing] = self._news.get(thing, False) or is_new

    def _tell(self) -> None:
        news, self._news = self._news, {}
        for thing, is_new in news.items():
            try:
                self._tell_of(thing, is_new=is_new)
            except Exception:  # noqa: BLE001 - what else there is to tell is told
                _log.exception("The page was not told of a %s.", type(thing).__name__)

    @singledispatchmethod
    def _tell_of(self, thing: object, *, is_new: bool) -> None:
        raise TypeError(f"Nobody knows what to tell of {thing!r}, be it new ({is_new}) or not.")

    @_tell_of.register
    def _(self, message: Message, *, is_new: bool) -> None:
        channel = self._world.hub.channels.get(message.channel_id)
        if channel is None:
            return
        seers = [window for window in self._windows if window.view.sees_message(channel, message)]
        if not seers:
            return
        if message.is_deleted or (message.ephemeral_to and not channel.whispers.get(message.id)):
            for window in seers:
                window.tell("message_delete", channel=str(channel.id), message=str(message.id))
            return
        rendered, name = Rendered(message), "message" if is_new else "message_update"
        for window in seers:
            body = rendered(window.view.marks(channel, message))
            window.send(f'{{"on":"{name}","message":{body}}}')

    @_tell_of.register
    def _(self, interaction: Interaction, *, is_new: bool) -> None:
        del is_new
        self._dealings.look(interaction)

    @_tell_of.register
    def _(self, channel: Channel, *, is_new: bool) -> None:
        del is_new
        for window in self._windows:
            window.tell_channel(channel)

    @_tell_of.register
    def _(self, guild: Guild, *, is_new: bool) -> None:
        del is_new
        for window in self._windows:
            if window.view.guild is guild:
                window.tell_guild()

    @_tell_of.register
    def _(self, app: Application, *, is_new: bool) -> None:
        del is_new
        windows = [window for window in self._windows if app.user.id in window.view.guild.members]
        if self._revisions.get(app) != app.revision:
            self._revisions[app] = app.revision
            revision = sum(known.revision for known in self._world.apps.values())
            for window in windows:
                window.tell("commands", revision=revision)
        for window in windows:
            window.tell("application", application=application(app))

    def _tell_interaction(self, interaction: Interaction, state: State) -> None:
        about: Json = {
            "interaction": str(interaction.id),
            "state": state,
            "channel": str(interaction.channel.id),
        }
        if interaction.original:
            about["message"] = str(interaction.original.id)
        if "custom_id" in interaction.data:
            about["custom_id"] = interaction.data["custom_id"]
        windows = [window for window in self._windows if _concerns(interaction, window)]
        for window in windows:
            window.tell("interaction", **about)
        if interaction.modal is not None:
            self._modals.open(interaction)
            for window in [each for each in windows if interaction.id in each.started] or windows:
                window.tell("modal", interaction=str(interaction.id), modal=interaction.modal)
        if state is not State.THINKING:
            self._modals.settle(interaction, has_failed=state is State.FAILED)
            for window in windows:
                window.started.discard(interaction.id)


def _concerns(interaction: Interaction, window: Window) -> bool:
    return window.person.user is interaction.user and interaction.guild in {None, window.view.guild}

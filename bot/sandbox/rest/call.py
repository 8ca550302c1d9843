"""A request to the API, decoded: what handlers get and what tests see."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from bot.sandbox.model.applications import Application
from bot.sandbox.model.attachments import File
from bot.sandbox.model.channels import Channel
from bot.sandbox.model.guilds import Guild
from bot.sandbox.model.messages import Message, Viewer
from bot.sandbox.refusals import Refusal
from bot.sandbox.wire import Json, as_object
from bot.sandbox.world import World


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came with a request; its bytes are with the message."""

    filename: str
    size: int


@dataclass(frozen=True, slots=True)
class Request:
    """A request as observers see it; `status` is 0 when the connection was cut."""

    method: str
    route: str
    path: str
    body: object
    files: tuple[Upload, ...]
    status: int
    at: float


@dataclass(frozen=True, slots=True)
class Call:
    """A request as a handler sees it."""

    world: World
    app: Application | None
    params: Mapping[str, str]
    query: Mapping[str, str]
    payload: object
    uploads: Mapping[int, File]

    @property
    def bot(self) -> Application:
        """The application that asks.

        Raises:
            Refusal: there is no valid token in the request.
        """
        if self.app is None:
            raise Refusal(40001)
        return self.app

    @property
    def body(self) -> Json:
        """The JSON object that was sent."""
        return as_object(self.payload)

    @property
    def viewer(self) -> Viewer:
        """How the bot sees messages."""
        return self.world.viewer(self.bot)

    def id(self, name: str) -> int:
        """An id in the path.

        Raises:
            Refusal: it is not a number.
        """
        value = self.params[name]
        if not value.isascii() or not value.isdigit():
            raise Refusal(50035, [f"{name}: Value {value!r} is not snowflake."])
        return int(value)

    def number(self, name: str) -> int | None:
        """A number in the query."""
        value = self.query.get(name)
        if value is None:
            return None
        if not value.isascii() or not value.isdigit():
            raise Refusal(50035, [f"{name}: Value {value!r} is not a number."])
        return int(value)

    def channel(self) -> Channel:
        """The channel in the path, if the bot sees it."""
        found = self.world.channel(self.id("channel_id"))
        self.world.demand(self.bot.user, found)
        return found

    def message(self, channel: Channel) -> Message:
        """The message in the path."""
        found = channel.history.get(self.id("message_id"))
        if found is None:
            raise Refusal(10008)
        return found

    def guild(self) -> Guild:
        """The guild in the path, if the bot is in it."""
        found = self.world.guilds.get(self.id("guild_id"))
        if found is None or self.bot.user.id not in found.members:
            raise Refusal(10004 if found is None else 50001)
        return found


Handler: TypeAlias = Callable[[Call], object]
"""Acts at once and returns the answer's JSON; None stands for 204."""

Routes: TypeAlias = Mapping[tuple[str, str], Handler]

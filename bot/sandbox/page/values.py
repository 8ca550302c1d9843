"""What a person has filled in, from JSON into what the driver takes: files for tickets, people and places for ids."""

from collections.abc import Mapping
from enum import Enum, auto
from typing import cast

from bot.sandbox.driver import access
from bot.sandbox.driver.forms import Modal
from bot.sandbox.driver.pressing import Picked
from bot.sandbox.model.applications import SLASH
from bot.sandbox.model.attachments import File
from bot.sandbox.model.channels import Channel
from bot.sandbox.model.components import SELECTS, walk
from bot.sandbox.model.messages import Message
from bot.sandbox.model.people import Member, Role, User
from bot.sandbox.page.files import Tickets
from bot.sandbox.page.protocol import as_identifier
from bot.sandbox.page.views import View
from bot.sandbox.refusals import ClientRefused
from bot.sandbox.wire import as_objects


class _Means(Enum):
    """What a text stands for."""

    FILE = auto()
    USER = auto()
    ROLE = auto()
    MENTIONABLE = auto()
    CHANNEL = auto()


_OPTIONS = {
    6: _Means.USER,
    7: _Means.CHANNEL,
    8: _Means.ROLE,
    9: _Means.MENTIONABLE,
    11: _Means.FILE,
}
_COMPONENTS = {
    5: _Means.USER,
    6: _Means.ROLE,
    7: _Means.MENTIONABLE,
    8: _Means.CHANNEL,
    19: _Means.FILE,
}
_MAX_NUMBER = 2**53


class Values:
    """Reads the values of one form. The tickets that it has met are to be used up once the form was taken."""

    def __init__(self, view: View, tickets: Tickets) -> None:
        self._view = view
        self._tickets = tickets
        self.met: list[str] = []

    def options(self, channel: Channel, path: list[str], given: Mapping[str, object]) -> dict[str, object]:
        """The options of a slash command, by its whole name.

        Raises:
            ClientRefused: there is no such command here, or an option stands for nothing.
        """
        kinds = self._kinds(channel, path)
        return {name: self._read(_OPTIONS.get(kinds.get(name, 0)), value) for name, value in given.items()}

    def options_so_far(
        self, channel: Channel, path: list[str], given: Mapping[str, object]
    ) -> dict[str, object]:
        """The same while a command is being typed, when files are not sent along."""
        kinds = self._kinds(channel, path)
        files = {name for name, kind in kinds.items() if _OPTIONS.get(kind) is _Means.FILE}
        return self.options(channel, path, {name: given[name] for name in given.keys() - files})

    def _kinds(self, channel: Channel, path: list[str]) -> dict[str, int]:
        view = self._view
        _, command = access.find(view.world, view.person.id, channel, SLASH, path[0])
        specs = as_objects(command.body.get("options"))
        for name in path[1:]:
            found = next((spec for spec in specs if spec["name"] == name), None)
            specs = as_objects(found.get("options")) if found else []
        return {spec["name"]: spec["type"] for spec in specs}

    def picked(self, message: Message, custom_id: str, given: list[str]) -> list[Picked]:
        """What was picked from a select of a message."""
        selects = (found for found in walk(message.components) if found["type"] in SELECTS)
        kind = next((found["type"] for found in selects if found["custom_id"] == custom_id), 0)
        meant = _COMPONENTS.get(kind)
        return [self._entity(meant, value) if meant else value for value in given]

    def fields(self, modal: Modal, given: Mapping[str, object]) -> dict[str, object]:
        """The fields of a modal."""
        kinds = {field.custom_id: field.type for field in modal.fields}
        return {name: self._field(kinds.get(name, 0), value) for name, value in given.items()}

    def _field(self, kind: int, value: object) -> object:
        meant = _COMPONENTS.get(kind)
        if isinstance(value, list):
            return [self._read(meant, entry) for entry in cast("list[object]", value)]
        return self._read(meant, value)

    def _read(self, meant: _Means | None, value: object) -> object:
        if value is None:
            return None
        if meant is _Means.FILE:
            return self._file(value)
        return self._entity(meant, value) if meant else plain(value)

    def _file(self, ticket: object) -> File:
        found = self._tickets.file(self._view.person.id, ticket)
        self.met.append(str(ticket))
        return found

    def files(self, tickets: list[str]) -> list[File]:
        """The files that come with a message."""
        return [self._file(ticket) for ticket in tickets]

    def _entity(self, meant: _Means, value: object) -> Member | User | Role | Channel:
        identifier = as_identifier(value)
        found = None if identifier is None else self._named(meant, identifier)
        if found is None:
            raise ClientRefused(f"There is no {meant.name.lower()} {str(value)[:40]} here.")
        return found

    def _named(self, meant: _Means, identifier: int) -> Member | User | Role | Channel | None:
        view, guild = self._view, self._view.guild
        person = guild.members.get(identifier) or view.world.users.get(identifier)
        match meant:
            case _Means.USER:
                return person
            case _Means.ROLE:
                return guild.roles.get(identifier)
            case _Means.MENTIONABLE:
                return person or guild.roles.get(identifier)
            case _:
                channel = view.world.hub.channels.get(identifier)
                return channel if channel and view.sees(channel) else None


def plain(value: object) -> object:
    """A value that stands for itself.

    Raises:
        ClientRefused: it is a number that not every JSON reader can read.
    """
    if isinstance(value, int | float) and not abs(value) <= _MAX_NUMBER:  # infinity is not, either
        raise ClientRefused("A number is too large.")
    return value

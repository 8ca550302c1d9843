"""Slash options: found by the registered command, checked and typed as the client does it."""

from collections.abc import Mapping
from typing import Any, Final

from bot.sandbox.driver.resolving import Resolved
from bot.sandbox.model.applications import Command
from bot.sandbox.model.attachments import File
from bot.sandbox.model.channels import Channel
from bot.sandbox.model.people import Member, Role, User
from bot.sandbox.refusals import ClientRefused
from bot.sandbox.wire import Json, as_objects

_SUB, _GROUP = 1, 2
_STRING, _INTEGER, _BOOLEAN, _USER, _CHANNEL, _ROLE, _MENTIONABLE, _NUMBER, _FILE = range(3, 12)
_MAX_STRING = 6000
_CLASSES: Final[dict[int, tuple[type, ...]]] = {
    _STRING: (str,),
    _INTEGER: (int,),
    _BOOLEAN: (bool,),
    _USER: (User, Member),
    _CHANNEL: (Channel,),
    _ROLE: (Role,),
    _MENTIONABLE: (User, Member, Role),
    _NUMBER: (int, float),
    _FILE: (File,),
}


class Form:
    """The options of one (sub-)command, filled in."""

    def __init__(self, command: Command, path: list[str], resolved: Resolved, user_id: int) -> None:
        self._command = command
        self._resolved = resolved
        self._user_id = user_id
        self._path: list[Json] = []
        self._specs = as_objects(command.body.get("options"))
        for name in path:
            self._enter(name)
        if any(spec["type"] in {_SUB, _GROUP} for spec in self._specs):
            raise ClientRefused(
                f"/{self.name} needs a sub-command: {', '.join(s['name'] for s in self._specs)}."
            )

    @property
    def name(self) -> str:
        """The whole name as it is typed."""
        return " ".join([self._command.name, *(spec["name"] for spec in self._path)])

    def _enter(self, name: str) -> None:
        found = next((s for s in self._specs if s["name"] == name and s["type"] in {_SUB, _GROUP}), None)
        if found is None:
            raise ClientRefused(f"/{self.name} has no sub-command {name}.")
        self._path.append(found)
        self._specs = as_objects(found.get("options"))

    def fill(self, values: Mapping[str, object]) -> list[Json]:
        """The payload of the options.

        Raises:
            ClientRefused: an option is missing, unknown, or has a value that cannot be entered.
        """
        self._knows(values)
        for spec in self._specs:
            if spec.get("required") and values.get(spec["name"]) is None:
                raise ClientRefused(f"/{self.name} needs the option {spec['name']}.")
        given = [spec for spec in self._specs if values.get(spec["name"]) is not None]
        return self._nested([self._entry(spec, values[spec["name"]]) for spec in given])

    def fill_partly(self, values: Mapping[str, object], focused: str, typed: object) -> list[Json]:
        """The payload while `focused` is being typed.

        Raises:
            ClientRefused: the option offers no suggestions.
        """
        self._knows({**values, focused: typed})
        entries: list[Json] = []
        for spec in self._specs:
            name = spec["name"]
            if name == focused:
                if not spec.get("autocomplete"):
                    raise ClientRefused(f"/{self.name} offers no suggestions for {name}.")
                entries.append({"name": name, "type": spec["type"], "value": typed, "focused": True})
            elif values.get(name) is not None:
                entries.append(self._entry(spec, values[name]))
        return self._nested(entries)

    def _knows(self, values: Mapping[str, object]) -> None:
        unknown = values.keys() - {spec["name"] for spec in self._specs}
        if unknown:
            raise ClientRefused(f"/{self.name} has no option {', '.join(sorted(unknown))}.")

    def _nested(self, entries: list[Json]) -> list[Json]:
        for spec in reversed(self._path):
            entries = [{"name": spec["name"], "type": spec["type"], "options": entries}]
        return entries

    def _entry(self, spec: Json, value: object) -> Json:
        kind = spec["type"]
        is_truth = isinstance(value, bool) and kind != _BOOLEAN
        if is_truth or not isinstance(value, _CLASSES[kind]):
            raise ClientRefused(f"{spec['name']} of /{self.name} cannot be {value!r}.")
        return {"name": spec["name"], "type": kind, "value": self._value(spec, value)}

    def _value(self, spec: Json, value: Any) -> object:
        kind, resolved = spec["type"], self._resolved
        if kind == _FILE:
            return resolved.upload(value)
        if isinstance(value, Role):
            return resolved.role(value)
        if isinstance(value, Channel):
            return self._channel(spec, value)
        if isinstance(value, User | Member):
            return resolved.user(value)
        return _chosen(spec, value) if spec.get("choices") else _bounded(spec, value)

    def _channel(self, spec: Json, channel: Channel) -> str:
        kinds = spec.get("channel_types")
        if kinds and int(channel.kind) not in kinds:
            raise ClientRefused(f"{spec['name']} cannot be a channel of the kind {channel.kind.name}.")
        return self._resolved.channel(channel, self._user_id)


def _chosen(spec: Json, value: object) -> object:
    choices = as_objects(spec["choices"])
    found = next((choice for choice in choices if value in (choice["value"], choice["name"])), None)
    if found is None:
        offered = ", ".join(str(choice["name"]) for choice in choices)
        raise ClientRefused(f"{spec['name']} offers {offered}; not {value!r}.")
    return found["value"]


def _bounded(spec: Json, value: Any) -> object:
    is_text = spec["type"] == _STRING
    if spec["type"] == _BOOLEAN:
        return value
    suffix = "length" if is_text else "value"
    size = len(value) if is_text else value
    low, high = spec.get(f"min_{suffix}"), spec.get(f"max_{suffix}", _MAX_STRING if is_text else None)
    if (low is not None and size < low) or (high is not None and size > high):
        raise ClientRefused(f"{spec['name']} must be from {low} to {high}; {size} is not.")
    return value

"""What goes on behind the scenes: switches for what may go wrong, and tables of what came of it.

A `Backstage` is made of parts. Discord's own faults are one of them (`bot.sandbox.page.faults`); whoever runs a bot
against the sandbox adds others. The page shows all of it in a drawer (`backstage`, `set` and the event in
`bot.sandbox.page.protocol`). While somebody watches, the event brings what `describe` says whenever that has changed:

    {"groups": [{"title": "Discord", "switches": [switch, ...]}, ...],
     "status": [{"text": "The bot is up.", "is_good": true}, ...],
     "promises": [{"text": "No clip was charged twice.", "is_good": true}, ...],
     "tables": [{"name": "bill", "title": "...", "empty": "...", "columns": ["Job", ...], "rows": [[cell, ...], ...]}]}

    switch  {"name": "discord.api", "label": "...", "promise": "...", "kind": "toggle" | "choice" | "press",
             "value": true | "fine" | null, "choices": [{"value": "fine", "label": "..."}], "acts_on_thread": false}
    cell    a text, a number, or {"at_ms": 1795000000000}

A press takes no value, or the id of the thread that is open where it acts on one.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Protocol, TypeAlias

from bot.sandbox.refusals import ClientRefused
from bot.sandbox.wire import Json

Cell: TypeAlias = str | int | Json


class Kind(StrEnum):
    """How a switch is used."""

    TOGGLE = "toggle"
    CHOICE = "choice"
    PRESS = "press"  # it has no state


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the positions of a switch."""

    value: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """Something that may go wrong, and what the bot promises then."""

    name: str
    label: str
    promise: str
    """One plain sentence."""
    value: bool | str | None = None
    """None where there is nothing to be but pressed."""
    choices: tuple[Choice, ...] = ()
    acts_on_thread: bool = False

    @property
    def kind(self) -> Kind:
        """How it is used."""
        if self.choices:
            return Kind.CHOICE
        return Kind.PRESS if self.value is None else Kind.TOGGLE

    def payload(self) -> Json:
        """The switch as the page gets it."""
        return {**asdict(self), "kind": self.kind.value}

    def ensure_takes(self, value: object) -> None:
        """Whether it can be turned to that.

        Raises:
            ClientRefused: it cannot.
        """
        match self.kind:
            case Kind.TOGGLE if not isinstance(value, bool):
                raise ClientRefused(f"“{self.label}” is on or off.")
            case Kind.CHOICE if value not in [choice.value for choice in self.choices]:
                raise ClientRefused(f"“{self.label}” has no such choice.")
            case Kind.PRESS if self.acts_on_thread and not _is_id(value):
                raise ClientRefused("Open a thread first: this acts on the thread that is open.")
            case _:
                pass


@dataclass(frozen=True, slots=True)
class Group:
    """Switches that belong together."""

    title: str
    switches: tuple[Switch, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """Something that is as it should be, or is not."""

    text: str
    is_good: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows to read; times are cells of the form `{"at_ms": milliseconds since 1970}`."""

    name: str
    title: str
    empty: str
    """What is said where there are no rows."""
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Description:
    """What a part shows."""

    groups: tuple[Group, ...] = ()
    status: tuple[Line, ...] = ()
    promises: tuple[Line, ...] = ()
    tables: tuple[Table, ...] = ()


class Part(Protocol):
    """Some switches, and what is told beside them."""

    def describe(self) -> Description:
        """What there is at this moment; must not wait."""
        ...

    async def set(self, switch: str, value: object) -> None:
        """Turn a switch of its own, to a value that the switch takes.

        Raises:
            ClientRefused, Refusal: it cannot be turned now.
        """
        ...


class Backstage:
    """All parts together, and those who watch."""

    def __init__(self, *parts: Part) -> None:
        self._parts = list(parts)
        self._watchers: list[Callable[[], None]] = []
        self.on_watch: list[Callable[[], None]] = []
        """Called when somebody begins to watch, or the last one has ceased to."""

    def add(self, part: Part) -> None:
        """Add a part."""
        self._parts.append(part)
        self.changed()

    @property
    def is_watched(self) -> bool:
        """Whether anybody looks."""
        return bool(self._watchers)

    def describe(self) -> Json:
        """All there is, as the page gets it."""
        said = [part.describe() for part in self._parts]
        return {
            "groups": [_group(group) for one in said for group in one.groups],
            "status": [asdict(line) for one in said for line in one.status],
            "promises": [asdict(line) for one in said for line in one.promises],
            "tables": [asdict(table) for one in said for table in one.tables],
        }

    async def set(self, switch: str, value: object) -> None:
        """Turn a switch.

        Raises:
            ClientRefused, Refusal: there is none of this name, or it cannot be turned so.
        """
        for part in self._parts:
            for group in part.describe().groups:
                for known in group.switches:
                    if known.name == switch:
                        known.ensure_takes(value)
                        await part.set(switch, value)
                        self.changed()
                        return
        raise ClientRefused("There is no such switch.")

    def watch(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Have `changed` called whenever `describe` says something new; the function that is returned ends it."""
        self._watchers.append(changed)
        self._tell_of_watchers()

        def end() -> None:
            if changed in self._watchers:
                self._watchers.remove(changed)
                self._tell_of_watchers()

        return end

    def changed(self) -> None:
        """Let everybody who watches look again."""
        for watcher in list(self._watchers):
            watcher()

    def _tell_of_watchers(self) -> None:
        for told in self.on_watch:
            told()


def _group(group: Group) -> Json:
    return {"title": group.title, "switches": [switch.payload() for switch in group.switches]}


def _is_id(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20  # noqa: PLR2004 - of 64 bits

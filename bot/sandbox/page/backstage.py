"""What goes on behind the scenes: switches for what may go wrong, and tables of what came of it.

A `Backstage` is made of parts. Discord's own faults are one of them and stand here; whoever runs a bot against the
sandbox adds others. The page shows all of it in a drawer (`backstage`, `set` and the event in
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

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Protocol, TypeAlias

from bot.sandbox.actions import threads
from bot.sandbox.faults import Action, Answer, Drop, Faults
from bot.sandbox.gateway.serving import Gateway
from bot.sandbox.model.channels import Channel
from bot.sandbox.model.guilds import MIB, Guild
from bot.sandbox.refusals import ClientRefused
from bot.sandbox.wire import Json
from bot.sandbox.world import World

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


_SOME = 5
_SMALL_BYTES = MIB
_FINE = "fine"


@dataclass(frozen=True, slots=True)
class _Mood:
    """A way in which Discord's API may be out of order."""

    label: str
    action: Action | None = None
    times: int | None = None
    """None until it is switched off."""


_MOODS = {
    _FINE: _Mood("Works"),
    "some_503": _Mood(f"Answers 503 to the next {_SOME} requests", Answer(503), _SOME),
    "503": _Mood("Answers 503 to everything", Answer(503)),
    "drop_before": _Mood("Hangs up before anything happens", Drop()),
    "drop_after": _Mood("Does what it is asked, then hangs up", Drop(after_effect=True)),
}
_FILES = "/cdn"
"""Pictures on the page come from there as well."""


@dataclass(eq=False)
class DiscordFaults:
    """What may go wrong with Discord itself. It is the weather that `Faults` asks about."""

    world: World
    faults: Faults
    gateway: Gateway
    changed: Callable[[], None] = lambda: None
    _mood: str = _FINE
    _left: int | None = None
    _limits: dict[int, int] = field(default_factory=dict[int, int])
    """What files might have before the limit was lowered, by guild."""

    def describe(self) -> Description:
        """Its switches."""
        return Description((Group("Discord", (*self._of_the_api(), *self._of_the_thread())),))

    async def set(self, switch: str, value: object) -> None:
        """Turn one of them.

        Raises:
            ClientRefused, Refusal: there is no such thread any more, or it is archived.
        """
        match switch:
            case "discord.api":
                self._be(str(value))
            case "discord.gateway":
                self.gateway.cut()
            case "discord.small_files":
                self._limit_files(is_small=bool(value))
            case _:
                self._change_thread(switch, self._thread(str(value)))

    def _of_the_api(self) -> Sequence[Switch]:
        is_ours = self.faults.weather == self._weather
        return (
            Switch(
                name="discord.api",
                label="Discord's API",
                promise="The bot tries again, loses nothing that it has confirmed, and posts nothing twice.",
                value=self._mood if is_ours else _FINE,
                choices=tuple(Choice(name, mood.label) for name, mood in _MOODS.items()),
            ),
            Switch(
                name="discord.gateway",
                label="Break the connection to the gateway",
                promise="The bot comes back by itself and hears what it has missed.",
            ),
            Switch(
                name="discord.small_files",
                label="Files may have 1 MB at most",
                promise="A clip that is too large is made smaller, and its original is kept.",
                value=bool(self._limits),
            ),
        )

    def _of_the_thread(self) -> Sequence[Switch]:
        return (
            Switch(
                name="thread.archive",
                label="Archive this thread",
                promise="A post opens it again: the clip still comes here.",
                acts_on_thread=True,
            ),
            Switch(
                name="thread.lock",
                label="Lock this thread",
                promise="A clip that may not be posted here goes to the channel above.",
                acts_on_thread=True,
            ),
            Switch(
                name="thread.delete",
                label="Delete this thread",
                promise="A clip that has lost its thread is posted in the channel, once.",
                acts_on_thread=True,
            ),
        )

    def _be(self, mood: str) -> None:
        self._mood, self._left = mood, _MOODS[mood].times
        self.faults.weather = None if mood == _FINE else self._weather

    def _weather(self, _method: str, route: str) -> Action | None:
        if route == _FILES:
            return None
        action = _MOODS[self._mood].action
        if self._left is not None:
            self._left -= 1
            if self._left == 0:
                self._be(_FINE)
                self.changed()
        return action

    def _limit_files(self, *, is_small: bool) -> None:
        if not is_small:
            for guild_id, limit in self._limits.items():
                self.world.guilds[guild_id].set_upload_limit(limit)
            self._limits.clear()
            return
        for guild in self.world.guilds.values():
            self._limits.setdefault(guild.id, guild.upload_limit)
            guild.set_upload_limit(min(guild.upload_limit, _SMALL_BYTES))

    def _thread(self, channel_id: str) -> Channel:
        found = self.world.hub.channels.get(int(channel_id))
        if found is None or not found.is_thread:
            raise ClientRefused("This is no thread: open the one that is meant.")
        return found

    def _change_thread(self, switch: str, thread: Channel) -> None:
        guild = self.world.guild_of(thread)
        assert isinstance(guild, Guild)
        if switch == "thread.delete":
            guild.remove_channel(thread)
        else:
            threads.change(
                self.world, thread, guild.owner, {"locked" if switch == "thread.lock" else "archived": True}
            )

"""How a setting is written, suggested and shown: one control for each kind of value.

What Discord knows of the server is handed in, as `Surroundings`; a control decides from that alone.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from bot.language import grouped, tr
from bot.services import zones
from bot.services.amounts import read_number

Stored: TypeAlias = int | str | None
"""What the column of a setting holds."""

Meanings: TypeAlias = tuple[tuple[str, str], ...]

NONE = "none"


class Unfit(ValueError):
    """Why what was typed is no value, as the end of a sentence that begins with the setting's name."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel of text."""

    name: str
    missing: tuple[str, ...] = ()
    """The permissions that the bot would need to write there, as Discord calls them, as far as that is known."""
    missing_for_clips: tuple[str, ...] = ()
    """Those that it would need besides to post clips there."""
    is_seen: bool = True
    """By the person who asks: others are not spoken of."""
    is_public: bool = False
    """Whether everybody in the server sees it."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Who uses a command, and the server around them, as Discord says at this moment."""

    guild_id: int
    user_id: int
    manages: bool = False
    """Whether the person may manage the server."""
    roles: Mapping[int, str] = field(default_factory=dict[int, str])
    """Names by id, without the role of everybody and those that only bots have."""
    places: Mapping[int, Channel] = field(default_factory=dict[int, Channel])
    """Channels of text; looking at one may take a moment."""
    channels: Mapping[int, Channel] = field(default_factory=dict[int, Channel])
    """Every channel that commands can be used in; likewise."""
    providers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Those at hand: what is to be known of each, by name."""
    models: Mapping[str, str] = field(default_factory=dict[str, str])
    """Likewise, by id."""
    now_ms: int = 0


@dataclass(frozen=True, slots=True)
class Offer:
    """A suggestion."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class State:
    """What a stored value comes to."""

    name: str
    """As it is shown."""
    words: str
    """What holds, to stand after a colon."""
    plain: str
    """For the books, without markup."""
    trouble: str | None = None
    """A sentence for moderators about what is wrong with it; None if nothing is."""


class Control(Protocol):
    """What a kind of value can be."""

    @property
    def meanings(self) -> Meanings:
        """What can be typed, and what holds then."""
        ...

    def read(self, typed: str, around: Surroundings) -> Stored:
        """The value that was typed.

        Raises:
            Unfit: it is none.
        """
        ...

    def offers(self, typed: str, around: Surroundings) -> Iterable[Offer]:
        """Suggestions for what was typed so far, the best first."""
        ...

    def state(self, stored: Stored, around: Surroundings) -> State:
        """What a stored value comes to here."""
        ...


@dataclass(frozen=True, slots=True)
class Value:
    """One of several."""

    name: str
    stored: Stored
    words: str


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of a few values; the first is the usual one, and stands in for what is none of them."""

    values: tuple[Value, ...]

    @property
    def meanings(self) -> Meanings:
        """Their names and words."""
        return tuple((f"`{value.name}`", tr(value.words)) for value in self.values)

    def read(self, typed: str, around: Surroundings) -> Stored:
        """The value of that name, in any case."""
        del around
        for value in self.values:
            if value.name == typed.strip().casefold():
                return value.stored
        raise Unfit(tr("can be {values}; choose one of them.", values=takes(self)))

    def offers(self, typed: str, around: Surroundings) -> Iterator[Offer]:
        """Those whose name or words contain what was typed."""
        del around
        for value in self.values:
            offer = Offer(f"{value.name} · {tr(value.words)}", value.name)
            if typed.strip().casefold() in offer.label.casefold():
                yield offer

    def state(self, stored: Stored, around: Surroundings) -> State:
        """Its name and words."""
        del around
        value = next((one for one in self.values if one.stored == stored), self.values[0])
        return State(f"`{value.name}`", tr(value.words), value.name)


def no_or_yes(*, no: str, yes: str) -> OneOf:
    """A switch that is usually off; `no` and `yes` say what holds then."""
    return OneOf((Value("no", 0, no), Value("yes", 1, yes)))


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number."""

    least: int
    most: int
    unit: str
    words: str
    """What holds, with `{number}` in it."""
    none: str | None = None
    """What holds without one; None if there must be one."""
    offered: tuple[int, ...] = ()

    @property
    def meanings(self) -> Meanings:
        """Within the bounds, and without one."""
        bounds = tr(
            "a whole number from {least} to {most}", least=grouped(self.least), most=self._shown(self.most)
        )
        number = (bounds, tr(self.words, number=tr("so many")))
        return (number,) if self.none is None else (number, without(self.none))

    def read(self, typed: str, around: Surroundings) -> Stored:
        """The number, with or without its unit and separators of thousands."""
        del around
        meant = typed.strip().casefold()
        if self.none is not None and meant == NONE:
            return None
        number = read_number(meant, units=(self.unit, self.unit.removesuffix("s"), tr(self.unit).casefold()))
        if number is not None and self.least <= number <= self.most:
            return number
        raise Unfit(tr("can be {values}.", values=takes(self)))

    def offers(self, typed: str, around: Surroundings) -> Iterator[Offer]:
        """What was typed if it is a value, and some that begin so."""
        meant = typed.strip().casefold()
        usual = [str(number) for number in self.offered] + ([] if self.none is None else [NONE])
        begun = [value for value in usual if value.startswith(meant)]
        tried = begun if not meant or meant in begun else [meant, *begun]
        for value in tried:
            try:
                state = self.state(self.read(value, around), around)
            except Unfit:
                continue
            yield Offer(f"{state.name.strip('`')} · {state.words}", value)

    def state(self, stored: Stored, around: Surroundings) -> State:
        """The number with its unit."""
        del around
        if isinstance(stored, int):
            words = tr(self.words, number=grouped(stored))
            return State(f"`{self._shown(stored)}`", words, f"{stored:,} {self.unit}")
        return State(f"`{NONE}`", tr(self.none or ""), NONE)

    def _shown(self, number: int) -> str:
        return f"{grouped(number)} {tr(self.unit)}"


@dataclass(frozen=True, slots=True)
class TimeZone:
    """A time zone of the IANA database."""

    @property
    def meanings(self) -> Meanings:
        """A zone or a city."""
        return ((tr("a time zone such as `Europe/Berlin`, or its city"), tr("the one there")),)

    def read(self, typed: str, around: Surroundings) -> Stored:
        """A zone by its name or its city."""
        del around
        name = zones.called(typed)
        if name is None:
            raise Unfit(tr("can be {values}; choose one that is suggested.", values=takes(self)))
        return name

    def offers(self, typed: str, around: Surroundings) -> Iterator[Offer]:
        """Zones by city, region or country, with the time there."""
        for zone in zones.found(typed):
            clock = zones.clock(zone.name, around.now_ms)
            yield Offer(f"{zone.city}, {tr(zone.country)} · {clock} · {zone.name}", zone.name)

    def state(self, stored: Stored, around: Surroundings) -> State:
        """The zone and the time there; what the database has no more counts as UTC."""
        name = str(stored)
        words = tr("it is {time} there", time=zones.clock(name, around.now_ms))
        trouble = None if zones.is_known(name) else tr("This time zone is not known any more, so UTC counts.")
        return State(f"`{name}`", words, name, trouble)


@dataclass(frozen=True, slots=True)
class AtHand:
    """One of the names that the operator has at hand, or none."""

    known: Callable[[Surroundings], Mapping[str, str]]
    """Those there are, with what is to be known of each."""
    one: str
    """What can be typed, to stand after "can be"."""
    some: str
    none: str
    gone: str
    """A sentence for when it is not at hand any more."""

    @property
    def meanings(self) -> Meanings:
        """One of them, or none."""
        return (tr(self.one), tr(self.some)), without(tr(self.none))

    def read(self, typed: str, around: Surroundings) -> Stored:
        """The one of that name, in any case."""
        meant = typed.strip().casefold()
        if meant == NONE:
            return None
        for name in self.known(around):
            if name.casefold() == meant:
                return name
        raise Unfit(tr("can be {values}; choose one that is suggested.", values=takes(self)))

    def offers(self, typed: str, around: Surroundings) -> Iterator[Offer]:
        """Those that contain what was typed, or are called so."""
        meant = typed.strip().casefold()
        if NONE.startswith(meant):
            yield Offer(f"{NONE} · {tr(self.none)}", NONE)
        for name, about in self.known(around).items():
            label = f"{name} · {about}" if about else name
            if meant in label.casefold():
                yield Offer(label, name)

    def state(self, stored: Stored, around: Surroundings) -> State:
        """The name, and whether it is still at hand."""
        if stored is None:
            return State(f"`{NONE}`", tr(self.none), NONE)
        trouble = None if stored in self.known(around) else tr(self.gone)
        return State(f"`{stored}`", tr(self.some), str(stored), trouble)


def takes(control: Control) -> str:
    """What a control can be, to stand after "can be"."""
    return tr(" or ").join(what for what, _ in control.meanings)


def without(words: str) -> tuple[str, str]:
    """What holds when nothing was chosen, as a meaning."""
    return f"`{NONE}`", words

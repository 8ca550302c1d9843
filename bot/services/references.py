"""Controls for what a server has: its roles and channels, meant by mention, id or name."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.language import marked, tr, trn
from bot.services.controls import NONE, Channel, Meanings, Offer, State, Stored, Surroundings, Unfit, without

_MAX_NOTED = 25


@dataclass(frozen=True, slots=True)
class RoleOrNone:
    """A role of the server."""

    some: str
    """What holds with a role."""
    none: str
    gone: str
    """What holds when the role was deleted later."""
    everybody: str
    """What is said about the role of everybody, to stand after the setting's name."""

    @property
    def meanings(self) -> Meanings:
        """With a role and without one."""
        return (tr("a role"), tr(self.some)), without(tr(self.none))

    def read(self, typed: str, around: Surroundings) -> Stored:
        """A role by mention, id or name."""
        role_id = _meant(typed, "<@&", {**around.roles, around.guild_id: "everyone"}, one=_NO_ROLE)
        if role_id == around.guild_id:
            raise Unfit(tr(self.everybody))
        return role_id

    def offers(self, typed: str, around: Surroundings) -> Iterator[Offer]:
        """Roles whose name contains what was typed."""
        return _offers(typed, "@", around.roles, tr(self.none))

    def state(self, stored: Stored, around: Surroundings) -> State:
        """The role, or that there is none any more."""
        if not isinstance(stored, int):
            return State(f"`{NONE}`", tr(self.none), NONE)
        if stored in around.roles:
            return State(f"<@&{stored}>", tr(self.some), _noted(around.roles[stored], stored))
        trouble = tr("This role was deleted. Choose another, or `{none}`.", none=NONE)
        return State(f"`{tr('deleted role')}`", tr(self.gone), f"deleted role ({stored})", trouble)


@dataclass(frozen=True, slots=True)
class PlaceOrNone:
    """A channel of text that the bot can post in."""

    some: str
    none: str
    gone: str
    for_clips: bool = False
    """Whether clips are posted there, and not only words."""
    for_moderators: bool = False
    """Whether what is said there is for them alone."""

    @property
    def meanings(self) -> Meanings:
        """With a channel and without one."""
        return (tr("a text channel that I can post in"), tr(self.some)), without(tr(self.none))

    def read(self, typed: str, around: Surroundings) -> Stored:
        """A channel by mention, id or name."""
        place_id = _meant(typed, "<#", _seen(around.places), one=_NO_PLACE)
        if place_id is not None and (missing := self._missing(around.places[place_id])):
            why = tr("needs a channel that I can post in; there I lack {missing}.", missing=_named(missing))
            raise Unfit(why)
        return place_id

    def offers(self, typed: str, around: Surroundings) -> Iterator[Offer]:
        """Channels whose name contains what was typed, and what the bot lacks there."""
        for offer in _offers(typed, "#", _seen(around.places), tr(self.none)):
            missing = self._missing(around.places[int(offer.value)]) if offer.value != NONE else ()
            lacks = tr("I lack {missing}", missing=", ".join(missing))
            yield Offer(f"{offer.label} · {lacks}", offer.value) if missing else offer

    def state(self, stored: Stored, around: Surroundings) -> State:
        """The channel, that it is gone, or what is missing there by now."""
        if not isinstance(stored, int):
            return State(f"`{NONE}`", tr(self.none), NONE)
        place = around.places.get(stored)
        if place is None:
            trouble = tr("This channel was deleted. Choose another, or `{none}`.", none=NONE)
            return State(f"`{tr('deleted channel')}`", tr(self.gone), f"deleted channel ({stored})", trouble)
        named = _noted(place.name, stored) if place.is_seen else str(stored)
        return State(f"<#{stored}>", tr(self.some), named, self._trouble(place))

    def _trouble(self, place: Channel) -> str | None:
        if missing := self._missing(place):
            return tr("I cannot post there: I lack {missing}.", missing=_named(missing))
        if self.for_moderators and place.is_public:
            return tr("Everybody in this server can read what I tell moderators there.")
        return None

    def _missing(self, place: Channel) -> tuple[str, ...]:
        return place.missing + place.missing_for_clips if self.for_clips else place.missing


@dataclass(frozen=True, slots=True)
class Places:
    """Some of the server's channels, of any kind that commands can be used in, or all of them.

    The column holds their ids, with commas between them; NULL for all.
    """

    some: str
    every: str

    @property
    def meanings(self) -> Meanings:
        """Some channels, and all."""
        return (tr("channels, with commas between them"), tr(self.some)), (f"`{_EVERYWHERE}`", tr(self.every))

    def read(self, typed: str, around: Surroundings) -> Stored:
        """Channels by mention, id or name."""
        if typed.strip().casefold() == _EVERYWHERE:
            return None
        seen = _seen(around.channels)
        parts = list(filter(None, (part.strip() for part in re.split(r",|(?=<#)", typed))))
        if len(parts) > _MAX_PLACES:
            raise Unfit(tr("can be at most {most} channels.", most=_MAX_PLACES))
        ids = [_meant(part, "<#", seen, one=_NO_PLACES, has_none=False) for part in parts]
        if not ids:
            raise Unfit(tr(_NO_PLACES))
        return ",".join(dict.fromkeys(map(str, ids)))

    def offers(self, typed: str, around: Surroundings) -> Iterator[Offer]:
        """Channels to go on with, after those that were typed already."""
        if _EVERYWHERE.startswith(typed.strip().casefold()):
            yield Offer(f"{_EVERYWHERE} · {tr(self.every)}", _EVERYWHERE)
        before, comma, last = typed.rpartition(",")
        try:
            begun = str(self.read(before, around)).split(",") if comma else []
        except Unfit:
            return
        names = [f"#{around.channels[int(one)].name}" for one in begun]
        for one, name in _seen(around.channels).items():
            if str(one) not in begun and last.strip().lstrip("#").casefold() in name.casefold():
                value = ",".join([*begun, str(one)])
                if len(value) <= _MAX_OFFERED:
                    yield Offer(", ".join([*names, f"#{name}"]), value)

    def state(self, stored: Stored, around: Surroundings) -> State:
        """The channels, and how many of them are gone."""
        chosen = places_of(stored)
        if not chosen:
            return State(f"`{_EVERYWHERE}`", tr(self.every), _EVERYWHERE)
        there = [one for one in chosen if one in around.channels]
        shown = " ".join(f"<#{one}>" for one in there[:_MAX_SHOWN]) or f"`{tr('deleted channel')}`"
        more = f" +{len(there) - _MAX_SHOWN}" if len(there) > _MAX_SHOWN else ""
        return State(shown + more, tr(self.some), _listed(chosen, around), _gone(chosen, there))


def places_of(stored: object) -> tuple[int, ...]:
    """The ids of channels that a column of `Places` holds; none for all of them."""
    return tuple(map(int, stored.split(","))) if isinstance(stored, str) else ()


def _listed(chosen: Sequence[int], around: Surroundings) -> str:
    """For the books: the first by name."""
    first = around.channels.get(chosen[0])
    named = _noted(first.name, chosen[0]) if first is not None and first.is_seen else str(chosen[0])
    return f"{named} and {len(chosen) - 1} more" if len(chosen) > 1 else named


def _gone(chosen: Sequence[int], there: Sequence[int]) -> str | None:
    if there:
        gone = len(chosen) - len(there)
        return trn("{number} more was deleted.", "{number} more were deleted.", gone) if gone else None
    return tr("All of them were deleted. Choose others, or `{every}`.", every=_EVERYWHERE)


_EVERYWHERE = "everywhere"
_MAX_PLACES = 50
_MAX_SHOWN = 10
_MAX_OFFERED = 100
"""Discord's limit for the value of a suggestion."""
_NO_ROLE = marked("needs a role of this server; choose one that is suggested, or `none`.")
_NO_PLACE = marked("needs a text channel of this server; choose one that is suggested, or `none`.")
_NO_PLACES = marked("needs channels of this server; choose some that are suggested, or `everywhere`.")


def _meant(
    typed: str, begin: str, names: Mapping[int, str], *, one: str, has_none: bool = True
) -> int | None:
    """The id that a mention, an id or a name stands for; None for `none`, where there is that. `one` says what is needed.

    Raises:
        Unfit: nothing here is called so, or several things are.
    """
    meant = typed.strip()
    mentioned = re.fullmatch(rf"(?:{re.escape(begin)}([0-9]{{1,20}})>|([0-9]{{1,20}}))", meant)
    if mentioned and (found := int(mentioned[1] or mentioned[2])) in names:
        return found
    if has_none and meant.casefold() == NONE:
        return None
    called = _called(meant.lstrip("@#"), names)
    if len(called) == 1:
        return called[0]
    if called:
        raise Unfit(
            tr("could be one of {many} that are called so; choose one that is suggested.", many=len(called))
        )
    raise Unfit(tr(one))


def _called(meant: str, names: Mapping[int, str]) -> list[int]:
    """What is called exactly so, or else so in another case."""
    exactly = [one for one, name in names.items() if name.lstrip("@#") == meant]
    wanted = meant.casefold()
    return exactly or [one for one, name in names.items() if name.lstrip("@#").casefold() == wanted]


def _offers(typed: str, sign: str, names: Mapping[int, str], none: str) -> Iterator[Offer]:
    wanted = typed.strip().lstrip("@#").casefold()
    if NONE.startswith(wanted):
        yield Offer(f"{NONE} · {none}", NONE)
    for one, name in names.items():
        if wanted in name.casefold():
            yield Offer(f"{sign}{name.lstrip(sign)}", str(one))


def _seen(channels: Mapping[int, Channel]) -> dict[int, str]:
    return {one: channel.name for one, channel in channels.items() if channel.is_seen}


def _noted(name: str, stored: int) -> str:
    """A name that leaves room for what was before and what is after, on a line of the ledger."""
    short = name if len(name) <= _MAX_NOTED else f"{name[: _MAX_NOTED - 1]}…"
    return f"{short} ({stored})"


def _named(missing: Iterable[str]) -> str:
    return ", ".join(f"**{name}**" for name in missing)

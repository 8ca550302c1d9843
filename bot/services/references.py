"""Controls for what a server has: one of its roles or channels, meant by mention, id or name."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from bot.services.controls import NONE, Meanings, Offer, State, Stored, Surroundings, Unfit, without

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
    """What would be wrong with the role of everybody, to stand after "cannot be the role of everybody"."""

    @property
    def meanings(self) -> Meanings:
        """With a role and without one."""
        return ("a role", self.some), without(self.none)

    def read(self, typed: str, around: Surroundings) -> Stored:
        """A role by mention, id or name."""
        role_id = _meant(typed, "<@&", {**around.roles, around.guild_id: "everyone"}, one="a role")
        if role_id == around.guild_id:
            raise Unfit(f"cannot be the role of everybody{self.everybody}.")
        return role_id

    def offers(self, typed: str, around: Surroundings) -> Iterator[Offer]:
        """Roles whose name contains what was typed."""
        return _offers(typed, "@", around.roles, self.none)

    def state(self, stored: Stored, around: Surroundings) -> State:
        """The role, or that there is none any more."""
        if not isinstance(stored, int):
            return State(f"`{NONE}`", self.none, NONE)
        if stored in around.roles:
            return State(f"<@&{stored}>", self.some, _noted(around.roles[stored], stored))
        trouble = f"This role was deleted. Choose another, or `{NONE}`."
        return State("`deleted role`", self.gone, f"deleted role ({stored})", trouble)


@dataclass(frozen=True, slots=True)
class PlaceOrNone:
    """A channel of text that the bot can post in."""

    some: str
    none: str
    gone: str

    @property
    def meanings(self) -> Meanings:
        """With a channel and without one."""
        return ("a text channel that I can post in", self.some), without(self.none)

    def read(self, typed: str, around: Surroundings) -> Stored:
        """A channel by mention, id or name."""
        place_id = _meant(typed, "<#", _seen(around), one="a text channel")
        if place_id is not None and (missing := around.places[place_id].missing):
            raise Unfit(f"needs a channel that I can post in; there I lack {_permissions(missing)}.")
        return place_id

    def offers(self, typed: str, around: Surroundings) -> Iterator[Offer]:
        """Channels whose name contains what was typed, and what the bot lacks there."""
        for offer in _offers(typed, "#", _seen(around), self.none):
            missing = around.places[int(offer.value)].missing if offer.value != NONE else ()
            yield Offer(f"{offer.label} · I lack {', '.join(missing)}", offer.value) if missing else offer

    def state(self, stored: Stored, around: Surroundings) -> State:
        """The channel, that it is gone, or what is missing there by now."""
        if not isinstance(stored, int):
            return State(f"`{NONE}`", self.none, NONE)
        place = around.places.get(stored)
        if place is None:
            trouble = f"This channel was deleted. Choose another, or `{NONE}`."
            return State("`deleted channel`", self.gone, f"deleted channel ({stored})", trouble)
        trouble = f"I cannot post there: I lack {_permissions(place.missing)}." if place.missing else None
        named = _noted(place.name, stored) if place.is_seen else str(stored)
        return State(f"<#{stored}>", self.some, named, trouble)


def _meant(typed: str, begin: str, names: Mapping[int, str], *, one: str) -> int | None:
    """The id that a mention, an id or a name stands for; None for `none`.

    Raises:
        Unfit: nothing here is called so, or several things are.
    """
    meant = typed.strip()
    mentioned = re.fullmatch(rf"(?:{re.escape(begin)}([0-9]{{1,20}})>|([0-9]{{1,20}}))", meant)
    if mentioned and (found := int(mentioned[1] or mentioned[2])) in names:
        return found
    if meant.casefold() == NONE:
        return None
    called = _called(meant.lstrip("@#"), names)
    if len(called) == 1:
        return called[0]
    if called:
        raise Unfit(f"could be one of {len(called)} that are called so; choose one that is suggested.")
    raise Unfit(f"needs {one} of this server; choose one that is suggested, or `{NONE}`.")


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


def _seen(around: Surroundings) -> dict[int, str]:
    return {one: place.name for one, place in around.places.items() if place.is_seen}


def _noted(name: str, stored: int) -> str:
    """A name that leaves room for what was before and what is after, on a line of the ledger."""
    short = name if len(name) <= _MAX_NOTED else f"{name[: _MAX_NOTED - 1]}…"
    return f"{short} ({stored})"


def _permissions(missing: Iterable[str]) -> str:
    return ", ".join(f"**{name}**" for name in missing)

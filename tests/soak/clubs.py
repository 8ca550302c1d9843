"""Twenty servers with three hundred people, as different as servers are."""

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from bot.sandbox import App, Channel, Kind, Message, Permission, Person, Sandbox, Server

_KINDS = (Kind.TEXT, Kind.TEXT, Kind.TEXT, Kind.ANNOUNCEMENT, Kind.VOICE)
_KEPT = 12


@dataclass
class Club:
    """A server, who is in it, and what of the bot's they have before them."""

    guild: Server
    moderator: Person
    people: list[Person]
    channels: list[Channel]
    forum: Channel
    private: dict[int, deque[Message]] = field(default_factory=dict[int, deque[Message]])
    """The latest answers that only one person sees, by person."""

    def keep(self, person: Person, message: Message) -> None:
        self.private.setdefault(person.id, deque(maxlen=_KEPT)).append(message)

    @property
    def places(self) -> list[Channel]:
        """Wherever somebody may write."""
        return [place for place in (*self.channels, *self.guild.threads) if not place.is_deleted]

    def offered(self, person: Person, app: App) -> list[Message]:
        """The latest messages of the bot with buttons that this person sees."""
        public = (message for place in self.places for message in place.messages[-_KEPT:])
        seen = (*public, *self.private.get(person.id, ()))
        return [
            message
            for message in seen
            if message.author is app.user and not message.is_deleted and message.buttons
        ]


@dataclass(frozen=True)
class Crowd:
    """All servers of one Discord."""

    sandbox: Sandbox
    app: App
    clubs: list[Club]

    def everywhere(self) -> Iterator[Channel]:
        """Every channel and thread there is."""
        for club in self.clubs:
            yield from (*club.guild.channels.values(), *club.guild.threads)


def found(sandbox: Sandbox, app: App, dice: random.Random, *, servers: int, people: int) -> Crowd:
    """Make the servers; every tenth person is in two of them."""
    clubs: list[Club] = []
    for number in range(servers):
        club = _club(sandbox, app, number, dice)
        for place in range(people // servers):
            is_known = clubs and place % 10 == 0
            friend = dice.choice(clubs[-1].people) if is_known else f"member-{number}-{place}"
            locale = dice.choice(["en-US", "en-GB", "de", "fr"])
            club.people.append(club.guild.add_member(friend, locale=locale, accepts_dms=bool(place % 3)))
        clubs.append(club)
    return Crowd(sandbox, app, clubs)


def _club(sandbox: Sandbox, app: App, number: int, dice: random.Random) -> Club:
    guild = sandbox.add_guild(f"Club {number}", app=app, premium_tier=dice.choice([0, 0, 1, 2, 3]))
    guild.locale = dice.choice(["en-US", "de"])
    crew = guild.add_role("crew", permissions=Permission.MANAGE_GUILD | Permission.MANAGE_THREADS)
    channels = [
        guild.add_channel(f"place-{place}", kind=kind, nsfw=place == 1) for place, kind in enumerate(_KINDS)
    ]
    forum = guild.add_channel("films", kind=Kind.FORUM)
    if number == 0:
        guild.upload_limit = 200_000  # less than a clip has: each is made smaller
    return Club(guild, guild.add_member(f"crew-{number}", roles=[crew]), [], channels, forum)

"""What members, roles, channels and servers may spend, as values, and how it changes."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.db.guilds import Block
from bot.domain.limits import EVERYBODY, Caps, Limit, Limits, Measure
from bot.domain.money import Purse, Scope, Window
from bot.domain.pricing import Prices
from bot.services.ports import Card

MAX_REASON = 200


@dataclass(frozen=True, slots=True)
class Act:
    """A moderator at work."""

    guild_id: int
    by_id: int
    reason: str | None = None
    """In their own words; what goes beyond `MAX_REASON` characters is cut off."""

    @property
    def why(self) -> str | None:
        """The reason as it is kept."""
        return (self.reason or "").strip()[:MAX_REASON] or None


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose cap it is, or whose credits; `name` is for roles and channels."""

    scope: Scope
    id: int = EVERYBODY
    name: str = ""

    def __str__(self) -> str:
        """As the ledger calls it, which has a column of its own for members."""
        if self.scope in (Scope.ROLE, Scope.CHANNEL):
            return (
                f"{self.scope.value} {self.name} ({self.id})"
                if self.name
                else f"{self.scope.value} {self.id}"
            )
        return "everybody" if self == EVERY_MEMBER else self.scope.value


EVERY_MEMBER = Subject(Scope.MEMBER)
THE_SERVER = Subject(Scope.SERVER)


@dataclass(frozen=True, slots=True)
class Allowance:
    """A member's standing in one guild."""

    member: Purse
    server: Purse
    channel: Purse
    operator: Purse
    """The ceiling, at the catalogue's prices."""
    queued: int
    running: int
    """Holding a slot of a provider, which is what the cap counts."""
    counting: Mapping[Measure, Limit]
    """The caps that count for the member, each as it was set for somebody."""
    channel_caps: Caps
    block: Block | None
    waiting: Card | None = None
    """The member's next clip in line; None where none waits."""

    @property
    def caps(self) -> dict[Measure, int | None]:
        """The member's, wherever they come from."""
        return {measure: limit.amount for measure, limit in self.counting.items()}

    @property
    def left(self) -> int | None:
        """Credits that can be spent now and here, with the grants; None where nothing is capped."""
        purses = [self.member, self.channel, self.server]
        if self.operator.left == 0:  # above that, its credits are the catalogue's and not the server's
            purses.append(self.operator)
        return min((purse.left for purse in purses if purse.left is not None), default=None)

    @property
    def largest(self) -> int | None:
        """Credits that one clip may cost here; None without a cap."""
        caps = (self.caps.get(Measure.CLIP), self.channel_caps.get(Measure.CLIP))
        return min((cap for cap in caps if cap is not None), default=None)


@dataclass(frozen=True, slots=True)
class ServerAllowance:
    """A whole server."""

    server: Purse
    operator: Purse
    queued: int
    running: int
    limits: Limits
    prices: Prices
    blocked: tuple[tuple[int, Block], ...]
    """The first of them."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The caps of a role or a channel, and what was used of a channel's."""

    subject: Subject
    caps: Caps
    purse: Purse | None = None


@dataclass(frozen=True, slots=True)
class Capped:
    """A cap that was changed. None is no cap of its own."""

    subject: Subject
    measure: Measure
    before: Limit | None
    after: Limit | None
    ceiling: int | None = None
    """The operator's for a month, which counts all the same; None without one."""


@dataclass(frozen=True, slots=True)
class Granted:
    """Credits on top, before and after some more were given."""

    subject: Subject
    credits: int
    before: int
    expires_at_ms: int | None

    @property
    def after(self) -> int:
        """All that can be drawn now."""
        return self.before + self.credits


@dataclass(frozen=True, slots=True)
class Reset:
    """What was forgotten of a member's, a channel's or the server's use."""

    subject: Subject
    forgotten: Mapping[Window, int]


@dataclass(frozen=True, slots=True)
class Barred:
    """A member's block, before and after it was changed; None is none."""

    user_id: int
    before: Block | None
    after: Block | None


@dataclass(frozen=True, slots=True)
class Priced:
    """Credits for a second of a model, before and after; None is the catalogue's, at the server's rate."""

    model: str
    before: int | None
    after: int | None
    percent: int

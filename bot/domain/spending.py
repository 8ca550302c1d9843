"""What clips were charged for, and what they cost the operator."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from bot.domain.money import MICRO_USD_PER_CREDIT

T = TypeVar("T")

PAYS_NOBODY = "local"
"""The provider that has a price and no bill."""


@dataclass(frozen=True, slots=True)
class Spending:
    """What became of some clips' money. Amounts of money are millionths of a dollar."""

    clips: int = 0
    """Delivered."""
    credits: int = 0
    """Charged for them."""
    worth: int = 0
    """Their prices in the catalogue, in credits."""
    reported_micro_usd: int = 0
    """What providers say they took, also for clips that nobody was charged for."""
    reported_clips: int = 0
    estimated_micro_usd: int = 0
    """The catalogue's prices of clips that were made, and whose provider does not tell."""
    estimated_clips: int = 0
    maybe_charged: int = 0
    """Clips that were given up and refunded, though their provider may charge for them; in no other figure."""

    def __add__(self, other: "Spending") -> "Spending":
        return Spending(
            self.clips + other.clips,
            self.credits + other.credits,
            self.worth + other.worth,
            self.reported_micro_usd + other.reported_micro_usd,
            self.reported_clips + other.reported_clips,
            self.estimated_micro_usd + other.estimated_micro_usd,
            self.estimated_clips + other.estimated_clips,
            self.maybe_charged + other.maybe_charged,
        )

    @property
    def spent_micro_usd(self) -> int:
        """What all of it cost, reported or estimated."""
        return self.reported_micro_usd + self.estimated_micro_usd

    @property
    def margin_micro_usd(self) -> int:
        """What was charged less what it cost; below 0 where the operator pays on top."""
        return self.credits * MICRO_USD_PER_CREDIT - self.spent_micro_usd


@dataclass(frozen=True, slots=True)
class Account:
    """One server's clips at one provider."""

    guild_id: int
    provider: str
    spending: Spending


@dataclass(frozen=True)
class Overview:
    """What every server did in a stretch of days. Sums are made when they are first asked for."""

    days: int
    """Of the calendar, in UTC; the last one is today."""
    accounts: tuple[Account, ...]
    ceilings: Mapping[int, int]
    """Credits a month that servers may cost at the catalogue's prices, of those that have such a ceiling."""

    @cached_property
    def total(self) -> Spending:
        """Of all servers and providers."""
        return sum((account.spending for account in self.accounts), Spending())

    @cached_property
    def by_guild(self) -> dict[int, Spending]:
        """Of each server that made anything, the one that was charged most first."""
        return _grouped(self.accounts, lambda account: account.guild_id)

    @cached_property
    def by_provider(self) -> dict[str, Spending]:
        """Of each provider's account, the one that cost most first."""
        found = _grouped(self.accounts, lambda account: account.provider)
        return dict(sorted(found.items(), key=lambda one: -one[1].spent_micro_usd))


def _grouped(accounts: Iterable[Account], of: Callable[[Account], T]) -> dict[T, Spending]:
    found: dict[T, Spending] = {}
    for account in accounts:
        key = of(account)
        found[key] = found[key] + account.spending if key in found else account.spending
    return dict(sorted(found.items(), key=lambda one: (-one[1].credits, -one[1].clips)))

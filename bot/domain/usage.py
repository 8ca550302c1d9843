"""What was made and spent in a stretch of days, as it is shown to people."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Day:
    """One day, in the server's time zone."""

    date: date
    done: int
    failed: int
    credits: int
    """Charged for the clips that were finished on it."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one member, model or provider had a part in."""

    name: str
    """A model's or provider's name; a member's id."""
    clips: int
    credits: int


@dataclass(frozen=True, slots=True)
class Usage:
    """A server's use of the bot over some days. Shares are sorted, the most credits first."""

    days: tuple[Day, ...]
    """Without gaps, oldest first; the last one is today."""
    cancelled: int
    median_wait_s: float | None
    """From request to clip; None where nothing was finished."""
    members: tuple[Share, ...]
    models: tuple[Share, ...]
    providers: tuple[Share, ...]

    @property
    def done(self) -> int:
        """Clips that were delivered."""
        return sum(day.done for day in self.days)

    @property
    def failed(self) -> int:
        """Requests that came to nothing, otherwise than by being cancelled."""
        return sum(day.failed for day in self.days)

    @property
    def credits(self) -> int:
        """Credits charged."""
        return sum(day.credits for day in self.days)

    @property
    def success(self) -> float | None:
        """The share of clips that were delivered, 0 to 1; None where none ended either way."""
        ended = self.done + self.failed
        return self.done / ended if ended else None

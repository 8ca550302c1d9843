"""When to ask a provider again, and how long a job will take, learnt from past renders.

A poll costs a request, a late poll makes somebody wait. Where a clip that is not there yet will be finished
within a second with probability h, and a request is worth w seconds of waiting, the sum of both is least when
`sqrt(h / 2w)` polls are made a second (J. B. Keller, Optimum Checking Schedules for Systems Subject to Random
Failure, Management Science 21, 1974). The past renders of the same kind tell h.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import sqrt

DEADLINE_S = 70 * 60
"""Kling's tail is longer than an hour often enough (Comfy-Org/ComfyUI#8860: raised to 68 minutes after time-outs)."""

EARLIEST_S = 2.0
"""Nothing is asked about more often than this."""

_ENOUGH = 5
_THRIFT = 25.0
"""Over the seconds that a render usually takes: the seconds of waiting that a poll is worth.

A loop that sleeps 10 s makes a tenth as many polls as a render has seconds and is 5 s late: 50 over the seconds
for each poll. Half of that, at well chosen moments, takes less than half of both (`benchmarks/polling.py`).
"""
_HEADSTART = 0.1
"""A render may come this share sooner than the fastest so far: else a provider that got faster would go unnoticed."""
_LONGEST_SILENCE_S = 600.0
_LONGEST_PAST_S = 86_400.0
_SPARSE_S = 30.0
_UNKNOWN_FIRST_S = 10.0
_UNKNOWN_DENSE_S = 5.0
_MIXING = 618.034  # makes an even phase of the milliseconds; near the golden ratio, so that it does not fall into step


@dataclass(frozen=True, slots=True)
class Forecast:
    """How long renders like this one took."""

    past: tuple[float, ...]
    """Seconds until each was noticed to be finished, ascending; at least one."""

    @property
    def fastest_s(self) -> float:
        """The shortest there was."""
        return self.past[0]

    @property
    def usual_s(self) -> float:
        """Half of them took no longer."""
        return self.past[len(self.past) // 2]

    @property
    def slow_s(self) -> float:
        """Nine of ten took no longer."""
        return self.past[len(self.past) * 9 // 10]

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Forecast | None":
        """Learn from past renders, in any order; None while there are too few.

        Milliseconds are kept; what cannot be a duration is left out.
        """
        past = tuple(sorted(round(second, 3) for second in seconds if 0 <= second <= _LONGEST_PAST_S))
        return cls(past) if len(past) >= _ENOUGH else None


def next_ask_s(elapsed_s: float, forecast: Forecast | None) -> float:
    """Seconds to wait before asking again, `elapsed_s` after the task was accepted.

    Nothing until shortly before the fastest past render (but ten minutes at most), then as often as the past
    renders make worth while, and at least every 30 s when nine of ten would be done.
    """
    if forecast is None:
        return _unknown_s(elapsed_s)
    longest_s = max(_SPARSE_S, min(_LONGEST_SILENCE_S, forecast.slow_s - elapsed_s))
    return min(max(_next_moment_s(elapsed_s, forecast) - elapsed_s, EARLIEST_S), longest_s)


def is_overdue(elapsed_s: float) -> bool:
    """Whether a task has had its time."""
    return elapsed_s >= DEADLINE_S


def waiting_s(ahead: int, *, slots: int, forecast: Forecast | None) -> tuple[int, int] | None:
    """From when to when a job with `ahead` before it will be finished, in seconds from now; None if unknown."""
    if forecast is None or slots < 1:
        return None
    rounds = ahead // slots
    return (
        int(rounds * forecast.usual_s + forecast.usual_s),
        int(rounds * forecast.slow_s + forecast.slow_s),
    )


def _unknown_s(elapsed_s: float) -> float:
    if elapsed_s < _UNKNOWN_FIRST_S:
        return _UNKNOWN_FIRST_S
    return max(_UNKNOWN_DENSE_S, min(_SPARSE_S, elapsed_s * 0.1))


def _next_moment_s(elapsed_s: float, forecast: Forecast) -> float:
    """When the next poll is due, in seconds since the task was accepted."""
    worth_s = _THRIFT / max(forecast.usual_s, 1)
    owed = _phase(elapsed_s, forecast)
    for start_s, end_s, chance in _stretches(forecast.past):
        begin_s, length_s = max(start_s, elapsed_s), end_s - start_s
        polls = sqrt(chance * length_s / (2 * worth_s))
        payable = polls * max(0.0, end_s - begin_s) / length_s
        if owed <= payable:
            return begin_s + owed / polls * length_s
        owed -= payable
    # Longer than any before: the chance is taken to fall with the time it has taken already.
    longest_s = max(elapsed_s, forecast.past[-1])
    return longest_s + owed * sqrt(2 * worth_s * longest_s)


def _phase(elapsed_s: float, forecast: Forecast) -> float:
    """How much of a poll is due.

    The first comes at a phase that differs from task to task: if all were asked about at the same moments,
    these moments would be all that is ever learnt.
    """
    is_first = elapsed_s < forecast.fastest_s * (1 - _HEADSTART)
    return elapsed_s * _MIXING % 1 if is_first else 1.0


def _stretches(past: Sequence[float]) -> Iterator[tuple[float, float, float]]:
    """From, to, and the chance that a clip which is not there at its beginning is finished within it.

    A render was finished somewhere between the one before it and the moment at which it was noticed itself.
    One more than there were is taken to last longer than all of them.
    """
    left = len(past) + 1
    start_s = past[0] * (1 - _HEADSTART)
    for end_s, same in groupby(past):
        count = len(list(same))
        if end_s > start_s:
            yield start_s, end_s, count / (left - count / 2)
        left -= count
        start_s = end_s

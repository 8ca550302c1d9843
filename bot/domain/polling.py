"""When to ask a provider again, and how long a job will take, learnt from past renders."""

from collections.abc import Sequence
from dataclasses import dataclass

DEADLINE_S = 70 * 60
"""Kling's tail is longer than an hour often enough (Comfy-Org/ComfyUI#8860: raised to 68 minutes after time-outs)."""

_EARLIEST_S = 2.0
_DENSE_S = 5.0
_SPARSE_S = 30.0
_UNKNOWN_FIRST_S = 10.0
_ENOUGH = 5


@dataclass(frozen=True, slots=True)
class Forecast:
    """How long renders like this one took: seconds at three points of the distribution."""

    fastest_s: float
    usual_s: float  # half of them
    slow_s: float  # nine of ten

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Forecast | None":
        """Learn from past renders, in any order; None while there are too few."""
        if len(seconds) < _ENOUGH:
            return None
        past = sorted(seconds)
        return cls(past[0], past[len(past) // 2], past[min(len(past) - 1, len(past) * 9 // 10)])


def next_ask_s(elapsed_s: float, forecast: Forecast | None) -> float:
    """Seconds to wait before asking again, `elapsed_s` after the task was accepted.

    Nothing before the fastest past render, densest until nine of ten would be done, sparse afterwards.
    """
    if forecast is None:
        return (
            max(_DENSE_S, min(_SPARSE_S, elapsed_s * 0.1))
            if elapsed_s >= _UNKNOWN_FIRST_S
            else _UNKNOWN_FIRST_S
        )
    if elapsed_s < forecast.fastest_s:
        return max(_EARLIEST_S, forecast.fastest_s - elapsed_s)
    if elapsed_s < forecast.slow_s:
        return max(_EARLIEST_S, min(_DENSE_S, (forecast.slow_s - forecast.fastest_s) / 10))
    return max(_DENSE_S, min(_SPARSE_S, (elapsed_s - forecast.slow_s) * 0.25))


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

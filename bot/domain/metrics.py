"""What the bot counts of itself, as plain values: nobody who counts knows who reads it, or in which format.

Labels are few and known beforehand: no ids of people or servers, and nothing that anybody types.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import accumulate
from typing import TypeAlias

Labels: TypeAlias = tuple[str, ...]


class Kind(Enum):
    """How a metric is to be read."""

    GAUGE = "gauge"  # how it is now
    COUNTER = "counter"  # grows for as long as the process lives
    HISTOGRAM = "histogram"  # likewise, by size


@dataclass(frozen=True, slots=True)
class Buckets:
    """A histogram as it stands: how many were at most so large."""

    at_most: tuple[tuple[float, int], ...]
    """Bounds with their counts, which grow; the last bound is infinite, and its count is of all."""
    total: float


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric with all its samples at a moment."""

    name: str
    """With its unit, and `_total` for a counter."""
    kind: Kind
    words: str
    labels: tuple[str, ...] = ()
    samples: Mapping[Labels, float | Buckets] = field(default_factory=dict[Labels, float | Buckets])


def gauge(
    name: str, words: str, samples: Mapping[Labels, float] | float, labels: tuple[str, ...] = ()
) -> Metric:
    """A gauge; a plain number is its only sample."""
    by_labels = samples if isinstance(samples, Mapping) else {(): samples}
    return Metric(name, Kind.GAUGE, words, labels, dict(by_labels))


class Tally:
    """A counter, by its labels."""

    def __init__(self, name: str, words: str, labels: tuple[str, ...] = ()) -> None:
        """What is counted, for people."""
        self._metric = (name, Kind.COUNTER, words, labels)
        self._counts: dict[Labels, float] = {}

    def add(self, *labels: str, by: float = 1) -> None:
        """One more, or several."""
        self._counts[labels] = self._counts.get(labels, 0) + by

    def read(self) -> Metric:
        """As it stands."""
        return Metric(*self._metric, dict(self._counts))


class Spread:
    """A histogram, by its labels."""

    def __init__(self, name: str, words: str, bounds: Sequence[float], labels: tuple[str, ...] = ()) -> None:
        """`bounds` grow; what is larger than the last is counted, too."""
        self._metric = (name, Kind.HISTOGRAM, words, labels)
        self._bounds = (*bounds, float("inf"))
        self._counts: dict[Labels, list[int]] = {}
        self._totals: dict[Labels, float] = {}

    def add(self, value: float, *labels: str) -> None:
        """One more of this size."""
        counts = self._counts.setdefault(labels, [0] * len(self._bounds))
        counts[bisect_left(self._bounds, value)] += 1
        self._totals[labels] = self._totals.get(labels, 0) + value

    def read(self) -> Metric:
        """As it stands."""
        samples = {
            labels: Buckets(tuple(zip(self._bounds, accumulate(counts), strict=True)), self._totals[labels])
            for labels, counts in self._counts.items()
        }
        return Metric(*self._metric, samples)

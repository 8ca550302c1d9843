"""Figures from several rounds in which the contestants took turns."""

import statistics
from collections.abc import Sequence


def median(figures: Sequence[float]) -> float:
    """The middle one: what a hiccup of the machine does not move."""
    return statistics.median(figures)


def percentile(figures: Sequence[float], percent: int) -> float:
    """The figure that `percent` of them do not exceed."""
    return statistics.quantiles(figures, n=100, method="inclusive")[percent - 1]


def spread(figures: Sequence[float]) -> str:
    """Half the range as a share of the median, for example `6 %`; `-` for a single figure."""
    if len(figures) == 1:
        return "-"
    return f"{(max(figures) - min(figures)) / 2 / (median(figures) or 1):.0%}".replace("%", " %")

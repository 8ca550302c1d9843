"""What a clip costs in a server: the catalogue's price, at the server's rate or by its own table."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.domain.models import ModelSpec
from bot.domain.requests import VideoRequest


@dataclass(frozen=True, slots=True)
class Prices:
    """A server's prices."""

    percent: int = 100
    """Of the catalogue's."""
    per_second: Mapping[str, int] = field(default_factory=dict[str, int])
    """Credits for a second of a model, by its id; they stand whatever the catalogue says."""

    def of(self, spec: ModelSpec, request: VideoRequest) -> int:
        """Credits for a clip; a draft is free everywhere."""
        worth = spec.cost(request)
        fixed = self.per_second.get(spec.id)
        if fixed is None or request.draft:
            return math.ceil(worth * self.percent / 100)
        return fixed * request.duration_s

    def percent_of(self, spec: ModelSpec) -> int | None:
        """The per cent of its worth that a model's clip is charged; None where the table has a price for it."""
        return None if spec.id in self.per_second else self.percent


USUAL_PRICES = Prices()

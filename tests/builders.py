"""Values that tests need, with defaults for what a test does not care about."""

from decimal import Decimal
from itertools import count
from typing import Any

from bot.domain.catalogue import Choice
from bot.domain.jobs import Origin
from bot.domain.limits import EVERYBODY, Limit, Limits, Measure
from bot.domain.models import ModelSpec, Price
from bot.domain.money import Scope
from bot.domain.requests import Aspect, Picture, Quality, Task, VideoRequest

_numbers = count(1)

NO_CAPS = Limits()

PICTURE = Picture(blob="a" * 64, media_type="image/png", width=640, height=360)

LOCAL = ModelSpec(
    provider="local",
    id="local-camera",
    name="The local renderer",
    tasks=tuple(Task),
    qualities=(Quality.STD, Quality.PRO),
    durations_s=(5, 10),
    aspects=tuple(Aspect),
    parameters=("prompt", "end_frame", "camera", "camera_preset"),
    price=Price(per_second={"std": Decimal(1), "pro": Decimal(2)}),
)

SCRIPTED = LOCAL.model_copy(update={"provider": "scripted"})
SPARE = LOCAL.model_copy(
    update={
        "provider": "spare",
        "id": "spare-1",
        "price": Price(per_second={"std": Decimal("1.2"), "pro": Decimal(2)}),
    }
)
"""A second provider, a little dearer: for jobs that have more reserved than they need."""


def request(**known: Any) -> VideoRequest:
    usual: dict[str, Any] = {"prompt": "the boat drifts", "quality": Quality.STD}
    return VideoRequest(**usual | known)


def origin(**known: Any) -> Origin:
    number = next(_numbers)
    usual: dict[str, Any] = {
        "request_key": f"test-{number}",
        "guild_id": 1,
        "channel_id": 10,
        "parent_id": None,
        "user_id": 100,
        "card_id": 1000 + number,
        "upload_limit": 10_485_760,
    }
    return Origin(**usual | known)


def choice(price: int = 5, *, provider: str = "local") -> Choice:
    return Choice(LOCAL.model_copy(update={"provider": provider}), price, worth=price)


def caps(**known: int) -> Limits:
    """Caps of a server and of each of its members: `caps(guild_month=100, user_day=20)`."""
    scopes = {"guild": Scope.SERVER, "user": Scope.MEMBER}
    named = ((name.partition("_"), amount) for name, amount in known.items())
    return Limits(
        tuple(
            Limit(scopes[whose], EVERYBODY, Measure(measure), amount) for (whose, _, measure), amount in named
        )
    )

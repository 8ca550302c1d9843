"""Requests as people make them, for benchmarks that need many."""

from importlib import resources
from itertools import count

from bot.domain.catalogue import Catalogue
from bot.domain.jobs import Origin
from bot.domain.limits import EVERYBODY, MEASURES, Limit, Limits
from bot.domain.money import Scope
from bot.domain.requests import Aspect, CameraControl, CameraMove, Picture, Quality, VideoRequest
from bot.domain.rows import parse

DAY_MS = 86_400_000
NOW_MS = 20_000 * DAY_MS
"""Some noon-less moment; nothing measured depends on which."""

NO_CAPS = Limits()
WIDE_CAPS = Limits(
    tuple(
        Limit(scope, EVERYBODY, measure, 10**12)
        for scope in (Scope.OPERATOR, Scope.SERVER, Scope.MEMBER)
        for measure in MEASURES[scope]
    )
)
"""Every cap that a server itself can have is set, so that each is checked; none is reached."""

REQUEST = VideoRequest(
    prompt="The boat drifts towards the rising sun while gulls cross the sky. " * 12,
    camera=CameraControl(move=CameraMove.ZOOM, amount=3),
    aspect=Aspect.WIDE,
    quality=Quality.PRO,
    image=Picture(blob="a" * 64, media_type="image/jpeg", width=1600, height=900),
)
"""About 1 KB as JSON."""

_CATALOGUE = resources.files("bot.domain").joinpath("catalogue.toml").read_text(encoding="utf-8")
CATALOGUE = Catalogue(parse(_CATALOGUE, source="catalogue.toml"), providers=("local",))
CHOICE = CATALOGUE.choose(REQUEST)

_numbers = count(1)


def origin(*, guild_id: int, user_id: int) -> Origin:
    """Another interaction of a member."""
    number = next(_numbers)
    return Origin(
        request_key=str(10**18 + number),
        guild_id=guild_id,
        channel_id=guild_id * 10,
        parent_id=None,
        user_id=user_id,
        card_id=2 * 10**18 + number,
        upload_limit=10_485_760,
    )

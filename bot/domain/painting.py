"""Painted motion as a page sends it: what that may be, and what it becomes. Plain values; nothing is decoded here."""

import heapq
import math
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bot.domain.catalogue import Catalogue, Choice, Routing
from bot.domain.errors import Refused
from bot.domain.models import ModelSpec, fits
from bot.domain.requests import MotionBrush, Path, Picture, Point, VideoRequest
from bot.language import tr

MAX_GROUPS = 6
"""Things that move (Kling API, image to video)."""
LEAST_POINTS, MOST_POINTS = 2, 77
"""Of one path (Kling API, image to video: 77 for a clip of 5 s)."""
MAX_SENT_POINTS = 10_000
"""Of all paths together, before they are simplified: minutes of drawing."""
MAX_MASK_BYTES = 1_000_000
MAX_BODY_BYTES = 8_000_000
MAX_PRICE = 1_000_000_000
"""Credits: far more than anything costs."""
TOLERANCE_PX = 0.5
"""A path that is simplified stays this close to what was drawn, as far as its number of points allows."""

STAND_IN = Picture(blob="0" * 64, media_type="image/png", width=1, height=1)
"""In the place of pictures that are yet to come, where only their being there matters."""
ANY_MOTION = MotionBrush(still=STAND_IN)
"""Likewise for what is yet to be painted."""

Spot = tuple[float, float]
"""A place in a picture as it was drawn: pixels from its top left corner, x and y."""

_MAX_WEIGHED = 2_000
"""Spots of one path, evenly chosen where there are more: a minute of drawing has about as many."""
_PNG_HEAD = struct.Struct(">8sI4sII")
_PNG_BEGIN = (b"\x89PNG\r\n\x1a\n", 13, b"IHDR")


class PaintingUnclear(Refused):
    """What was painted cannot be made sense of; the text says why."""


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that moves: the mask that covers it, as it was sent, and its path as it was drawn."""

    mask: bytes
    path: tuple[Spot, ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything that a page sends."""

    still: bytes | None = None
    moving: tuple[Part, ...] = ()
    prompt: str | None = None
    """None leaves it as it was asked."""
    provider: str | None = None
    """Goes with `model`; None leaves the choice as it was asked."""
    model: str | None = None
    price: int = 0
    """Credits that the page showed: more is not agreed to."""

    @property
    def masks(self) -> tuple[tuple[str, bytes], ...]:
        """Every mask with its name, the still one first."""
        still = ((tr("The still mask"), self.still),) if self.still is not None else ()
        moving = enumerate(self.moving, start=1)
        return (*still, *((tr("Mask {number}", number=number), part.mask) for number, part in moving))


@dataclass(frozen=True, slots=True)
class Unable:
    """A model that takes painted motion, though not for this request."""

    spec: ModelSpec
    why: tuple[str, ...]
    """A sentence each."""


def ensure_clear(drawing: Drawing, *, width: int, height: int) -> None:
    """Refuse what could not be made of a picture of that size, before a mask is decoded.

    Raises:
        PaintingUnclear: with the words for it.
    """
    if not drawing.masks:
        raise PaintingUnclear(tr("Paint what stands still or what moves."))
    if len(drawing.moving) > MAX_GROUPS:
        raise PaintingUnclear(
            tr(
                "At most {most} things can move; {count} were painted.",
                most=MAX_GROUPS,
                count=len(drawing.moving),
            )
        )
    if sum(len(part.path) for part in drawing.moving) > MAX_SENT_POINTS:
        raise PaintingUnclear(tr("The paths are too long to be read; draw them anew, with fewer turns."))
    for name, mask in drawing.masks:
        _ensure_mask(name, mask, width, height)
    for number, part in enumerate(drawing.moving, start=1):
        _ensure_path(number, part.path)


def simplified(path: Sequence[Spot], *, width: int, height: int, most: int = MOST_POINTS) -> Path:
    """A path as a model takes it: whole pixels within the picture, from where it began to where it ended.

    It keeps every turn that is further than `TOLERANCE_PX` from the line between those that it keeps already, the
    farthest first, while there is room (Douglas and Peucker, 1973, with a bound on points in place of one on distance).

    Raises:
        PaintingUnclear: it leads nowhere.
    """
    spots = list(_without_repeats((_within(x, width), _within(y, height)) for x, y in path))
    if len(spots) < LEAST_POINTS:
        raise PaintingUnclear(
            tr("A path needs two points at least: draw it from where it begins to where it ends.")
        )
    spots = [*spots[: -1 : math.ceil(len(spots) / _MAX_WEIGHED)], spots[-1]]
    kept = sorted(_kept(spots, most))
    rounded = _without_repeats((round(spots[index][0]), round(spots[index][1])) for index in kept)
    points = tuple(Point(x=int(x), y=int(y)) for x, y in rounded)
    if len(points) < LEAST_POINTS:
        raise PaintingUnclear(
            tr("A path needs two points at least: draw it from where it begins to where it ends.")
        )
    return points


def able(catalogue: Catalogue, routing: Routing, request: VideoRequest) -> list[Choice]:
    """The models that make a request with painted motion, with their prices, in the order they are preferred in.

    Of the first one's provider those come first of which the least is doubted: rows of the same provider stand in an order
    that nobody has chosen. The cheapest, or the model that the server prefers, stays where it is.
    """
    choices = catalogue.fitting(_painted(request), routing)
    if not choices or routing.cheapest_first or choices[0].spec.id == routing.model:
        return choices
    provider = choices[0].spec.provider
    firsts = [one for one in choices if one.spec.provider == provider]
    others = [one for one in choices if one.spec.provider != provider]
    return sorted(firsts, key=lambda one: len(one.cautions)) + others


def unable(catalogue: Catalogue, request: VideoRequest) -> list[Unable]:
    """The models that take painted motion, but not with what else this request has, and why."""
    if request.draft:
        return []
    painted = _painted(request).model_copy(update={"provider": None, "model": None})
    found = [spec for spec in catalogue.specs if "motion" in spec.parameters]
    whys = [(spec, tuple(fits(painted, spec))) for spec in found]
    return [Unable(spec, why) for spec, why in whys if why]


def exclusions(choices: Iterable[Choice]) -> list[str]:
    """What painted motion keeps out, a sentence each."""
    groups = [group for choice in choices for group in choice.spec.exclusive if "motion" in group]
    words = tr("Painted motion cannot go together with an end frame or a camera move.")
    return [words] if groups else []


def _painted(request: VideoRequest) -> VideoRequest:
    return request.model_copy(update={"motion": request.motion or ANY_MOTION})


def _ensure_mask(name: str, mask: bytes, width: int, height: int) -> None:
    if len(mask) > MAX_MASK_BYTES:
        raise PaintingUnclear(tr("{mask} has more than a megabyte; paint it with fewer strokes.", mask=name))
    size = _png_size(mask)
    if size is None:
        raise PaintingUnclear(tr("{mask} is no PNG.", mask=name))
    if size != (width, height):
        raise PaintingUnclear(
            tr(
                "{mask} is {mask_width} by {mask_height} pixels and the picture {width} by {height}; load the page anew.",
                mask=name,
                mask_width=size[0],
                mask_height=size[1],
                width=width,
                height=height,
            )
        )


def _ensure_path(number: int, path: Sequence[Spot]) -> None:
    if not path:
        raise PaintingUnclear(tr("Part {number} has no path: draw where it moves.", number=number))
    if not all(math.isfinite(value) for spot in path for value in spot):
        raise PaintingUnclear(tr("The path of part {number} cannot be read; draw it anew.", number=number))


def _png_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in the head of a PNG (W3C, PNG, 11.2.1); None where it is none."""
    if len(data) < _PNG_HEAD.size:
        return None
    *begin, width, height = _PNG_HEAD.unpack_from(data)
    return (width, height) if tuple(begin) == _PNG_BEGIN else None


def _within(value: float, size: int) -> float:
    return min(max(value, 0.0), size - 1.0)


def _without_repeats(spots: Iterable[Spot]) -> Iterable[Spot]:
    last: Spot | None = None
    for spot in spots:
        if spot != last:
            yield spot
        last = spot


def _kept(spots: Sequence[Spot], most: int) -> set[int]:
    """The indices of those that are kept: each time the one farthest from the line, until none is far or all are taken."""
    last = len(spots) - 1
    kept, spans = {0, last}, [_farthest(spots, 0, last)]
    while spans and len(kept) < most:
        distance, index, start, end = heapq.heappop(spans)
        if -distance <= TOLERANCE_PX:
            break
        kept.add(index)
        for part in pairwise((start, index, end)):
            heapq.heappush(spans, _farthest(spots, *part))
    return kept


def _farthest(spots: Sequence[Spot], start: int, end: int) -> tuple[float, int, int, int]:
    """The spot between two that is farthest from the segment from one to the other: minus how far, and which."""
    if end - start < 2:  # noqa: PLR2004 - nothing lies between neighbours
        return 0.0, start, start, end
    (x, y), (to_x, to_y) = spots[start], spots[end]
    along_x, along_y = to_x - x, to_y - y
    squared = along_x * along_x + along_y * along_y
    worst, farthest = -1.0, start
    for index in range(start + 1, end):  # a hundred thousand times at worst: nothing is called in here
        at_x, at_y = spots[index]
        dx, dy = at_x - x, at_y - y
        reached = dx * along_x + dy * along_y
        if reached <= 0:
            off = dx * dx + dy * dy
        elif reached >= squared:
            off = (at_x - to_x) ** 2 + (at_y - to_y) ** 2
        else:
            off = (dx * along_y - dy * along_x) ** 2 / squared
        if off > worst:
            worst, farthest = off, index
    return -math.sqrt(worst), farthest, start, end

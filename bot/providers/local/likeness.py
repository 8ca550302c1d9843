"""Where in a picture it looks as in another place of it: sought far and wide in a small copy, then ever more closely."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageStat

from bot.providers.local.masks import ANY, Box, around, shifted

Shift = tuple[int, int]

# The place is this large in the copies that are looked at.
SIGHTS = (40, 160)
# It is sought so many of its sides away, first in steps of a part of a side, then in these around the best.
REACH = 3
STEPS = 5
CLOSER = (4, 2, 1)
# How much a pixel counts that is itself unknown, of 255 for what is known around it.
UNKNOWN = 20


def likest(picture: Image.Image, barred: Image.Image, place: Box, unknown: Image.Image) -> Box | None:
    """The box that looks most like the place; None where nothing near is free of what is white in `barred`.

    `unknown` is as large as the place, and white where this shows what is only guessed.
    """
    reach = [REACH * side for side in unknown.size]
    area = around(place, picture.size, *reach)
    picture, barred = picture.crop(area), barred.crop(area)
    inner = shifted(place, -area[0], -area[1])
    shift = None
    for sight in SIGHTS:
        scale = min(1.0, sight / max(unknown.size))
        search = _Search.of(picture, barred, inner, unknown, scale)
        rough = search.anywhere() if shift is None else [(round(shift[0] * scale), round(shift[1] * scale))]
        found = search.best(rough)
        if found is None:
            return None
        shift = (round(found[0] / scale), round(found[1] / scale))
    assert shift is not None
    across = min(max(shift[0], -inner[0]), picture.width - inner[2])  # what was small rounds
    down = min(max(shift[1], -inner[1]), picture.height - inner[3])
    return shifted(place, across, down)


@dataclass(frozen=True)
class _Search:
    """A picture, what is barred in it, and what is sought for a place in it, all on one scale."""

    picture: Image.Image
    barred: Image.Image
    place: Box
    goal: Image.Image
    weights: Image.Image
    """How much each pixel counts."""

    @classmethod
    def of(
        cls, picture: Image.Image, barred: Image.Image, place: Box, unknown: Image.Image, scale: float
    ) -> "_Search":
        size, whole = _small(unknown.size, scale), _small(picture.size, scale)
        left = min(round(place[0] * scale), whole[0] - size[0])
        top = min(round(place[1] * scale), whole[1] - size[1])
        return cls(
            _shrunk(picture, whole),
            _shrunk(barred, whole).point(ANY),
            (left, top, left + size[0], top + size[1]),
            _shrunk(picture.crop(place), size),
            _shrunk(unknown, size).point([255] + 255 * [UNKNOWN]),
        )

    def anywhere(self) -> list[Shift]:
        """Shifts to all around."""
        reach, steps = (
            [REACH * side for side in self.goal.size],
            [max(1, side // STEPS) for side in self.goal.size],
        )
        across, down = (range(-far, far + 1, step) for far, step in zip(reach, steps, strict=True))
        return [(x, y) for y in down for x in across]

    def best(self, shifts: Iterable[Shift]) -> Shift | None:
        """The best that ever smaller steps around the best of these lead to; None where that is barred."""
        found = min(shifts, key=self._unlike)
        for step in CLOSER:
            (x, y), steps = found, (0, -step, step)
            found = min(((x + right, y + down) for down in steps for right in steps), key=self._unlike)
        return found if math.isfinite(self._unlike(found)) else None

    def _unlike(self, shift: Shift) -> float:
        """How much what is there differs from what is sought; infinite where it is not to be taken."""
        there = shifted(self.place, *shift)
        if min(there[:2]) < 0 or there[2] > self.picture.width or there[3] > self.picture.height:
            return math.inf
        if self.barred.crop(there).getbbox():
            return math.inf
        unlike = ImageChops.difference(self.picture.crop(there), self.goal).convert("L")
        return ImageStat.Stat(ImageChops.multiply(unlike, self.weights)).sum[0]


def _small(size: tuple[int, int], scale: float) -> tuple[int, int]:
    return (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))


def _shrunk(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    return picture.resize(size, Image.Resampling.BOX)

"""Motion as people describe it in a command: masks, and paths as text."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import discord

from bot.domain.errors import Refused
from bot.domain.requests import Path, Point
from bot.language import marked, tr
from bot.ui.text import inline

MAX_PATH_POINTS = 77
"""In a clip of 5 s (Kling API, image to video)."""

_SHOWN = 40
_POINT = re.compile(r"([0-9]{1,5})\s*,\s*([0-9]{1,5})(?=[\s;]|$)[\s;]*")
_EXAMPLE = marked("write points as x,y with spaces between them, such as `120,340 200,300`")


class MotionUnclear(Refused):
    """What was painted cannot be made sense of; the text says why."""


@dataclass(frozen=True, slots=True)
class Painting:
    """Masks as attachments, and where what they cover moves."""

    still: discord.Attachment | None = None
    moving: tuple[tuple[discord.Attachment, Path], ...] = ()

    @property
    def masks(self) -> tuple[discord.Attachment, ...]:
        """Every mask."""
        return (*((self.still,) if self.still else ()), *(mask for mask, _ in self.moving))


def painting(
    still: discord.Attachment | None,
    masks: Mapping[int, discord.Attachment],
    paths: Mapping[int, str],
) -> Painting:
    """Put masks and paths of the same number together.

    Raises:
        MotionUnclear: a mask has no path or a path no mask, a path cannot be read, or nothing is painted.
    """
    for number in sorted(masks.keys() ^ paths.keys()):
        if number in masks:
            raise MotionUnclear(
                tr(
                    "mask{number} has no path{number}: say where it moves, or give it as still_mask.",
                    number=number,
                )
            )
        raise MotionUnclear(
            tr("path{number} has no mask{number}: attach a mask of what moves along it.", number=number)
        )
    if still is None and not masks:
        raise MotionUnclear(
            tr("Attach a mask: mask1 with path1 for what moves, or still_mask for what does not.")
        )
    return Painting(
        still, tuple((masks[number], path_of(f"path{number}", paths[number])) for number in sorted(masks))
    )


def path_of(name: str, text: str) -> Path:
    """Read a path: `x,y x,y …`, apart by spaces, semicolons or new lines.

    Raises:
        MotionUnclear: it cannot be read, or has too many points; `name` says which path it is.
    """
    rest, points = text.strip(" \t\r\n;"), list[Point]()
    while rest:
        found = _POINT.match(rest)
        if found is None:
            shown = inline(rest, length=_SHOWN)
            raise MotionUnclear(
                tr(
                    "{name} cannot be read from {shown} on: {example}.",
                    name=name,
                    shown=shown,
                    example=tr(_EXAMPLE),
                )
            )
        points.append(Point(x=int(found[1]), y=int(found[2])))
        rest = rest[found.end() :]
    if not points:
        raise MotionUnclear(tr("{name} is empty: {example}.", name=name, example=tr(_EXAMPLE)))
    if len(points) > MAX_PATH_POINTS:
        raise MotionUnclear(
            tr(
                "{name} has {count} points and {most} are the most.",
                name=name,
                count=len(points),
                most=MAX_PATH_POINTS,
            )
        )
    return tuple(points)

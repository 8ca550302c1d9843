"""What a server made and spent, as pictures for a phone held upright.

matplotlib holds the GIL for as long as it draws and takes some 100 MB, so it lives in a process of its own (`drawing`):
started when the first chart is wanted, dismissed when none was for some minutes.
"""

from itertools import accumulate, pairwise
from typing import Annotated, Self

from pydantic import Field, TypeAdapter, ValidationError

from bot.domain.usage import Usage
from bot.media.charts.page import Theme, page_of
from bot.media.children import Answer, ChildFailed, Children, Patience
from bot.media.confined import Bounds
from bot.media.errors import ChartFailed

__all__ = ["Charts", "Theme"]

_SIZES = TypeAdapter[list[int]](
    Annotated[list[Annotated[int, Field(gt=0, le=2_000_000)]], Field(min_length=1, max_length=2)]
)
"""Of the pictures in an answer, in bytes."""

_BOUNDS = Bounds(memory_bytes=1_000_000_000, cpu_s=120, file_bytes=20_000_000)
"""It may write a cache of the fonts it finds."""


class Charts:
    """Draws in a process of its own, one chart at a time; callers wait their turn.

    The first chart takes about a second, because the process starts; later ones half of that.
    """

    def __init__(self, *, limit_s: float = 60, idle_s: float = 300) -> None:
        patience = Patience(silent_s=limit_s, whole_s=limit_s, idle_s=idle_s)
        self._children = Children("bot.media.charts.drawing", count=1, bounds=_BOUNDS, patience=patience)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def usage(self, usage: Usage, *, theme: Theme) -> tuple[bytes, ...]:
        """PNGs 1080 pixels wide and up to 1200 high: what happened day by day and, where anything has, who used what.

        Members are numbered.

        Raises:
            ChartFailed: the drawing process died or took longer than `limit_s`, or this was closed.
        """
        try:
            return _pictures(await self._children.run("draw", {"page": page_of(usage, theme)}))
        except (ChildFailed, OSError) as failure:
            raise ChartFailed from failure

    async def close(self) -> None:
        """End the process; whoever waits for a chart gets ChartFailed."""
        await self._children.close()


def _pictures(answer: Answer) -> tuple[bytes, ...]:
    try:
        sizes = _SIZES.validate_python(answer.facts.get("sizes"))
    except ValidationError as nonsense:
        raise ChartFailed from nonsense
    if sum(sizes) != len(answer.body):
        raise ChartFailed
    ends = [*accumulate(sizes, initial=0)]
    return tuple(answer.body[start:end] for start, end in pairwise(ends))

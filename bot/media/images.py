"""Input pictures. They come from strangers: bounded before they are decoded, made plain before they leave.

What leaves is a JPEG or PNG that every provider takes: upright, opaque, sRGB, without metadata
(a photograph's EXIF says where it was taken). A file that is so already keeps its pixels bit for
bit and only loses the metadata.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Self

from pydantic import TypeAdapter, ValidationError

from bot.media.children import Answer, ChildFailed, Children, Patience, Why
from bot.media.confined import Bounds
from bot.media.errors import (
    Fit,
    NoDecoder,
    NotAPicture,
    PictureRefused,
    PictureTooBig,
    TooDemanding,
    Unreadable,
)
from bot.media.facts import NormalisedPicture
from bot.media.formats import ImageFormat, sniff
from bot.media.shape import DEFAULT, Limits

__all__ = ["DEFAULT", "Fit", "ImageFormat", "Images", "Limits", "NormalisedPicture", "sniff"]

BOUNDS = Bounds(memory_bytes=1_500_000_000, cpu_s=30, file_bytes=0)
"""The largest that is let in takes 1.1 GB and 3 s."""
PATIENCE = Patience(silent_s=120, whole_s=120)

_PICTURE = TypeAdapter(NormalisedPicture)


class Images:
    """Decodes pictures in processes of its own, `workers` at a time."""

    def __init__(self, workers: int = 2, *, bounds: Bounds = BOUNDS, patience: Patience = PATIENCE) -> None:
        self._children = Children("bot.media.picture_work", count=workers, bounds=bounds, patience=patience)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def normalise(
        self, data: bytes, *, fit: Fit = Fit.REFUSE, limits: Limits = DEFAULT
    ) -> NormalisedPicture:
        """Make a foreign picture acceptable, changing its shape only as `fit` allows.

        Raises:
            PictureRefused: a sentence for a person; `remedies` says which `fit` would do.
            NoDecoder: nothing can be said of it now.
        """
        return _picture(await self._done("normalise", {"fit": fit}, data, limits))

    async def mask(
        self, data: bytes, picture: NormalisedPicture, *, limits: Limits = DEFAULT
    ) -> NormalisedPicture:
        """A foreign mask as an opaque 8-bit grey PNG of exactly the size of its picture: white is painted.

        What is bright in any colour is painted; where the mask is transparent, nothing is. Pixels are picked
        and not mixed, so that an edge stays one. The picture must have kept its shape.

        Raises:
            PictureRefused: when it cannot be read, or has another shape than the picture.
            NoDecoder: nothing can be said of it now.
        """
        sizes = {"size": {"width": picture.width, "height": picture.height}, "sent": asdict(picture.sent)}
        return _picture(await self._done("mask", sizes, data, limits))

    async def thumbnail(self, data: bytes, *, max_side_px: int = 320, limits: Limits = DEFAULT) -> bytes:
        """A small JPEG of a foreign picture, whatever its shape.

        Raises:
            PictureRefused: when it cannot be read.
            NoDecoder: nothing can be said of it now.
        """
        answer = await self._done("thumbnail", {"max_side_px": max_side_px}, data, limits)
        if sniff(answer.body) is not ImageFormat.JPEG:
            raise Unreadable
        return answer.body

    async def close(self) -> None:
        """End the processes."""
        await self._children.close()

    async def _done(self, work: str, facts: Mapping[str, Any], data: bytes, limits: Limits) -> Answer:
        if sniff(data) is None:
            raise NotAPicture
        if len(data) > limits.max_input_bytes:
            raise PictureTooBig(size_bytes=len(data), max_bytes=limits.max_input_bytes)
        try:
            return await self._children.run(work, {**facts, "limits": asdict(limits)}, data)
        except ChildFailed as failure:
            raise _refusal(failure.why) from failure
        except OSError as fault:  # the machine has no room for another open file
            raise NoDecoder from fault


def _refusal(why: Why) -> PictureRefused | NoDecoder:
    match why:
        case Why.NO_PROCESS:
            return NoDecoder()
        case Why.DIED | Why.BROKEN:
            return Unreadable()
        case Why.TOO_LONG | Why.TOO_MUCH_MEMORY:
            return TooDemanding()


def _picture(answer: Answer) -> NormalisedPicture:
    try:
        picture = _PICTURE.validate_python({**answer.facts, "data": answer.body})
    except ValidationError as nonsense:
        raise Unreadable from nonsense
    kind = sniff(picture.data)
    if kind is None or picture.media_type != f"image/{kind.lower()}":
        raise Unreadable
    return picture

"""Input pictures. They come from strangers: bounded before they are decoded, made plain before they leave.

What leaves is a JPEG or PNG that every provider takes: upright, opaque, sRGB, without metadata
(a photograph's EXIF says where it was taken). A file that is so already keeps its pixels bit for
bit and only loses the metadata.
"""

import math
from dataclasses import dataclass
from typing import Literal

from PIL import Image

from bot.media import formats, pixels
from bot.media.errors import Fit, MaskMisfit, NotAPicture, PictureTooBig
from bot.media.formats import ImageFormat, sniff
from bot.media.shape import DEFAULT, Limits, Plan, Size, plan
from bot.media.workers import Workers

__all__ = ["DEFAULT", "Fit", "ImageFormat", "Images", "Limits", "NormalisedPicture", "sniff"]


@dataclass(frozen=True)
class NormalisedPicture:
    """A picture that every provider takes."""

    data: bytes
    media_type: Literal["image/jpeg", "image/png"]
    width: int
    height: int
    sent: Size
    """How large it was when it came in, upright; what is counted in its pixels is counted in these."""


class Images(Workers):
    """Decodes pictures in threads of its own, `workers` at a time, so that the event loop never waits.

    Each may need 0.5 GB for the largest PNG that is let in.
    """

    def __init__(self, workers: int = 2) -> None:
        super().__init__(workers, "images")

    async def normalise(
        self, data: bytes, *, fit: Fit = Fit.REFUSE, limits: Limits = DEFAULT
    ) -> NormalisedPicture:
        """Make a foreign picture acceptable, changing its shape only as `fit` allows.

        Raises:
            PictureRefused: a sentence for a person; `remedies` says which `fit` would do.
        """
        return await self.run(lambda _: _normalise(data, fit, limits))

    async def mask(
        self, data: bytes, picture: NormalisedPicture, *, limits: Limits = DEFAULT
    ) -> NormalisedPicture:
        """A foreign mask as an opaque 8-bit grey PNG of exactly the size of its picture: white is painted.

        What is bright in any colour is painted; where the mask is transparent, nothing is. Pixels are picked
        and not mixed, so that an edge stays one. The picture must have kept its shape.

        Raises:
            PictureRefused: when it cannot be read, or has another shape than the picture.
        """
        return await self.run(lambda _: _mask(data, picture, limits))

    async def thumbnail(self, data: bytes, *, max_side_px: int = 320, limits: Limits = DEFAULT) -> bytes:
        """A small JPEG of a foreign picture, whatever its shape.

        Raises:
            PictureRefused: when it cannot be read.
        """
        return await self.run(lambda _: _thumbnail(data, max_side_px, limits))


def _normalise(data: bytes, fit: Fit, limits: Limits) -> NormalisedPicture:
    kind, image = _open(data, limits)
    turn = pixels.orientation(image)
    todo = plan(pixels.upright_size(image, turn), fit, limits)
    if turn == 1 and not todo.changes and (kept := _unchanged(data, kind, image, limits)):
        return kept
    pixels.decode(image, at_least_px=_needed_px(todo))
    result = pixels.reshape(pixels.opaque_srgb(pixels.upright(image, turn)), todo)
    # A lossless picture stays lossless while its pixels are its own. Once they are resampled there
    # is nothing exact to keep, and a JPEG at 95 with full colour resolution is a fifth of the size.
    lossless = formats.is_lossless(data, kind) and not todo.changes
    return _encoded(result, limits, sent=todo.source, lossless=lossless)


def _mask(data: bytes, picture: NormalisedPicture, limits: Limits) -> NormalisedPicture:
    _, image = _open(data, limits)
    turn = pixels.orientation(image)
    sent = pixels.upright_size(image, turn)
    if not sent.has_shape_of(picture.sent):
        raise MaskMisfit(mask=(sent.width, sent.height), picture=(picture.sent.width, picture.sent.height))
    pixels.decode(image)
    result = pixels.painted(pixels.upright(image, turn), Size(picture.width, picture.height))
    png = pixels.encode(result, "PNG")
    if len(png) > limits.max_bytes:
        raise PictureTooBig(size_bytes=len(png), max_bytes=limits.max_bytes)
    return NormalisedPicture(png, "image/png", picture.width, picture.height, sent)


def _open(data: bytes, limits: Limits) -> tuple[ImageFormat, Image.Image]:
    if (kind := sniff(data)) is None:
        raise NotAPicture
    if len(data) > limits.max_input_bytes:
        raise PictureTooBig(size_bytes=len(data), max_bytes=limits.max_input_bytes)
    return kind, pixels.open_picture(data, kind, limits)


def _needed_px(todo: Plan) -> int | None:
    """How long the long side must be decoded; None for all of it."""
    factor = todo.target.long_px / todo.shape.long_px
    return math.ceil(todo.source.long_px * factor) if factor < 1 else None


def _unchanged(
    data: bytes, kind: ImageFormat, image: Image.Image, limits: Limits
) -> NormalisedPicture | None:
    """The file without its metadata, if that is all it takes."""
    bare = _bare(data, kind, image)
    if bare is None or len(bare) > limits.max_bytes:
        return None
    # What leaves is what is checked: all of it is read, a JPEG at an eighth of its size to be quick.
    pixels.decode(pixels.open_picture(bare, kind, limits), at_least_px=image.width // 8)
    media_type = "image/jpeg" if kind is ImageFormat.JPEG else "image/png"
    return NormalisedPicture(
        bare, media_type, image.width, image.height, sent=Size(image.width, image.height)
    )


def _bare(data: bytes, kind: ImageFormat, image: Image.Image) -> bytes | None:
    profile = image.info.get("icc_profile")
    if profile and (image.mode != "RGB" or not pixels.is_srgb(profile)):
        return None
    if kind is ImageFormat.JPEG and image.mode in ("L", "RGB"):
        return formats.bare_jpeg(data)
    if kind is ImageFormat.PNG and formats.is_eight_bit_png(data) and "transparency" not in image.info:
        return formats.bare_png(data)
    return None


def _encoded(image: Image.Image, limits: Limits, *, sent: Size, lossless: bool) -> NormalisedPicture:
    """Encode, as a PNG if it fits; else as a JPEG, scaled down until it fits."""
    if lossless and len(data := pixels.encode(image, "PNG")) <= limits.max_bytes:
        return NormalisedPicture(data, "image/png", image.width, image.height, sent)
    while len(data := pixels.encode(image, "JPEG")) > limits.max_bytes:
        factor = 0.95 * math.sqrt(limits.max_bytes / len(data))
        if min(image.size) * factor < limits.min_side_px:
            raise PictureTooBig(size_bytes=len(data), max_bytes=limits.max_bytes)
        image = pixels.scaled(image, Size(image.width, image.height).scaled(factor))
    return NormalisedPicture(data, "image/jpeg", image.width, image.height, sent)


def _thumbnail(data: bytes, max_side_px: int, limits: Limits) -> bytes:
    _, image = _open(data, limits)
    turn = pixels.orientation(image)
    pixels.decode(image, at_least_px=max_side_px * 2)  # twice as fine, so that Lanczos has something to do
    result = pixels.opaque_srgb(pixels.upright(image, turn))
    result.thumbnail((max_side_px, max_side_px), Image.Resampling.LANCZOS)
    return pixels.encode(result, "JPEG", quality=85)

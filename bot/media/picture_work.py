"""What is done to foreign pictures, in a process of its own (`bot.media.images` starts it)."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from PIL import Image

from bot.media import formats, pixels
from bot.media.confined import Answer, Beat, serve
from bot.media.errors import Fit, MaskEmpty, MaskMisfit, NotAPicture, PictureTooBig
from bot.media.facts import NormalisedPicture
from bot.media.formats import ImageFormat, sniff
from bot.media.shape import Limits, Plan, Size, plan


def normalise(data: bytes, fit: Fit, limits: Limits) -> NormalisedPicture:
    """Make a picture acceptable; raises `PictureRefused`."""
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


def mask(data: bytes, size: Size, sent: Size, limits: Limits) -> NormalisedPicture:
    """A mask for a picture that came in as large as `sent` and is of this size now; raises `PictureRefused`."""
    _, image = _open(data, limits)
    turn = pixels.orientation(image)
    own = pixels.upright_size(image, turn)
    if not own.has_shape_of(sent):
        raise MaskMisfit(mask=(own.width, own.height), picture=(sent.width, sent.height))
    pixels.decode(image)
    result = pixels.painted(pixels.upright(image, turn), size)
    if result.getbbox() is None:
        raise MaskEmpty
    png = pixels.encode(result, "PNG")
    if len(png) > limits.max_bytes:
        raise PictureTooBig(size_bytes=len(png), max_bytes=limits.max_bytes)
    return NormalisedPicture(png, "image/png", size.width, size.height, sent=own)


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


def thumbnail(data: bytes, max_side_px: int, limits: Limits) -> bytes:
    """A small JPEG of a picture; raises `PictureRefused`."""
    _, image = _open(data, limits)
    turn = pixels.orientation(image)
    pixels.decode(image, at_least_px=max_side_px * 2)  # twice as fine, so that Lanczos has something to do
    result = pixels.opaque_srgb(pixels.upright(image, turn))
    result.thumbnail((max_side_px, max_side_px), Image.Resampling.LANCZOS)
    return pixels.encode(result, "JPEG", quality=85)


def _normalise_order(facts: Mapping[str, Any], data: bytes, _: Beat) -> Answer:
    return _answered(normalise(data, Fit(facts["fit"]), Limits(**facts["limits"])))


def _mask_order(facts: Mapping[str, Any], data: bytes, _: Beat) -> Answer:
    size, sent = Size(**facts["size"]), Size(**facts["sent"])
    return _answered(mask(data, size, sent, Limits(**facts["limits"])))


def _thumbnail_order(facts: Mapping[str, Any], data: bytes, _: Beat) -> Answer:
    return {}, thumbnail(data, facts["max_side_px"], Limits(**facts["limits"]))


def _answered(picture: NormalisedPicture) -> Answer:
    facts = {
        "media_type": picture.media_type,
        "width": picture.width,
        "height": picture.height,
        "sent": asdict(picture.sent),
    }
    return facts, picture.data


if __name__ == "__main__":
    serve({"normalise": _normalise_order, "mask": _mask_order, "thumbnail": _thumbnail_order})

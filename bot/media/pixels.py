"""Work on decoded pixels with Pillow: reading foreign bytes, turning, colours, shape, writing."""

import contextlib
import io
from typing import Literal

from PIL import Image, ImageChops, ImageCms, ImageEnhance, ImageFilter, ImageOps, ImageStat

from bot.media.errors import TooManyPixels, Unreadable
from bot.media.formats import ImageFormat, webp_size
from bot.media.shape import Limits, Plan, Size

_LANCZOS = Image.Resampling.LANCZOS
_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]  # untyped C

_MAX_SCANS = 100  # a progressive JPEG has about ten; each costs a pass over all its pixels
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def open_picture(data: bytes, kind: ImageFormat, limits: Limits) -> Image.Image:
    """Read the header only, and judge from it whether decoding is safe.

    Raises:
        TooManyPixels, Unreadable: when it is not.
    """
    if kind is ImageFormat.JPEG and data.count(b"\xff\xda") > _MAX_SCANS:
        raise Unreadable
    if kind is ImageFormat.WEBP and (size := webp_size(data)):
        _check_pixels(*size, limits)
    try:
        image = Image.open(io.BytesIO(data), formats=[kind.value])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as bomb:
        raise TooManyPixels(width=None, height=None, max_pixels=limits.max_pixels) from bomb
    except MemoryError:
        raise
    except Exception as broken:
        raise Unreadable from broken
    _check_pixels(image.width, image.height, limits)
    return image


def _check_pixels(width: int, height: int, limits: Limits) -> None:
    if width * height > limits.max_pixels:
        raise TooManyPixels(width=width, height=height, max_pixels=limits.max_pixels)


def decode(image: Image.Image, *, at_least_px: int | None = None) -> None:
    """Decode the first frame; a JPEG only as finely as a long side of `at_least_px` needs.

    Raises:
        Unreadable: when the bytes are cut off or damaged.
    """
    try:
        if at_least_px is not None:
            factor = min(1.0, at_least_px / max(image.size))
            image.draft(None, (int(image.width * factor), int(image.height * factor)))  # None keeps the mode
        image.load()
    except MemoryError:
        raise
    except Exception as broken:  # Pillow raises a dozen kinds on hostile bytes
        raise Unreadable from broken
    if image.mode == "P" and image.palette is None:  # Pillow takes a PNG that has lost its own
        raise Unreadable


def orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 (upright) when there is none or it makes no sense."""
    with contextlib.suppress(Exception):  # a broken EXIF block is no reason to refuse the picture
        value = image.getexif().get(_ORIENTATION, 1)
        return value if value in _TURNS else 1
    return 1


def upright_size(image: Image.Image, turn: int) -> Size:
    """Width and height as a person sees them."""
    width, height = image.size
    return Size(height, width) if turn >= 5 else Size(width, height)  # noqa: PLR2004 - 5 to 8 lie on their side


def upright(image: Image.Image, turn: int) -> Image.Image:
    """The picture as a person sees it."""
    return image.transpose(_TURNS[turn]) if turn in _TURNS else image


def is_srgb(profile: bytes) -> bool:
    """Whether a colour profile leaves colours as sRGB shows them; judged by effect, not by name."""
    steps = bytes(range(0, 256, 51))
    lattice = bytes(
        channel for red in steps for green in steps for blue in steps for channel in (red, green, blue)
    )
    image = Image.frombytes("RGB", (len(lattice) // 3, 1), lattice)
    converted = _through_profile(image, profile)
    return converted is not None and all(
        abs(before - after) <= 2  # noqa: PLR2004 - rounding between two tables of the same curve
        for before, after in zip(lattice, converted.tobytes(), strict=True)
    )


def opaque_srgb(image: Image.Image) -> Image.Image:
    """The decoded picture as opaque 8-bit RGB in sRGB, whatever it was, without any metadata."""
    profile = image.info.get("icc_profile")
    flat = _flattened(_eight_bit(image))
    result = (_through_profile(flat, profile) if isinstance(profile, bytes) else None) or flat.convert("RGB")
    result.info = {}
    return result


def painted(image: Image.Image, size: Size) -> Image.Image:
    """A decoded mask in 8-bit grey at another size: how bright its brightest channel is, black where transparent."""
    picked = image.resize((size.width, size.height), Image.Resampling.NEAREST)
    if not picked.has_transparency_data:
        return _brightest(_eight_bit(picked).convert("RGB"))
    layers = picked.convert("RGBA")
    return ImageChops.multiply(_brightest(layers.convert("RGB")), layers.getchannel("A"))


def _brightest(image: Image.Image) -> Image.Image:
    return image.convert("HSV").getchannel("V")


def _eight_bit(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit grey; Pillow's own conversion clips at 255
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    return image


def _flattened(image: Image.Image) -> Image.Image:
    """Transparent parts become white, or black where what is visible is nearly white itself."""
    if not image.has_transparency_data:
        return image.convert("RGB") if image.mode in ("1", "P", "PA", "LA") else image
    layers = image if image.mode == "RGBA" else image.convert("RGBA")  # each copy of the largest has 200 MB
    alpha = layers.getchannel("A")
    if alpha.getextrema() == (255, 255):
        return layers.convert("RGB")
    seen = layers.resize((64, 64), Image.Resampling.NEAREST)
    luminance = ImageStat.Stat(seen.convert("L"), seen.getchannel("A").point([0] * 128 + [255] * 128)).mean
    shade = 0 if luminance and luminance[0] > 200 else 255  # noqa: PLR2004 - white on white is lost
    ground = Image.new("RGB", layers.size, (shade,) * 3)
    ground.paste(layers.convert("RGB"), mask=alpha)
    return ground


def _through_profile(image: Image.Image, profile: bytes) -> Image.Image | None:
    """The picture in sRGB; None when the profile is broken or for another kind of picture."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(image, source, _SRGB, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


def scaled(image: Image.Image, size: Size) -> Image.Image:
    """The picture at another size."""
    return image.resize((size.width, size.height), _LANCZOS)


def reshape(image: Image.Image, plan: Plan) -> Image.Image:
    """Crop or pad, and scale. The picture may have been decoded smaller than `plan.source`."""
    target = plan.target
    if not plan.pads:
        return _cover(image, target)
    result = _backdrop(image, target)
    factor = target.long_px / plan.shape.long_px
    inner = plan.source.scaled(factor)
    inner = Size(min(inner.width, target.width), min(inner.height, target.height))
    picture = scaled(image, inner)
    result.paste(picture, ((target.width - inner.width) // 2, (target.height - inner.height) // 2))
    return result


def _cover(image: Image.Image, target: Size) -> Image.Image:
    """The middle of the picture, scaled to fill the target."""
    size = (target.width, target.height)
    return image if image.size == size else ImageOps.fit(image, size, _LANCZOS)


def _backdrop(image: Image.Image, target: Size) -> Image.Image:
    """The picture enlarged to fill, blurred and darkened: quiet, and in its own colours.

    Blurred small and scaled up, which looks the same and takes a hundredth of the time.
    """
    small = _cover(image, target.scaled(192 / target.long_px)).filter(ImageFilter.GaussianBlur(8))
    dark = ImageEnhance.Brightness(small).enhance(0.55)
    return dark.resize((target.width, target.height), Image.Resampling.BICUBIC)


def encode(image: Image.Image, kind: Literal["JPEG", "PNG"], quality: int = 95) -> bytes:
    """The picture as a file: JPEG with full colour resolution, or PNG."""
    buffer = io.BytesIO()
    if kind == "PNG":
        image.save(buffer, "PNG", compress_level=4)  # half the time of the default for 3 % more bytes
    else:
        image.save(buffer, "JPEG", quality=quality, subsampling=0)
    return buffer.getvalue()

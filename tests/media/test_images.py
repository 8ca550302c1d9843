# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# (Pillow leaves its colour profiles open.)

import io
import zlib
from collections.abc import Callable

import pytest
from PIL import Image, ImageChops, ImageCms, ImageStat

from bot.media import picture_work, pixels
from bot.media.errors import (
    Fit,
    MaskEmpty,
    MaskMisfit,
    NotAPicture,
    OddShape,
    PictureTooBig,
    TooManyPixels,
    TooSmall,
    Unreadable,
)
from bot.media.images import DEFAULT, Images, Limits, NormalisedPicture

Picture = Callable[..., Image.Image]
Encoded = Callable[..., bytes]


def shown(result: NormalisedPicture | bytes) -> Image.Image:
    data = result if isinstance(result, bytes) else result.data
    image = Image.open(io.BytesIO(data))
    image.load()
    if isinstance(result, NormalisedPicture):
        assert image.size == (result.width, result.height)
        assert result.media_type == f"image/{(image.format or '').lower()}"
    return image


def pixel(image: Image.Image, x: int, y: int) -> tuple[int, ...]:
    value = image.getpixel((x, y))
    assert isinstance(value, tuple)
    return value


def difference(one: Image.Image, other: Image.Image) -> float:
    """The mean difference of the worst channel."""
    return max(ImageStat.Stat(ImageChops.difference(one.convert("RGB"), other.convert("RGB"))).mean)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
async def test_a_plain_file_keeps_its_pixels_and_loses_its_metadata(
    kind: str, images: Images, picture: Picture, encoded: Encoded
) -> None:
    exif = Image.Exif()
    exif[0x010F] = "secret camera"
    exif.get_ifd(0x8825)[2] = (48.0, 51.0, 29.0)
    options = {"comment": b"secret comment"} if kind == "JPEG" else {}
    data = encoded(picture(), kind, exif=exif, **options)
    result = await images.normalise(data)
    assert b"secret" in data
    assert b"secret" not in result.data
    assert not shown(result).getexif()
    assert shown(result).tobytes() == Image.open(io.BytesIO(data)).tobytes()
    assert result.data == (await images.normalise(result.data)).data


async def test_a_jpeg_is_not_compressed_again(images: Images, picture: Picture, encoded: Encoded) -> None:
    data = encoded(picture(), "JPEG", quality=60)
    assert (await images.normalise(data)).data == data


async def test_xmp_is_removed(images: Images, picture: Picture, encoded: Encoded) -> None:
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>secret place</x:xmpmeta>"
    result = await images.normalise(encoded(picture(), "JPEG", xmp=xmp))
    assert b"secret" not in result.data


STORED = {  # how the pixels lie in a file of this orientation
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


async def test_of_a_phone_picture_with_more_inside_only_the_first_remains(
    images: Images, picture: Picture, encoded: Encoded
) -> None:
    exif = Image.Exif()
    exif[0x010F] = "secret camera"
    both = encoded(picture(), "MPO", save_all=True, append_images=[Image.new("RGB", (640, 480))], exif=exif)
    result = await images.normalise(both)
    assert result.data.count(b"\xff\xd8\xff") == 1 < both.count(b"\xff\xd8\xff")
    assert b"secret" not in result.data
    assert difference(shown(result), picture()) < 2


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_every_orientation_comes_out_upright(
    kind: str, orientation: int, images: Images, picture: Picture, encoded: Encoded
) -> None:
    turn = STORED[orientation]
    stored = picture() if turn is None else picture().transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = (
        {"quality": 98, "subsampling": 0} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    )
    result = await images.normalise(encoded(stored, kind, exif=exif, **options))
    assert (result.width, result.height) == (640, 480)
    assert difference(shown(result), picture()) < 1


@pytest.mark.parametrize("value", [0, 9, 65_535])
async def test_a_senseless_orientation_is_upright(
    value: int, images: Images, picture: Picture, encoded: Encoded
) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    assert difference(shown(await images.normalise(encoded(picture(), "JPEG", exif=exif))), picture()) < 2


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
async def test_every_png_mode_is_read(mode: str, images: Images, picture: Picture, encoded: Encoded) -> None:
    source = picture().convert("L") if mode in ("1", "L", "LA", "I;16") else picture()
    if mode == "I;16":
        stored = source.convert("I").point(lambda value: value * 257).convert("I;16")
    else:
        source = source.convert(mode)
        stored = source
    result = await images.normalise(encoded(stored, "PNG"))
    assert result.media_type == "image/png"
    assert shown(result).mode in ("L", "RGB")
    assert difference(shown(result), source) <= 1


async def test_cmyk_becomes_rgb(images: Images, picture: Picture, encoded: Encoded) -> None:
    result = await images.normalise(encoded(picture().convert("CMYK"), "JPEG", quality=95))
    assert shown(result).mode == "RGB"
    assert difference(shown(result), picture()) < 2


@pytest.mark.parametrize(
    ("kind", "options"), [("GIF", {}), ("WEBP", {"lossless": True}), ("PNG", {"default_image": False})]
)
async def test_of_an_animation_the_first_frame_is_used(
    kind: str, options: dict[str, object], images: Images, picture: Picture, encoded: Encoded
) -> None:
    others = [Image.new("RGB", (640, 480), colour) for colour in ("white", "black")]
    result = await images.normalise(encoded(picture(), kind, save_all=True, append_images=others, **options))
    assert difference(shown(result), picture()) < 3
    assert getattr(shown(result), "n_frames", 1) == 1


@pytest.mark.parametrize(("ink", "paper"), [((0, 0, 0), 255), ((255, 255, 255), 0), ((200, 40, 40), 255)])
async def test_what_is_transparent_contrasts_with_what_is_seen(
    ink: tuple[int, int, int], paper: int, images: Images, encoded: Encoded
) -> None:
    logo = Image.new("RGBA", (400, 400), (*ink, 0))
    logo.paste((*ink, 255), (100, 100, 300, 300))
    result = shown(await images.normalise(encoded(logo)))
    assert result.getpixel((10, 10)) == (paper,) * 3
    assert result.getpixel((200, 200)) == ink


@pytest.mark.parametrize("clear", [0, 128])
async def test_wholly_transparent_pictures_are_read(clear: int, images: Images, encoded: Encoded) -> None:
    result = await images.normalise(encoded(Image.new("RGBA", (300, 300), (9, 9, 9, clear // 2))))
    assert shown(result).mode == "RGB"


async def test_palette_transparency_is_flattened(images: Images, picture: Picture, encoded: Encoded) -> None:
    stored = picture().quantize(16)
    corner = stored.getpixel((0, 0))
    result = shown(await images.normalise(encoded(stored, "PNG", transparency=corner)))
    assert result.getpixel((0, 0)) == (255, 255, 255)
    assert result.getpixel((639, 0)) != (255, 255, 255)


def swapped_profile() -> bytes:
    """An RGB profile in which red and blue are exchanged: sRGB with its rXYZ and bXYZ tags renamed."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"tmp1").replace(b"bXYZ", b"rXYZ").replace(b"tmp1", b"bXYZ")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_another_colour_space_becomes_srgb(kind: str, images: Images, encoded: Encoded) -> None:
    data = encoded(Image.new("RGB", (320, 320), (250, 10, 10)), kind, icc_profile=swapped_profile())
    result = shown(await images.normalise(data))
    red, _, blue = pixel(result, 100, 100)
    assert (red < 60, blue > 200) == (True, True)
    assert "icc_profile" not in result.info


async def test_an_srgb_profile_changes_nothing(images: Images, picture: Picture, encoded: Encoded) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    plain = encoded(picture(), "JPEG")
    assert (await images.normalise(encoded(picture(), "JPEG", icc_profile=profile))).data == plain


async def test_a_broken_profile_is_passed_over(images: Images, picture: Picture, encoded: Encoded) -> None:
    result = await images.normalise(encoded(picture(), "PNG", icc_profile=b"not a profile"))
    assert difference(shown(result), picture()) == 0
    assert "icc_profile" not in shown(result).info


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
@pytest.mark.parametrize("part", [0.05, 0.5, 0.9])
async def test_a_truncated_file_is_refused_in_a_sentence(
    kind: str, part: float, images: Images, encoded: Encoded
) -> None:
    data = encoded(Image.effect_noise((400, 400), 90).convert("RGB"), kind)
    with pytest.raises(Unreadable, match="damaged or cut off"):
        await images.normalise(data[: int(len(data) * part)])


async def test_what_is_no_picture_is_refused(images: Images) -> None:
    with pytest.raises(NotAPicture, match="JPEG, PNG, WebP or GIF"):
        await images.normalise(b"%PDF-1.7")


async def test_too_many_bytes_are_refused_before_decoding(
    images: Images, encoded: Encoded, picture: Picture
) -> None:
    with pytest.raises(PictureTooBig, match=r"25 MB and the limit is 25 MB|25\.\d+ MB") as refusal:
        await images.normalise(encoded(picture(), "JPEG") + bytes(25_000_000))
    assert refusal.value.max_bytes == 25_000_000


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "JPEG"])
@pytest.mark.parametrize("side_px", [8000, 16_000])
def test_a_bomb_is_refused_by_its_header(kind: str, side_px: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixels, "decode", None)  # decoding would fail otherwise than by a refusal
    size = side_px.to_bytes(2, "little")
    header = {
        "PNG": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + side_px.to_bytes(4) * 2 + b"\x08\x02\0\0\0",
        "WEBP": b"RIFF\x20\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + (side_px - 1).to_bytes(3, "little") * 2,
        "GIF": b"GIF89a" + size * 2 + b"\0\0\0,\0\0\0\0" + size * 2 + b"\0\x02\0",
        "JPEG": b"\xff\xd8\xff\xc0\0\x11\x08"
        + side_px.to_bytes(2) * 2
        + b"\x03\x01\x11\0\x02\x11\0\x03\x11\0",
    }[kind]
    if kind == "PNG":
        header += zlib.crc32(header[12:]).to_bytes(4) + b"\0\0\0\0IDAT\x35\xaf\x06\x1e"
    if kind == "JPEG":
        header += b"\xff\xda\0\x0c\x03\x01\0\x02\0\x03\0\0\x3f\0"
    with pytest.raises(TooManyPixels, match="50 megapixels"):
        picture_work.normalise(header, Fit.REFUSE, DEFAULT)


async def test_odd_shapes_are_refused_with_remedies(
    images: Images, picture: Picture, encoded: Encoded
) -> None:
    with pytest.raises(OddShape) as refusal:
        await images.normalise(encoded(picture(1200, 400)))
    assert refusal.value.remedies == (Fit.PAD, Fit.CROP)
    with pytest.raises(TooSmall):
        await images.normalise(encoded(picture(200, 200)))


async def test_padding_keeps_the_whole_picture_on_a_dark_blur_of_it(
    images: Images, picture: Picture, encoded: Encoded
) -> None:
    result = await images.normalise(encoded(picture(1200, 400)), fit=Fit.PAD)
    assert (result.width, result.height) == (1200, 480)
    padded = shown(result)
    assert difference(padded.crop((0, 40, 1200, 440)), picture(1200, 400)) < 2
    red, green, _ = pixel(padded, 200, 5)
    assert green < 60 < red < 150  # the reds of the upper left, darker


async def test_cropping_keeps_the_middle(images: Images, picture: Picture, encoded: Encoded) -> None:
    result = await images.normalise(encoded(picture(1200, 400)), fit=Fit.CROP)
    assert (result.width, result.height) == (1000, 400)
    assert difference(shown(result), picture(1000, 400)) < 2


async def test_a_small_picture_is_enlarged(images: Images, picture: Picture, encoded: Encoded) -> None:
    result = await images.normalise(encoded(picture(100, 160)), fit=Fit.ENLARGE)
    assert (result.width, result.height, result.media_type) == (300, 480, "image/jpeg")


async def test_a_turned_odd_picture_is_padded_upright(
    images: Images, picture: Picture, encoded: Encoded
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    result = await images.normalise(encoded(picture(1200, 400), "JPEG", exif=exif), fit=Fit.PAD)
    assert (result.width, result.height) == (480, 1200)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
async def test_a_picture_too_large_for_providers_is_scaled_down(
    kind: str, images: Images, picture: Picture, encoded: Encoded
) -> None:
    result = await images.normalise(encoded(picture(2600, 1300), kind), limits=Limits(max_side_px=640))
    assert (result.width, result.height) == (640, 320)
    assert difference(shown(result), picture(640, 320)) < 2


async def test_too_many_bytes_after_conversion_are_scaled_down(images: Images, encoded: Encoded) -> None:
    noise = Image.effect_noise((900, 900), 120).convert("RGBA")
    noise.putpixel((0, 0), (0, 0, 0, 0))
    result = await images.normalise(encoded(noise), limits=Limits(max_bytes=400_000))
    assert result.media_type == "image/jpeg"
    assert len(result.data) <= 400_000
    assert 300 <= result.width == result.height < 900


async def test_a_picture_that_cannot_be_small_enough_is_refused(images: Images, encoded: Encoded) -> None:
    noise = encoded(Image.effect_noise((300, 300), 120))
    with pytest.raises(PictureTooBig):
        await images.normalise(noise, limits=Limits(max_bytes=5000))


async def test_a_lossless_picture_stays_lossless(images: Images, encoded: Encoded) -> None:
    noise = Image.merge("RGB", [Image.effect_noise((320, 320), 90) for _ in range(3)])
    result = await images.normalise(encoded(noise, "WEBP", lossless=True))
    assert (result.media_type, difference(shown(result), noise)) == ("image/png", 0)
    assert (await images.normalise(encoded(noise, "WEBP"))).media_type == "image/jpeg"


async def test_a_thumbnail_is_a_small_upright_jpeg(
    images: Images, picture: Picture, encoded: Encoded
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    stored = picture(2000, 500).transpose(Image.Transpose.ROTATE_180)
    small = shown(await images.thumbnail(encoded(stored, "JPEG", exif=exif), max_side_px=200))
    assert (small.format, small.size) == ("JPEG", (200, 50))
    assert difference(small, picture(200, 50)) < 4


async def test_a_thumbnail_of_a_tiny_picture_is_not_enlarged(images: Images, encoded: Encoded) -> None:
    assert shown(await images.thumbnail(encoded(Image.new("RGBA", (3, 2))))).size == (3, 2)


Colour = float | tuple[int, ...]


def strokes(mode: str, ground: Colour, stroke: Colour, size: tuple[int, int] = (640, 480)) -> Image.Image:
    """A mask whose left half is painted."""
    image = Image.new(mode, size, ground)
    image.paste(stroke, (0, 0, size[0] // 2, size[1]))
    return image


CLEAR, RED = (0, 0, 0, 0), (255, 0, 0)


@pytest.mark.parametrize(
    "mask",
    [
        strokes("RGB", (0, 0, 0), (255, 255, 255)),
        strokes("L", 0, 255),
        strokes("1", 0, 1),
        strokes("RGB", (0, 0, 0), RED),
        strokes("RGBA", CLEAR, (*RED, 255)),
        strokes("RGBA", (255, 255, 255, 0), (255, 255, 255, 255)),
        strokes("LA", (255, 0), (255, 255)),
        strokes("RGB", (0, 0, 0), RED).quantize(4),
        strokes("I;16", 0, 65_535),
        strokes("RGB", (0, 0, 0), RED, size=(320, 240)),
        strokes("RGB", (0, 0, 0), RED, size=(1280, 960)),
    ],
    ids=lambda mask: f"{mask.mode} {mask.width}",
)
async def test_a_mask_becomes_black_and_white_on_the_pixels_of_its_picture(
    images: Images, picture: Picture, encoded: Encoded, mask: Image.Image
) -> None:
    whole = await images.normalise(encoded(picture(), "PNG"))
    result = await images.mask(encoded(mask, "PNG"), whole)
    seen = shown(result)
    assert (seen.mode, seen.size, seen.info) == ("L", (640, 480), {})
    assert seen.crop((0, 0, 320, 480)).getextrema() == (255, 255)
    assert seen.crop((320, 0, 640, 480)).getextrema() == (0, 0)


async def test_a_mask_follows_a_picture_that_was_made_smaller(
    images: Images, picture: Picture, encoded: Encoded
) -> None:
    whole = await images.normalise(encoded(picture(1200, 900), "JPEG"), limits=Limits(max_side_px=600))
    assert (whole.width, whole.height, whole.sent.width, whole.sent.height) == (600, 450, 1200, 900)
    result = await images.mask(encoded(strokes("L", 0, 255, size=(1200, 900)), "JPEG"), whole)
    assert (result.width, result.height, result.media_type) == (600, 450, "image/png")


async def test_a_mask_and_its_picture_are_turned_upright_each_by_itself(
    images: Images, picture: Picture, encoded: Encoded
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    whole = await images.normalise(
        encoded(picture(480, 640).transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif)
    )
    assert (whole.sent.width, whole.sent.height) == (480, 640)
    seen = shown(await images.mask(encoded(strokes("L", 0, 255, size=(480, 640)), "PNG"), whole))
    assert seen.crop((0, 0, 240, 640)).getextrema() == (255, 255)


@pytest.mark.parametrize(("width", "height"), [(640, 360), (480, 640), (648, 480)])
async def test_a_mask_of_another_shape_is_refused_with_both_sizes(
    images: Images, picture: Picture, encoded: Encoded, width: int, height: int
) -> None:
    whole = await images.normalise(encoded(picture(), "PNG"))
    with pytest.raises(MaskMisfit, match=f"{width} by {height} pixels and its picture 640 by 480"):
        await images.mask(encoded(strokes("L", 0, 255, size=(width, height)), "PNG"), whole)


@pytest.mark.parametrize(
    "empty",
    [
        Image.new("1", (640, 480)),
        Image.new("RGB", (640, 480)),
        Image.new("RGBA", (640, 480), (255, 255, 255, 0)),
    ],
    ids=["black", "black in colour", "transparent"],
)
async def test_a_mask_on_which_nothing_is_painted_is_refused(
    images: Images, picture: Picture, encoded: Encoded, empty: Image.Image
) -> None:
    whole = await images.normalise(encoded(picture(), "PNG"))
    with pytest.raises(MaskEmpty, match="Nothing is painted"):
        await images.mask(encoded(empty, "PNG"), whole)


async def test_a_mask_that_lost_a_pixel_to_rounding_is_taken(
    images: Images, picture: Picture, encoded: Encoded
) -> None:
    whole = await images.normalise(encoded(picture(), "PNG"))
    for size in ((213, 160), (644, 480), (67, 50)):
        result = await images.mask(encoded(strokes("L", 0, 255, size=size), "PNG"), whole)
        assert (result.width, result.height) == (640, 480)


async def test_a_mask_is_bounded_as_pictures_are(images: Images, picture: Picture, encoded: Encoded) -> None:
    whole = await images.normalise(encoded(picture(), "PNG"))
    mask = encoded(strokes("L", 0, 255), "PNG")
    for data, limits, refusal in (
        (b"<html>", DEFAULT, NotAPicture),
        (mask[: len(mask) // 2], DEFAULT, Unreadable),
        (mask, Limits(max_pixels=10_000), TooManyPixels),
        (mask, Limits(max_input_bytes=100), PictureTooBig),
        (mask, Limits(max_bytes=100), PictureTooBig),
    ):
        with pytest.raises(refusal):
            await images.mask(data, whole, limits=limits)

from collections.abc import Callable

import pytest
from PIL import Image

from bot.media.formats import ImageFormat, bare_jpeg, bare_png, is_lossless, sniff, webp_size


@pytest.mark.parametrize("kind", list(ImageFormat))
def test_a_format_is_known_by_its_bytes(
    kind: ImageFormat, picture: Callable[..., Image.Image], encoded: Callable[..., bytes]
) -> None:
    assert sniff(encoded(picture(), kind.value)) is kind


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "PPM", "ICO", "PDF"])
def test_other_formats_are_not_known(
    kind: str, picture: Callable[..., Image.Image], encoded: Callable[..., bytes]
) -> None:
    assert sniff(encoded(picture(), kind)) is None


@pytest.mark.parametrize("data", [b"", b"\xff", b"\x89PNG", b"RIFF", b"RIFF1234WAVE", b"GIF", b"<svg/>"])
def test_a_few_bytes_are_no_picture(data: bytes) -> None:
    assert sniff(data) is None


@pytest.mark.parametrize(
    "options", [{}, {"lossless": True}, {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"}]
)
def test_the_size_of_a_webp_is_read_from_its_header(
    options: dict[str, object], picture: Callable[..., Image.Image], encoded: Callable[..., bytes]
) -> None:
    assert webp_size(encoded(picture(321, 123), "WEBP", **options)) == (321, 123)


def test_a_webp_without_a_header_has_no_size() -> None:
    assert webp_size(b"RIFF\0\0\0\0WEBPJUNK") is None


def test_lossless_formats_are_told_apart(
    picture: Callable[..., Image.Image], encoded: Callable[..., bytes]
) -> None:
    assert is_lossless(encoded(picture(), "WEBP", lossless=True), ImageFormat.WEBP)
    assert not is_lossless(encoded(picture(), "WEBP"), ImageFormat.WEBP)
    assert not is_lossless(encoded(picture(), "JPEG"), ImageFormat.JPEG)


def test_what_follows_the_end_is_dropped(
    picture: Callable[..., Image.Image], encoded: Callable[..., bytes]
) -> None:
    jpeg, png = encoded(picture(), "JPEG"), encoded(picture(), "PNG")
    assert bare_jpeg(jpeg + b"secret" + jpeg) == jpeg
    assert bare_png(png + b"secret") == png


@pytest.mark.parametrize("part", [0.02, 0.5, 0.99])
def test_a_file_without_an_end_is_not_walked(
    part: float, picture: Callable[..., Image.Image], encoded: Callable[..., bytes]
) -> None:
    jpeg, png = encoded(picture(), "JPEG"), encoded(picture(), "PNG")
    assert bare_jpeg(jpeg[: int(len(jpeg) * part)]) is None
    assert bare_png(png[: int(len(png) * part)]) is None


def test_a_progressive_jpeg_is_walked_through_all_its_scans(encoded: Callable[..., bytes]) -> None:
    jpeg = encoded(
        Image.effect_noise((320, 320), 90), "JPEG", progressive=True, quality=95, comment=b"secret"
    )
    bare = bare_jpeg(jpeg)
    assert bare is not None
    assert len(bare) == len(jpeg) - len(b"\xff\xfe\0\0secret")

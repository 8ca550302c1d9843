"""Pictures on their way in: scaled once to about the size that is needed, then split into video planes."""

import math
from pathlib import Path as File

import av
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image

from bot.providers.local.camera import Matrix, Path, apply, scaling
from bot.providers.local.scene import RenderFailed

# Pixels of the scaled picture per pixel of the frame where the camera is farthest: a little more than one keeps
# detail for where it is nearest, and a cubic kernel does not alias yet.
DENSITY = 1.2
# A picture only this much larger is taken as it is: resampling it would cost more detail than it tames.
SPARE = 1.15

# Where a sample of Y, U and V lies in the frame, in pixels from the corner. Chroma has half as many each way; in H.264's
# usual siting one lies on the left of its two columns and between its two rows.
SITES = (scaling(1, 1, 0.5, 0.5), scaling(2, 2, 0.5, 1), scaling(2, 2, 0.5, 1))


def opened(path: str) -> Image.Image:
    """The picture at this path, not decoded yet; raises `RenderFailed` if it is none."""
    try:
        return Image.open(File(path), formats=("JPEG", "PNG"))  # what is kept is made so
    except (
        OSError,
        Image.DecompressionBombError,
    ) as error:  # what is no picture raises an OSError of Pillow's
        raise RenderFailed("The picture could not be read.") from error


def scaled(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The picture in RGB at this size; unless it is about that large or smaller, since the camera enlarges too."""
    picture.draft("RGB", size)  # a JPEG decodes to a half or a quarter for less
    try:
        flat = _opaque(picture)
    except (OSError, ValueError, SyntaxError) as error:  # what Pillow's decoders raise on damage
        raise RenderFailed("The picture is damaged.") from error
    if flat.width <= SPARE * size[0]:
        return flat
    return _resized(flat, size, Image.Resampling.LANCZOS)


def _opaque(picture: Image.Image) -> Image.Image:
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    paper = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(paper, picture.convert("RGBA")).convert("RGB")


def wanted(path: Path, ratio: float, overscan: float) -> tuple[int, int]:
    """How many pixels a picture of this ratio needs for this path."""
    half_x, half_y = path.covering(ratio)
    step = 2 * max(path.half) / max(path.width, path.height)
    stride = max(_stride(matrix, x, y, step) for matrix in path.sights for x, y in _spots(path))
    density = DENSITY * overscan / stride  # of half a long side
    return (math.ceil(2 * half_x * density), math.ceil(2 * half_y * density))


def _spots(path: Path) -> list[tuple[float, float]]:
    x, y = path.half
    return [(-x, -y), (x, -y), (0, 0), (-x, y), (x, y)]


def _stride(matrix: Matrix, x: float, y: float, step: float) -> float:
    """How far apart on the plane two neighbouring pixels of the frame look."""
    here = apply(matrix, x, y)
    return max(math.dist(here, apply(matrix, x + step, y)), math.dist(here, apply(matrix, x, y + step)))


def split(picture: Image.Image) -> tuple[Image.Image, Image.Image, Image.Image]:
    """The picture's Y, U and V in BT.709 limited range; U and V are half as large.

    All three span the picture alike, so that chroma's place in the video is the camera's business.
    """
    frame = av.VideoFrame.from_bytes(picture.convert("RGBA").tobytes(), *picture.size).reformat(
        format="yuv444p",
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
        dst_colorspace=Colorspace.ITU709,
    )
    y, u, v = (
        Image.frombuffer("L", picture.size, bytes(plane), "raw", "L", plane.line_size, 1)
        for plane in frame.planes
    )
    half = (-(-picture.width // 2), -(-picture.height // 2))
    return (y, _resized(u, half, Image.Resampling.BOX), _resized(v, half, Image.Resampling.BOX))


def _resized(picture: Image.Image, size: tuple[int, int], method: Image.Resampling) -> Image.Image:
    return picture.resize(size, method)

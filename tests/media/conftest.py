# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# (PyAV leaves its generics open.)

import io
import math
import random
from array import array
from collections.abc import AsyncIterator, Callable
from fractions import Fraction
from pathlib import Path

import av
import pytest
from av.video.stream import VideoStream
from PIL import Image, ImageChops

from bot.media.clips import Clips
from bot.media.images import Images


@pytest.fixture
async def images() -> AsyncIterator[Images]:
    async with Images() as opened:
        yield opened


@pytest.fixture
async def clips() -> AsyncIterator[Clips]:
    async with Clips() as opened:
        yield opened


def quadrants(width: int = 640, height: int = 480) -> Image.Image:
    """Four flat colours, so that turning and cropping show."""
    image = Image.new("RGB", (width, height), (200, 40, 40))
    image.paste((40, 200, 40), (width // 2, 0, width, height // 2))
    image.paste((40, 40, 200), (0, height // 2, width // 2, height))
    image.paste((200, 200, 40), (width // 2, height // 2, width, height))
    return image


@pytest.fixture
def picture() -> Callable[..., Image.Image]:
    return quadrants


@pytest.fixture
def encoded() -> Callable[..., bytes]:
    def encode(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
        buffer = io.BytesIO()
        image.save(buffer, kind, **options)
        return buffer.getvalue()

    return encode


def write_film(
    path: Path,
    *,
    size: tuple[int, int] = (320, 180),
    frames: int = 48,
    sound: bool = True,
    rotation: int = 0,
    codec: str = "libx264",
    tagged: bool = True,
    gop: int = 250,
) -> Path:
    """A noisy film whose picture moves; the last frame is pure red."""
    noise = Image.frombytes("RGB", size, random.Random(0).randbytes(size[0] * size[1] * 3))
    pictures = [ImageChops.offset(noise, i * 5, i * 2) for i in range(frames - 1)] + [
        Image.new("RGB", size, (255, 0, 0))
    ]
    matrix = "ITU709" if tagged or size[1] >= 720 else "ITU601"
    options = {"movflags": "+faststart"} if path.suffix == ".mp4" else {}
    with av.open(str(path), "w", options=options) as result:
        video = result.add_stream(codec, rate=24)
        assert isinstance(video, VideoStream)
        video.width, video.height = size
        video.pix_fmt = "yuv420p"
        video.bit_rate = 6_000_000
        video.codec_context.gop_size = gop
        if tagged:
            video.codec_context.colorspace = 1
        if rotation:
            video.set_display_rotation(rotation)
        audio = result.add_stream("aac", rate=44_100, layout="stereo") if sound else None
        for i, picture in enumerate(pictures):
            frame = av.VideoFrame.from_image(picture).reformat(format="yuv420p", dst_colorspace=matrix)
            frame.pts, frame.time_base = i, Fraction(1, 24)
            result.mux(video.encode(frame))
        result.mux(video.encode(None))
        if audio:
            tone = array("f", [math.sin(k * 0.06) * 0.4 for k in range(1024)]).tobytes()
            for start in range(0, int(frames / 24 * 44_100), 1024):
                frame = av.AudioFrame("fltp", "stereo", 1024)
                frame.sample_rate, frame.pts, frame.time_base = 44_100, start, Fraction(1, 44_100)
                for plane in frame.planes:
                    plane.update(tone)
                result.mux(audio.encode(frame))
            result.mux(audio.encode(None))
    return path


@pytest.fixture
def make_film(tmp_path: Path) -> Callable[..., Path]:
    def make(name: str = "made.mp4", **options: object) -> Path:
        return write_film(tmp_path / name, **options)  # pyright: ignore[reportArgumentType]  # passed on as they are

    return make


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of 320 by 180 with sound, about 1 MB."""
    return write_film(tmp_path_factory.mktemp("film") / "film.mp4")

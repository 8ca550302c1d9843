"""What is known of a picture or a clip: plain values, which go between the bot and its children."""

from dataclasses import dataclass
from typing import Literal

from bot.media.shape import Size


@dataclass(frozen=True)
class NormalisedPicture:
    """A picture that every provider takes."""

    data: bytes
    media_type: Literal["image/jpeg", "image/png"]
    width: int
    height: int
    sent: Size
    """How large it was when it came in, upright; what is counted in its pixels is counted in these."""


@dataclass(frozen=True)
class Clip:
    """A video file: its size in pixels is as it is shown, after the rotation that the file asks for."""

    width: int
    height: int
    duration_s: float
    fps: float
    codec: str
    has_audio: bool
    size_bytes: int

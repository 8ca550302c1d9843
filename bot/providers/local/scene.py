"""A scene: everything the worker needs to make one clip, as plain JSON.

Imported by the worker, so it stays free of pydantic: start-up time is part of a clip's time.
"""

import json
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.domain.requests import VideoRequest


# The short side of 16:9, 9:16 and 1:1.
SHORT_SIDES = {"std": 720, "pro": 1080}

# What the worker exits with, known here to a parent that must not load its decoders.
INTERRUPTED = 143
"""As shells say it of SIGTERM."""
NO_ROOM = 74
"""EX_IOERR of sysexits.h."""


class RenderFailed(Exception):
    """The clip could not be made; the message is one plain sentence."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One clip to make.

    `image` None draws a title card from `prompt`. `camera` is a value of `CameraMove` or `CameraPreset`, None
    the gentle default; `amount` goes with the simple moves only. Paths are strings, sizes are pixels.
    Of Kling's 24 and 30 frames a second this is 30: a screen of 60 shows each frame twice, while 24 would judder.
    """

    out: str
    width: int
    height: int
    seconds: int
    image: str | None = None
    end_frame: str | None = None
    prompt: str = ""
    camera: str | None = None
    amount: float | None = None
    fps: int = 30
    threads: int = 1

    @property
    def frames(self) -> int:
        """How many frames the clip has."""
        return self.seconds * self.fps

    def to_json(self) -> str:
        """The scene as the worker reads it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Scene":
        """Read a scene; raises `RenderFailed` on anything that is not one."""
        try:
            scene = cls(**json.loads(text))
        except (ValueError, TypeError) as error:
            raise RenderFailed(f"The scene file is not a scene: {error}.") from error
        numbers = [
            getattr(scene, field.name) for field in fields(cls) if field.type == "int" or field.type is int
        ]
        if not all(isinstance(number, int) and number > 0 for number in numbers):
            raise RenderFailed("A scene's sizes, seconds, fps and threads are whole numbers above 0.")
        if scene.width % 2 or scene.height % 2:
            raise RenderFailed(f"A clip's sides are even, not {scene.width} x {scene.height}.")
        return scene


def scene_for(
    request: "VideoRequest", *, image: Path | None, end_frame: Path | None, out: Path, threads: int
) -> Scene:
    """The scene of a request whose pictures lie at these paths; `out` is where the clip goes.

    Raises `ValueError` for a quality this machine does not render.
    """
    width, height = _size(request)
    camera = request.camera
    return Scene(
        out=str(out),
        width=width,
        height=height,
        seconds=request.duration_s,
        image=str(image) if image else None,
        end_frame=str(end_frame) if end_frame else None,
        prompt=request.prompt,
        camera=camera.move.value if camera else None,
        amount=camera.amount if camera else None,
        threads=threads,
    )


def _size(request: "VideoRequest") -> tuple[int, int]:
    short = SHORT_SIDES.get(request.quality.value if request.quality else "std")
    if short is None:
        raise ValueError("The local renderer makes 720p and 1080p clips: choose std or pro.")
    if request.aspect is None and request.image is not None:
        return _following(request.image.width / request.image.height, short)
    ratio = request.aspect.ratio if request.aspect else 16 / 9
    return (_even(short * max(ratio, 1)), _even(short * max(1 / ratio, 1)))


def _following(ratio: float, short: int) -> tuple[int, int]:
    """The size with the area of this class and the ratio of the picture, its long side capped as in 16:9."""
    cap = short * 16 / 9
    area = cap * short
    width = min(math.sqrt(area * ratio), cap, cap * ratio)
    return (_even(width), _even(width / ratio))


def _even(pixels: float) -> int:
    return max(2, 2 * round(pixels / 2))

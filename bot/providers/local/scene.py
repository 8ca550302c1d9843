"""A scene: everything the worker needs to make one clip, as plain JSON.

Imported by the worker, so it stays free of pydantic: start-up time is part of a clip's time.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

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


@dataclass(frozen=True)
class Stroke:
    """One thing that moves: the file of its mask, and its path in pixels of the picture from the top left."""

    mask: str
    path: tuple[tuple[float, float], ...]

    @classmethod
    def read(cls, facts: Mapping[str, Any]) -> "Stroke":
        """The stroke in a scene's JSON; raises `ValueError`, `TypeError` or `KeyError` where it is none."""
        path = tuple((float(x), float(y)) for x, y in facts["path"])
        if not path or not all(math.isfinite(place) for spot in path for place in spot):
            raise ValueError("a path has points")
        return cls(str(facts["mask"]), path)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One clip to make.

    `image` None draws a title card from `prompt`. `camera` is a value of `CameraMove` or `CameraPreset`, None
    the gentle default; `amount` goes with the simple moves only. Paths are strings, sizes are pixels.
    `still` is the mask of what stands still. Where anything is painted, only that moves: there is no camera, not even
    the gentle one, and no end frame, as Kling excludes them (Kling API, image to video).
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
    still: str | None = None
    strokes: tuple[Stroke, ...] = ()
    fps: int = 30
    threads: int = 1

    @property
    def frames(self) -> int:
        """How many frames the clip has."""
        return self.seconds * self.fps

    @property
    def is_painted(self) -> bool:
        """Whether what moves is painted."""
        return self.image is not None and bool(self.still or self.strokes)

    def to_json(self) -> str:
        """The scene as the worker reads it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Scene":
        """Read a scene; raises `RenderFailed` on anything that is not one."""
        try:
            facts = json.loads(text)
            scene = cls(**facts)
            scene = replace(scene, strokes=tuple(map(Stroke.read, facts.get("strokes", ()))))
        except (ValueError, TypeError, KeyError) as error:
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
    request: "VideoRequest",
    *,
    image: Path | None,
    end_frame: Path | None,
    masks: Sequence[Path] = (),
    out: Path,
    threads: int,
) -> Scene:
    """The scene of a request whose pictures lie at these paths; `out` is where the clip goes.

    The masks come in the order of `MotionBrush.masks`.
    Raises `ValueError` for a quality this machine does not render.
    """
    width, height = _size(request)
    camera = request.camera
    still, strokes = _brush(request, masks)
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
        still=still,
        strokes=strokes,
        threads=threads,
    )


def _brush(request: "VideoRequest", masks: Sequence[Path]) -> tuple[str | None, tuple[Stroke, ...]]:
    if request.motion is None:
        return None, ()
    files = [str(mask) for mask in masks]
    still = files.pop(0) if request.motion.still else None
    paths = [tuple((point.x, point.y) for point in stroke.path) for stroke in request.motion.moving]
    return still, tuple(Stroke(mask, path) for mask, path in zip(files, paths, strict=True))


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

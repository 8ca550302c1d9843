"""The camera: a pinhole before the picture's plane, and its path as a pure function of time.

Lengths are in half long sides of the frame, x to the right, y down; the neutral camera stands at `FOCAL` from the
plane, so the frame and what it sees of the plane then coincide. Angles are degrees at the edge, radians inside.
"""

import math
from dataclasses import dataclass, fields
from functools import cached_property

from bot.providers.local.scene import RenderFailed

Matrix = tuple[float, float, float, float, float, float, float, float, float]

# A lens of 36 mm on a full frame: 53 degrees along the long side. Shorter would keystone a gentle pan visibly.
FOCAL = 2.0
# The part of the time spent speeding up, and again slowing down.
RAMP = 0.25


@dataclass(frozen=True, kw_only=True)
class Pose:
    """Where the camera is and looks: `right`, `up` in half long sides; `distance` and `zoom` are factors."""

    right: float = 0
    up: float = 0
    distance: float = 1
    pan: float = 0
    tilt: float = 0
    roll: float = 0
    zoom: float = 1

    def towards(self, end: "Pose", part: float) -> "Pose":
        """The pose between; factors go geometrically, so that a zoom looks steady."""
        mixed = {
            field.name: _between(
                getattr(self, field.name), getattr(end, field.name), part, field.default == 1
            )
            for field in fields(Pose)
        }
        return Pose(**mixed)


def _between(start: float, end: float, part: float, geometric: bool) -> float:  # noqa: FBT001  # private, by position
    return start * (end / start) ** part if geometric else start + (end - start) * part


def eased(time: float) -> float:
    """How far along the path the camera is at `time` in [0, 1]: at rest at both ends, steady between (C1)."""
    if time > 1 - RAMP:
        return 1 - eased(1 - time)
    if time < RAMP:
        return time * time / (2 * RAMP * (1 - RAMP))
    return (time - RAMP / 2) / (1 - RAMP)


# What one unit of amount (of -10..10) moves in all. Slides and turns are centred on the picture, which halves the
# part lost to overscan; a roll starts level, because a tilted opening looks like a mistake.
SLIDE = 0.05
TURN_DEG = 1.4
ROLL_DEG = 1.2
ZOOM_LOG = 0.04

PRESETS = {
    None: (Pose(), Pose(distance=0.9)),
    "down_back": (Pose(up=0.12, distance=0.72), Pose(up=-0.12)),
    "forward_up": (Pose(up=-0.12), Pose(up=0.12, distance=0.72)),
    "right_turn_forward": (Pose(pan=-4), Pose(pan=5, right=0.06, distance=0.75)),
    "left_turn_forward": (Pose(pan=4), Pose(pan=-5, right=-0.06, distance=0.75)),
}


def ends(camera: str | None, amount: float | None, half: tuple[float, float] = (1, 1)) -> tuple[Pose, Pose]:
    """The first and the last pose of a named move; sideways extents are parts of the frame's halves."""
    if camera in PRESETS:
        return PRESETS[camera]
    reach = amount or 0
    across, upward = (SLIDE * reach / 2 * side for side in half)
    pan, tilt = (TURN_DEG * reach / 2 * side for side in half)
    tight = math.exp(ZOOM_LOG * abs(reach))
    moves = {
        "horizontal": (Pose(right=-across), Pose(right=across)),
        "vertical": (Pose(up=-upward), Pose(up=upward)),
        "pan": (Pose(pan=-pan), Pose(pan=pan)),
        "tilt": (Pose(tilt=-tilt), Pose(tilt=tilt)),
        "roll": (Pose(), Pose(roll=ROLL_DEG * reach)),
        "zoom": (Pose(), Pose(zoom=tight)) if reach > 0 else (Pose(zoom=tight), Pose()),
    }
    if camera not in moves:
        raise RenderFailed(f"The camera has no move called {camera}.")
    return moves[camera]


def product(left: Matrix, right: Matrix) -> Matrix:
    """The matrix that applies `right`, then `left`."""
    a, b, c, d, e, f, g, h, i = left
    columns = [right[0::3], right[1::3], right[2::3]]
    rows = [(a, b, c), (d, e, f), (g, h, i)]
    cells = [sum(x * y for x, y in zip(row, column, strict=True)) for row in rows for column in columns]
    return tuple(cells)  # pyright: ignore[reportReturnType]  # nine cells, from three times three


def scaling(x: float, y: float, right: float = 0, down: float = 0) -> Matrix:
    """Scale by (x, y), then move by (right, down)."""
    return (x, 0, right, 0, y, down, 0, 0, 1)


def apply(matrix: Matrix, x: float, y: float) -> tuple[float, float]:
    """Where a homography takes a point."""
    a, b, c, d, e, f, g, h, i = matrix
    w = g * x + h * y + i
    return ((a * x + b * y + c) / w, (d * x + e * y + f) / w)


def sight(pose: Pose) -> Matrix:
    """The homography from the frame to the spot of the plane seen there."""
    pan, tilt, roll = (math.radians(angle) for angle in (pose.pan, pose.tilt, pose.roll))
    yawed = (math.cos(pan), 0, math.sin(pan), 0, 1, 0, -math.sin(pan), 0, math.cos(pan))
    pitched = (1, 0, 0, 0, math.cos(tilt), -math.sin(tilt), 0, math.sin(tilt), math.cos(tilt))
    rolled = (math.cos(roll), -math.sin(roll), 0, math.sin(roll), math.cos(roll), 0, 0, 0, 1)
    lens = scaling(1 / (FOCAL * pose.zoom), 1 / (FOCAL * pose.zoom))
    ray = product(product(product(yawed, pitched), rolled), lens)
    reach = FOCAL * pose.distance
    return product(scaling(reach, reach, pose.right, -pose.up), ray)


@dataclass(frozen=True, kw_only=True)
class Path:
    """A camera move over a clip of this size and number of frames."""

    start: Pose
    end: Pose
    width: int
    height: int
    frames: int

    @cached_property
    def sights(self) -> tuple[Matrix, ...]:
        """The homography of each frame, from half long sides to half long sides."""
        last = max(self.frames - 1, 1)
        return tuple(sight(self.start.towards(self.end, eased(frame / last))) for frame in range(self.frames))

    @property
    def half(self) -> tuple[float, float]:
        """The frame's half width and half height."""
        long = max(self.width, self.height)
        return (self.width / long, self.height / long)

    def covering(self, ratio: float) -> tuple[float, float]:
        """Half the sides of the smallest picture of this width to height that covers the frame."""
        x, y = self.half
        return (max(x, y * ratio), max(y, x / ratio))

    def overscan(self, ratio: float) -> float:
        """The least factor that keeps every corner of every frame inside a picture of this width to height.

        A homography keeps lines straight, so corners inside means frame inside.
        """
        half_x, half_y = self.half
        picture_x, picture_y = self.covering(ratio)
        corners = [(x, y) for x in (-half_x, half_x) for y in (-half_y, half_y)]
        seen = [apply(matrix, *corner) for matrix in self.sights for corner in corners]
        return max(max(abs(x) / picture_x, abs(y) / picture_y) for x, y in seen)

    def always_seen(self, overscan: float) -> tuple[float, float]:
        """The parts of a frame-shaped picture's width and height, about its middle, that no frame leaves out."""
        half_x, half_y = self.half
        across = min(abs(apply(matrix, x, 0)[0]) for matrix in self.sights for x in (-half_x, half_x))
        upright = min(abs(apply(matrix, 0, y)[1]) for matrix in self.sights for y in (-half_y, half_y))
        return (across / half_x / overscan, upright / half_y / overscan)

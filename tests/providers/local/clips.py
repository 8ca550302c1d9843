"""Clips made of scenes, and what their frames show."""

from collections.abc import Iterator
from pathlib import Path

import av
from PIL import Image

from bot.providers.local.render import render
from bot.providers.local.scene import Scene


def made(scene: Scene) -> Path:
    render(scene, lambda _: None)
    return Path(scene.out)


def planes(clip: Path) -> Iterator[list[Image.Image]]:
    """The decoded planes of each frame."""
    with av.open(clip) as container:
        for frame in container.decode(video=0):
            yield [
                Image.frombytes("L", (plane.line_size, plane.height), bytes(plane)).crop(
                    (0, 0, plane.width, plane.height)
                )
                for plane in frame.planes
            ]


def centre(plane: Image.Image, floor: int = 40) -> tuple[float, float]:
    """The centroid of what is brighter than the floor, in samples from the corner."""
    bright = plane.point([0] * (floor + 1) + [255] * (255 - floor))
    box = bright.getbbox()
    assert box is not None
    spot = plane.crop(box)
    heavy = [
        (max(level - floor, 0), *divmod(place, spot.width)) for place, level in enumerate(spot.tobytes())
    ]
    mass = sum(level for level, _, _ in heavy)
    across, down = sum(level * x for level, _, x in heavy), sum(level * y for level, y, _ in heavy)
    return (box[0] + 0.5 + across / mass, box[1] + 0.5 + down / mass)

"""Small scenes and a way to look at the clips made of them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from bot.providers.local.scene import Scene


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A scene of 30 small frames of a grey picture."""
    picture = tmp_path / "grey.png"
    Image.new("RGB", (320, 180), (128, 128, 128)).save(picture)
    return Scene(
        out=str(tmp_path / "clip.mp4"),
        width=320,
        height=180,
        seconds=1,
        image=str(picture),
        fps=30,
        threads=1,
    )


@pytest.fixture
def showing(scene: Scene, tmp_path: Path) -> Callable[..., Scene]:
    """Make the scene show a picture, with other fields changed as told."""

    def show(picture: Image.Image, **changes: object) -> Scene:
        path = tmp_path / "picture.png"
        picture.save(path)
        return replace(scene, image=str(path), **changes)

    return show

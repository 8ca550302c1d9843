import json
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.requests import (
    Aspect,
    CameraControl,
    CameraMove,
    CameraPreset,
    MotionBrush,
    Picture,
    Point,
    Quality,
    VideoRequest,
)
from bot.domain.requests import Stroke as Painted
from bot.providers.local.scene import RenderFailed, Scene, Stroke, scene_for

OUT = Path("clip.mp4")


def picture(width: int, height: int) -> Picture:
    return Picture(blob="0" * 64, media_type="image/png", width=width, height=height)


def size(request: VideoRequest) -> tuple[int, int]:
    scene = scene_for(request, image=Path("a.png"), end_frame=None, out=OUT, threads=1)
    return (scene.width, scene.height)


@pytest.mark.parametrize(
    ("aspect", "std", "pro"),
    [
        (Aspect.WIDE, (1280, 720), (1920, 1080)),
        (Aspect.TALL, (720, 1280), (1080, 1920)),
        (Aspect.SQUARE, (720, 720), (1080, 1080)),
    ],
)
def test_an_aspect_has_the_short_side_of_its_quality(
    aspect: Aspect, std: tuple[int, int], pro: tuple[int, int]
) -> None:
    asked = VideoRequest(image=picture(400, 300), aspect=aspect)
    assert size(asked) == std
    assert size(asked.model_copy(update={"quality": Quality.PRO})) == pro


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (1600, 900, (1280, 720)),
        (900, 1600, (720, 1280)),
        (1000, 1000, (960, 960)),
        (4000, 3000, (1108, 832)),
        (2500, 1000, (1280, 512)),
        (1000, 2500, (512, 1280)),
    ],
)
def test_without_an_aspect_the_picture_decides_within_the_same_area(
    width: int, height: int, expected: tuple[int, int]
) -> None:
    assert size(VideoRequest(image=picture(width, height))) == expected


def test_words_alone_make_a_wide_clip() -> None:
    scene = scene_for(VideoRequest(prompt="A boat"), image=None, end_frame=None, out=OUT, threads=2)
    assert scene == Scene(out=str(OUT), width=1280, height=720, seconds=5, prompt="A boat", fps=30, threads=2)


def test_the_camera_and_the_pictures_reach_the_scene() -> None:
    camera = CameraControl(move=CameraMove.PAN, amount=-3)
    asked = VideoRequest(image=picture(400, 300), end_frame=picture(400, 300), camera=camera, duration_s=10)
    scene = scene_for(asked, image=Path("a.png"), end_frame=Path("b.png"), out=OUT, threads=1)
    assert (scene.image, scene.end_frame, scene.camera, scene.amount) == ("a.png", "b.png", "pan", -3)
    assert scene.frames == 300
    preset = asked.model_copy(update={"camera": CameraControl(move=CameraPreset.DOWN_BACK)})
    scene = scene_for(preset, image=Path("a.png"), end_frame=None, out=OUT, threads=1)
    assert (scene.camera, scene.amount) == ("down_back", None)


@pytest.mark.parametrize("still", [None, Path("still.png")])
def test_what_is_painted_reaches_the_scene(still: Path | None) -> None:
    mask = picture(400, 300)
    moving = tuple(Painted(mask=mask, path=(Point(x=x, y=299), Point(x=399, y=x))) for x in (1, 2))
    asked = VideoRequest(image=mask, motion=MotionBrush(still=mask if still else None, moving=moving))
    masks = [*([still] if still else []), Path("a.png"), Path("b.png")]
    scene = scene_for(asked, image=Path("i.png"), end_frame=None, masks=masks, out=OUT, threads=1)
    assert scene.is_painted
    assert scene.still == (str(still) if still else None)
    assert scene.strokes == (Stroke("a.png", ((1, 299), (399, 1))), Stroke("b.png", ((2, 299), (399, 2))))
    assert Scene.from_json(scene.to_json()) == scene


@pytest.mark.parametrize(
    "stroke",
    [5, {}, {"mask": "a.png"}, {"mask": "a.png", "path": []}, {"mask": "a.png", "path": [[1]]},
     {"mask": "a.png", "path": [["left", 2]]}, {"mask": "a.png", "path": [[float("nan"), 2]]}],
)  # fmt: skip
def test_strokes_that_are_none_are_refused(scene: Scene, stroke: object) -> None:
    facts = json.loads(scene.to_json()) | {"strokes": [stroke]}
    with pytest.raises(RenderFailed, match="not a scene"):
        Scene.from_json(json.dumps(facts))


def test_a_quality_beyond_this_machine_is_refused() -> None:
    with pytest.raises(ValueError, match="720p and 1080p"):
        size(VideoRequest(image=picture(400, 300), quality=Quality.UHD))


def test_a_scene_survives_json(scene: Scene) -> None:
    assert Scene.from_json(scene.to_json()) == scene


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"out": "a", "width": 2}', '{"surprise": 1}'])
def test_what_is_not_a_scene_is_refused(text: str) -> None:
    with pytest.raises(RenderFailed, match="not a scene"):
        Scene.from_json(text)


@pytest.mark.parametrize("change", [{"width": 321}, {"seconds": 0}, {"fps": -1}, {"threads": "two"}])
def test_impossible_numbers_are_refused(scene: Scene, change: dict[str, object]) -> None:
    with pytest.raises(RenderFailed):
        Scene.from_json(replace(scene, **change).to_json())

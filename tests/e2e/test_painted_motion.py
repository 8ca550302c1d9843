"""Painted motion, made by the local renderer."""

import io
from typing import Any

import av
import pytest
from PIL import Image, ImageChops, ImageDraw

from bot.sandbox import File
from tests.e2e.scenes import Scene

BOAT = (80, 260, 160, 320)


def sent(name: str, image: Image.Image) -> File:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return File(name, buffer.getvalue())


def first_and_last(clip: bytes) -> list[Image.Image]:
    container: Any
    with av.open(io.BytesIO(clip)) as container:
        frames = [frame.to_image() for frame in container.decode(video=0)]
    return [frames[0], frames[-1]]


def bright(frame: Image.Image) -> tuple[int, int, int, int] | None:
    """Where a frame is as bright as the boat, in pixels of the picture."""
    return frame.convert("L").resize((640, 360)).point([0] * 170 + [255] * 86).getbbox()


@pytest.mark.usefixtures("bot")
async def test_without_any_provider_what_is_painted_moves_along_its_path(scene: Scene) -> None:
    sea = (
        Image.linear_gradient("L")
        .resize((640, 360))
        .point([level // 3 for level in range(256)])
        .convert("RGB")
    )
    ImageDraw.Draw(sea).rectangle((BOAT[0], BOAT[1], BOAT[2] - 1, BOAT[3] - 1), fill=(240, 240, 240))
    mask, still = Image.new("L", sea.size), Image.new("L", sea.size)
    mask.paste(255, (BOAT[0] - 4, BOAT[1] - 4, BOAT[2] + 4, BOAT[3] + 4))
    still.paste(255, (0, 0, 640, 60))
    used = await scene.mia.slash(
        "motion", scene.channel, image=sent("sea.png", sea), still_mask=sent("still.png", still),
        mask1=sent("boat.png", mask), path1="120,290 300,290 420,150",
    )  # fmt: skip
    card = await used.response()
    assert "painted motion" in card.text
    clip = await scene.clip_of(card)
    first, last = first_and_last(clip.files[0].data)
    assert bright(first) == pytest.approx(BOAT, abs=3)
    assert bright(last) == pytest.approx((380, 120, 460, 180), abs=3)
    sky = ImageChops.difference(first, last).crop((0, 0, 1280, 118)).convert("L")
    assert max(sky.tobytes()) <= 6

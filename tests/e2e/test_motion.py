"""Painted motion, seen by the one who painted it."""

import asyncio
import io

import pytest
from PIL import Image

from bot.app import running
from bot.db import asks, jobs
from bot.domain.requests import Point
from bot.sandbox import Answer, File, Hold, Used
from tests.e2e import studio
from tests.e2e.scenes import PICTURE, Bot, Scene, picture
from tests.e2e.studio import Studio
from tests.held import held
from tests.patience import PATIENCE_S

FREE = "Nothing was charged."
MODELS = """
[[model]]
provider = "local"
id = "local-camera"
name = "The local renderer"
tasks = ["image_to_video", "text_to_video"]
qualities = ["std", "pro"]
durations_s = [5, 10]
parameters = ["prompt", "end_frame", "motion"]
only = { motion = ["std/5", "pro/5"] }
exclusive = [["end_frame", "motion"]]
price.per_second = { std = 1, pro = 2 }
"""


def mask(width: int = 640, height: int = 360, name: str = "mask.png") -> File:
    """The left half is painted."""
    image = Image.new("L", (width, height), 0)
    image.paste(255, (0, 0, width // 2, height))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return File(name, buffer.getvalue())


@pytest.fixture(autouse=True)
def models(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Studio:
    """A model that takes painted motion."""
    scene.settings.data_dir.mkdir(parents=True)
    (scene.settings.data_dir / "models.toml").write_text(MODELS, encoding="utf-8")
    return studio.opened(monkeypatch)


async def test_masks_and_paths_go_with_the_picture(bot: Bot, scene: Scene) -> None:
    used = await scene.mia.slash(
        "motion", scene.channel, image=PICTURE, prompt="the boat sails", still_mask=mask(),
        mask1=mask(), path1="10,20 300,40", mask2=mask(320, 180), path2="1,2; 3,4\n900,9", quality="pro",
    )  # fmt: skip
    card = await used.response()
    assert "painted motion" in card.text
    await scene.clip_of(card)
    job = await bot.job()
    motion = job.request.motion
    assert motion is not None
    assert [(one.width, one.height) for one in motion.masks] == [(640, 360)] * 3
    assert [stroke.path for stroke in motion.moving] == [
        (Point(x=10, y=20), Point(x=300, y=40)),
        (Point(x=1, y=2), Point(x=3, y=4), Point(x=639, y=9)),
    ]
    assert job.credits == 10


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "Attach a mask"),
        ({"mask2": mask()}, "mask2 has no path2"),
        ({"path2": "1,2 3,4"}, "path2 has no mask2"),
        ({"mask1": mask(), "path1": "1;2"}, "path1 cannot be read"),
        ({"mask1": mask(), "path1": "1,2"}, "wants paths of 2 to 77 points"),
        ({"still_mask": mask(), "duration": 10}, "painted motion only in"),
        ({"still_mask": mask(), "end_frame": PICTURE}, "takes only one of"),
        ({"still_mask": File("mask.png", b"\x89PNG" + bytes(10_000_000))}, "the limit is"),
    ],
)
@pytest.mark.usefixtures("bot")
async def test_what_cannot_be_made_is_refused_at_once_and_privately(
    scene: Scene, options: dict[str, object], said: str
) -> None:
    answer = await (await scene.mia.slash("motion", scene.channel, image=PICTURE, **options)).response()
    assert said in answer.text
    assert FREE in answer.text
    assert answer.ephemeral_to is not None


@pytest.mark.parametrize(
    ("image", "options", "said"),
    [
        (PICTURE, {"still_mask": mask(640, 400)}, "The still mask: This mask is 640 by 400 pixels"),
        (PICTURE, {"mask3": File("m.png", b"no picture"), "path3": "1,2 3,4"}, "Mask 1: This file is not a picture"),
        (File("small.png", picture(200, 200)), {"still_mask": mask(200, 200)}, "send a larger one"),
        (File("long.png", picture(1500, 400)), {"still_mask": mask(1500, 400)}, "no side may be more"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("bot")
async def test_what_cannot_be_painted_on_is_refused_without_an_offer(
    scene: Scene, image: File, options: dict[str, object], said: str
) -> None:
    answer = await (await scene.mia.slash("motion", scene.channel, image=image, **options)).response()
    assert said in answer.text
    assert FREE in answer.text
    assert answer.buttons == []


async def stopped_while_copying(scene: Scene) -> Used:
    """Ask, and stop the bot between its acknowledgement and its copies of picture and masks."""
    fault = scene.sandbox.faults.add("GET", "/cdn", Hold(), times=None)
    async with held(running(scene.settings)):
        await scene.application.ready()
        used = await scene.mia.slash(
            "motion", scene.channel, image=PICTURE, still_mask=mask(), mask5=mask(), path5="10,20 30,40"
        )
        await asyncio.wait_for(fault.struck.wait(), PATIENCE_S)
    scene.sandbox.faults.clear()
    return used


async def test_masks_and_paths_survive_a_restart(scene: Scene) -> None:
    used = await stopped_while_copying(scene)
    async with held(running(scene.settings)) as app:
        assert "painted motion" in (await used.response()).text
        motion = (await app.db.read(jobs.get(1))).request.motion
        assert motion is not None
        assert motion.still is not None
        assert [stroke.path for stroke in motion.moving] == [(Point(x=10, y=20), Point(x=30, y=40))]
        assert await app.db.read(asks.left()) == []


async def test_a_mask_that_is_gone_after_a_restart_is_asked_for_again(scene: Scene) -> None:
    used = await stopped_while_copying(scene)
    scene.sandbox.faults.add("GET", "/cdn", Answer(404), times=None)
    async with held(running(scene.settings)):
        assert "attach it again" in (await used.response()).text

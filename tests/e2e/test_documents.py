"""The example of each provider's page, asked for in Discord, and what the provider gets.

The examples are those of docs.1min.ai (Kling image to video, Kling text to video), docs.kkiai.com (image to video) and
docs.aimlapi.com (v1-pro and v2.1-pro image to video), as valid JSON. Their pictures are links; ours are sent along.
"""

import base64
import io
import json
import re
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, cast

import pytest
from PIL import Image

from bot.app import running
from bot.sandbox import File, Message
from tests.e2e.scenes import Bot, Scene
from tests.held import held
from tests.vendors.opened import QuickClock, Vendors
from tests.vendors.vendor import Seen, Vendor

DOCUMENTS = Path(__file__).parents[3] / "shared" / "requirements"
WAVES = "gentle waves rolling on a peaceful beach with soft sunlight"
CITY = "a futuristic city with flying cars at sunset"


ONEMIN_PICTURE: dict[str, Any] = {
    "type": "IMAGE_TO_VIDEO",
    "model": "kling",
    "conversationId": "IMAGE_TO_VIDEO",
    "promptObject": {
        "imageUrl": "images/2025_10_22_07_10_43_846_elon-musk.jpg",
        "prompt": WAVES,
        "duration": 5,
        "aspect_ratio": "16:9",
        "mode": "pro",
        "version": "1.5",
        "cfg_scale": 0.5,
        "negative_prompt": "people, buildings",
    },
}

ONEMIN_TEXT: dict[str, Any] = {
    "type": "TEXT_TO_VIDEO",
    "model": "kling",
    "conversationId": "TEXT_TO_VIDEO",
    "promptObject": {
        "prompt": CITY,
        "duration": 5,
        "negative_prompt": "blurry, low quality",
        "aspect_ratio": "16:9",
        "mode": "std",
        "version": "1.0",
    },
}

KKIAI: dict[str, Any] = {
    "model_name": "kling-v1",
    "cfg_scale": 0.5,
    "mode": "std",
    "dynamic_masks": [{"trajectories": [{"x": 0, "y": 0}, {"x": 1, "y": 1}]}],
    "duration": "5",  # a string in the page's table, which its example contradicts
}

AIMLAPI: dict[str, Any] = {
    "model": "kling-video/v1/pro/image-to-video",
    "dynamic_masks": [{"trajectories": [{"x": 1, "y": 1}]}],
    "prompt": "text",
    "duration": 5,
    "negative_prompt": "text",
    "cfg_scale": 1,
}


def painted(kind: str = "PNG", size: tuple[int, int] = (640, 360), shade: int = 200) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, (shade, 80, 40)).save(buffer, kind)
    return buffer.getvalue()


BEACH, END, STILL, MOVING = (
    File(f"{name}.png", painted(shade=shade))
    for name, shade in (("beach", 10), ("end", 60), ("still", 120), ("moving", 240))
)


@pytest.fixture
async def vendors() -> AsyncGenerator[Vendors]:
    async with AsyncExitStack() as stack:
        yield await Vendors.open(stack)


@pytest.fixture
async def bot(scene: Scene, vendors: Vendors) -> AsyncGenerator[Bot]:
    settings = vendors.settings(scene.settings)
    async with held(running(settings, clock=QuickClock())) as app:
        await scene.application.ready()
        yield Bot(app)


async def made(scene: Scene, command: str, vendor: Vendor, **options: Any) -> tuple[Message, Seen]:
    """Ask, wait for the clip, and give the card and the create that the vendor got."""
    used = await scene.mia.slash(command, scene.channel, **options)
    card = await used.response()
    await scene.clip_of(card)
    assert vendor.problems == []
    creates = [seen for seen in vendor.seen if seen.method == "POST" and isinstance(seen.body, dict)]
    [create] = [seen for seen in creates if "asset" not in seen.body]
    assert len(vendor.bill) == 1
    return card, create


def picture_in(text: str) -> tuple[int, int]:
    """The size of a picture sent as base64, with or without a `data:` prefix."""
    with Image.open(io.BytesIO(base64.b64decode(text.rpartition(",")[2], validate=True))) as image:
        return image.size


@pytest.mark.usefixtures("bot")
async def test_1min_image_to_video(scene: Scene, vendors: Vendors) -> None:
    card, create = await made(
        scene, "animate", vendors.onemin,
        image=BEACH, prompt=WAVES, duration=5, aspect="16:9", quality="pro", model="kling/1.5", guidance=0.5,
        negative="people, buildings", provider="onemin",
    )  # fmt: skip
    [upload] = [seen for seen in vendors.onemin.seen if seen.path == "/api/assets"]
    assert upload.headers["API-KEY"] == create.headers["API-KEY"] == vendors.onemin.key
    assert create.path == "/api/features"
    assert create.headers["Content-Type"] == "application/json"
    assert create.body["promptObject"].pop("imageUrl") in vendors.onemin.assets
    expected = {name: value for name, value in ONEMIN_PICTURE["promptObject"].items() if name != "imageUrl"}
    assert create.body == ONEMIN_PICTURE | {"promptObject": expected}
    assert "onemin" in card.text


@pytest.mark.usefixtures("bot")
async def test_1min_text_to_video(scene: Scene, vendors: Vendors) -> None:
    _, create = await made(
        scene, "video", vendors.onemin,
        prompt=CITY, duration=5, negative="blurry, low quality", aspect="16:9", quality="std", model="kling/1.0",
        provider="onemin",
    )  # fmt: skip
    assert create.path == "/api/features"
    assert create.body == ONEMIN_TEXT


@pytest.mark.usefixtures("bot")
async def test_kkiai_image_to_video(scene: Scene, vendors: Vendors) -> None:
    _, create = await made(
        scene, "motion", vendors.kkiai,
        image=BEACH, mask1=MOVING, path1="0,359 1,358", duration=5, quality="std", guidance=0.5, model="kling-v1",
        provider="kkiai",
    )  # fmt: skip
    body = create.body
    assert create.path == "/kling/v1/videos/image2video"
    assert create.headers["Authorization"] == f"Bearer {vendors.kkiai.key}"
    assert picture_in(body.pop("image")) == (640, 360)
    assert picture_in(body["dynamic_masks"][0].pop("mask")) == (640, 360)
    assert re.fullmatch(r"kinora-\w{6}-1-1", body.pop("external_task_id"))
    assert body == KKIAI


@pytest.mark.usefixtures("bot")
async def test_kkiai_every_other_field_of_its_table(scene: Scene, vendors: Vendors) -> None:
    _, create = await made(
        scene, "animate", vendors.kkiai,
        image=BEACH, prompt='man<<<voice_1>>>says: "hello"', negative="blur", model="kling-v2-6", quality="pro",
        duration=10, sound=True, voices="829824295735410756", watermark=True, provider="kkiai",
    )  # fmt: skip
    body = create.body
    del body["image"], body["external_task_id"]
    assert body == {
        "model_name": "kling-v2-6",
        "mode": "pro",
        "duration": "10",
        "prompt": 'man<<<voice_1>>>says: "hello"',
        "negative_prompt": "blur",
        "sound": "on",
        "voice_list": [{"voice_id": "829824295735410756"}],
        "watermark_info": {"enabled": True},
    }


@pytest.mark.usefixtures("bot")
async def test_kkiai_camera_control(scene: Scene, vendors: Vendors) -> None:
    _, create = await made(
        scene, "animate", vendors.kkiai,
        image=BEACH, model="kling-v1-5", quality="pro", camera="horizontal", camera_amount=1, provider="kkiai",
    )  # fmt: skip
    config = dict.fromkeys(("horizontal", "vertical", "pan", "tilt", "roll", "zoom"), 0) | {"horizontal": 1}
    assert create.body["camera_control"] == {"type": "simple", "config": config}


@pytest.mark.usefixtures("bot")
async def test_kkiai_end_frame(scene: Scene, vendors: Vendors) -> None:
    _, create = await made(
        scene, "animate", vendors.kkiai,
        image=BEACH, end_frame=END, model="kling-v2-1", quality="pro", provider="kkiai",
    )  # fmt: skip
    assert picture_in(create.body["image_tail"]) == (640, 360)
    assert create.body["image_tail"] != create.body["image"]


@pytest.mark.usefixtures("bot")
async def test_kkiai_still_mask(scene: Scene, vendors: Vendors) -> None:
    _, create = await made(
        scene, "motion", vendors.kkiai, image=BEACH, still_mask=STILL, model="kling-v1", provider="kkiai"
    )
    assert picture_in(create.body["static_mask"]) == (640, 360)
    assert "dynamic_masks" not in create.body


@pytest.mark.usefixtures("bot")
async def test_aimlapi_v1_pro(scene: Scene, vendors: Vendors) -> None:
    _, create = await made(
        scene, "motion", vendors.aimlapi,
        image=BEACH, end_frame=END, still_mask=STILL, mask1=MOVING, path1="1,358", prompt="text", duration=5,
        negative="text", guidance=1, model="kling-video/v1/pro/image-to-video", provider="aimlapi",
    )  # fmt: skip
    body = create.body
    assert create.path == "/v2/generate/video/kling/generation"
    assert create.headers["Authorization"] == f"Bearer {vendors.aimlapi.key}"
    pictures = [body.pop(name) for name in ("image_url", "tail_image_url", "static_mask_url")]
    pictures.append(body["dynamic_masks"][0].pop("mask_url"))
    assert all(one.startswith("data:image/png;base64,") for one in pictures)
    assert {picture_in(one) for one in pictures} == {(640, 360)}
    assert len(set(pictures)) == 4
    assert body == AIMLAPI


@pytest.mark.usefixtures("bot")
async def test_aimlapi_v21_pro(scene: Scene, vendors: Vendors) -> None:
    _, create = await made(
        scene, "motion", vendors.aimlapi,
        image=BEACH, still_mask=STILL, prompt="Mona Lisa puts on glasses with her hands.", duration=10,
        negative="blur", guidance=0.5, model="kling-video/v2.1/pro/image-to-video", provider="aimlapi",
    )  # fmt: skip
    body = create.body
    assert create.path == "/v2/generate/video/kling/generation"
    assert picture_in(body.pop("image_url")) == picture_in(body.pop("static_mask")) == (640, 360)
    assert re.fullmatch(r"kinora-\w{6}-1-1", body.pop("external_task_id"))
    assert body == {
        "model": "kling-video/v2.1/pro/image-to-video",
        "prompt": "Mona Lisa puts on glasses with her hands.",
        "negative_prompt": "blur",
        "duration": 10,
        "cfg_scale": 0.5,
    }
    polls = [seen for seen in vendors.aimlapi.seen if seen.method == "GET"]
    assert {seen.path for seen in polls} == {"/v2/generate/video/kling/generation"}


async def test_kling_shots_and_what_they_cost(scene: Scene, vendors: Vendors, bot: Bot) -> None:
    used = await scene.mia.slash("storyboard", scene.channel, image=BEACH, model="kling-v3", provider="kling")
    modal = await used.modal()
    sent = await scene.mia.submit(modal, {"shots": "3 | the boat leaves\n4 | the sun sets"})
    card = await sent.response()
    await scene.clip_of(card)
    [create] = [seen for seen in vendors.kling.seen if seen.method == "POST"]
    assert create.body["multi_shot"] is True
    assert create.body["shot_type"] == "customize"
    assert create.body["multi_prompt"] == [
        {"index": 1, "prompt": "the boat leaves", "duration": "3"},
        {"index": 2, "prompt": "the sun sets", "duration": "4"},
    ]
    assert create.body["duration"] == "7"
    assert "prompt" not in create.body
    job = await bot.job()
    assert job.credits == 59  # 0.6 units a second, 14 credits each, rounded up
    assert job.spent is not None
    assert job.spent.unit == "unit"


def without_pictures(value: Any) -> Any:
    """The same without the fields that hold pictures, and those that the page shows empty."""
    if isinstance(value, list):
        return [without_pictures(item) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    pictures = re.compile(r"image(_tail|_url)?|tail_image_url|(static_)?mask(_url)?")
    return {
        name: without_pictures(item)
        for name, item in cast("dict[str, Any]", value).items()
        if item != "" and not pictures.fullmatch(name)
    }


@pytest.mark.skipif(not DOCUMENTS.exists(), reason="the pages are not at ../shared/requirements")
@pytest.mark.parametrize(
    ("number", "sent"), [("000", ONEMIN_PICTURE), ("001", KKIAI), ("002", AIMLAPI), ("003", ONEMIN_TEXT)]
)
def test_the_examples_here_are_those_of_the_pages(number: str, sent: dict[str, Any]) -> None:
    page = without_pictures(example_of(number))
    if number == "001":
        page["duration"] = str(page["duration"])  # the page's table says so
    assert page == sent


def example_of(number: str) -> Any:
    """The first JSON request in a page, with what is not JSON taken out: comments and commas before a bracket."""
    [path] = DOCUMENTS.glob(f"{number}_*.txt")
    text = path.read_text(encoding="utf-8")
    start = re.search(r"\{\s*\n?\s*\"(?:type|model|model_name)\":", text)
    assert start is not None
    body = re.sub(r"^\s*//.*$", "", text[start.start() :], flags=re.MULTILINE)
    body = re.sub(r",(\s*[}\]])", r"\1", body)
    return json.JSONDecoder().raw_decode(body)[0]

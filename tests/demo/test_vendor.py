"""The vendor to practise with, as the real provider meets it."""

import asyncio
import hashlib
import io
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import av
import pytest
from aiohttp import web
from PIL import Image

from bot.demo.orders import Order, kling_models
from bot.demo.vendor import Manner, PracticeVendor
from bot.domain.provider import (
    Absent,
    Accepted,
    Failed,
    Pending,
    Ready,
    Refusal,
    Rejected,
    Submission,
    Unknown,
)
from bot.domain.requests import (
    Aspect,
    CameraControl,
    CameraMove,
    CameraPreset,
    MotionBrush,
    Picture,
    Point,
    Quality,
    Shot,
    Stroke,
    VideoRequest,
)
from bot.providers import registry
from bot.providers.download import Downloads
from bot.providers.http import Account
from bot.providers.kling import KlingProvider
from bot.providers.kling_calls import OFFICIAL
from bot.providers.kling_signing import api_key
from bot.sandbox.waiting import Bell
from tests.e2e.scenes import CLIP_TIMEOUT_S
from tests.held import held
from tests.patience import PATIENCE_S

MODELS = kling_models()


class Desk:
    """Makes pictures and orders, and waits for what becomes of them."""

    def __init__(self, folder: Path, vendor: PracticeVendor, provider: KlingProvider) -> None:
        self.folder, self.vendor, self.provider = folder, vendor, provider
        self.files: dict[str, Path] = {}
        self._bell = Bell()
        vendor.changed = self._bell.ring

    def picture(
        self, color: str = "teal", *, size: tuple[int, int] = (480, 320), kind: str = "png"
    ) -> Picture:
        buffer = io.BytesIO()
        Image.new("RGB", size, color).save(buffer, kind)
        blob = hashlib.sha256(buffer.getvalue()).hexdigest()
        self.files[blob] = self.folder / blob
        self.files[blob].write_bytes(buffer.getvalue())
        width, height = size
        return Picture.model_validate(
            {"blob": blob, "media_type": f"image/{kind}", "width": width, "height": height}
        )

    def submission(self, key: str = "7-1", *, callback_url: str | None = None, **known: Any) -> Submission:
        usual: dict[str, Any] = {"image": self.picture(), "model": "kling-v2-5-turbo"}
        request = VideoRequest(**usual | known)
        spec = next(spec for spec in MODELS if spec.id == request.model and request.task in spec.tasks)
        made = request.model_copy(update={"quality": spec.quality_of(request)})
        return Submission(key, spec, made, self.files, callback_url)

    async def taken(self, submission: Submission) -> str:
        answer = await self.provider.submit(submission)
        assert isinstance(answer, Accepted), answer
        return answer.task_id

    async def end_of(self, task_id: str) -> Ready | Failed:
        async with asyncio.timeout(CLIP_TIMEOUT_S):
            while isinstance(answer := await self.provider.poll(task_id), Pending):
                await self._bell.until(
                    self._all_ended, awaited="the end of the task", timeout_s=CLIP_TIMEOUT_S
                )
        return answer

    def _all_ended(self) -> bool | None:
        states = {task.status.value for task in self.vendor.tasks.values()}
        return states <= {"succeed", "failed"} or None


@pytest.fixture
async def vendor(tmp_path: Path) -> AsyncGenerator[PracticeVendor]:
    made = PracticeVendor(key="a-key-to-practise-with", folder=tmp_path / "vendor", fails_after_s=0)
    async with held(made.serve()):
        yield made


@pytest.fixture
async def desk(tmp_path: Path, vendor: PracticeVendor) -> AsyncGenerator[Desk]:
    async with registry.session() as session, Downloads(trusted_hosts=frozenset({"127.0.0.1"})) as downloads:
        yield Desk(tmp_path, vendor, customer(vendor, session, downloads, key=vendor.key))


def customer(
    vendor: PracticeVendor, session: aiohttp.ClientSession, downloads: Downloads, *, key: str
) -> KlingProvider:
    account = Account(session, base_url=vendor.base_url, sign_in=api_key(key), now_ms=lambda: 0)
    return KlingProvider(account, flavour=OFFICIAL, downloads=downloads, concurrency=3)


def colour_in(clip: bytes) -> tuple[int, int, int]:
    container: Any
    with av.open(io.BytesIO(clip)) as container:
        frame: Any = next(container.decode(video=0))
        pixel: Any = frame.to_image().resize((1, 1)).getpixel((0, 0))
        return pixel


async def test_a_clip_is_made_of_the_picture_and_charged_once(desk: Desk) -> None:
    task_id = await desk.taken(desk.submission(image=desk.picture("orangered")))
    ready = await desk.end_of(task_id)
    assert isinstance(ready, Ready)
    assert ready.spent is not None
    assert (str(ready.spent.amount), ready.spent.unit) == ("1.5", "unit")
    async with desk.provider.open(ready.result) as chunks:
        clip = b"".join([chunk async for chunk in chunks])
    red, green, blue = colour_in(clip)
    assert red > 200
    assert max(green, blue) < 120
    assert [(charge.key, charge.model, str(charge.units)) for charge in desk.vendor.bill] == [
        ("7-1", "kling-v2-5-turbo", "1.5")
    ]


async def test_refused_content_is_refused_in_words_and_not_charged(desk: Desk) -> None:
    desk.vendor.manner = Manner.REFUSES
    answer = await desk.provider.submit(desk.submission())
    assert isinstance(answer, Rejected)
    assert answer.why is Refusal.MODERATION
    assert desk.vendor.bill == []
    assert desk.vendor.tasks == {}


async def test_a_task_that_fails_is_not_charged(desk: Desk) -> None:
    desk.vendor.manner = Manner.FAILS
    ended = await desk.end_of(await desk.taken(desk.submission()))
    assert ended == Failed("Kling could not make this clip: The generation failed.")
    assert desk.vendor.bill == []


async def test_what_was_taken_without_an_answer_is_found_by_its_key_and_not_taken_twice(desk: Desk) -> None:
    desk.vendor.manner, desk.vendor.is_slow = Manner.HANGS_UP, True
    submission = desk.submission()
    assert isinstance(await desk.provider.submit(submission), Unknown)
    found = await desk.provider.look_up("7-1", submission.spec, submission.request.task)
    assert isinstance(found, Accepted)
    assert found.task_id.endswith(next(iter(desk.vendor.tasks)))
    desk.vendor.manner = Manner.TAKES
    again = await desk.provider.submit(submission)
    assert isinstance(again, Rejected)
    assert len(desk.vendor.tasks) == 1
    missing = await desk.provider.look_up("8-1", submission.spec, submission.request.task)
    assert missing == Absent()


async def test_a_slow_vendor_ends_nothing_until_it_is_quick_again(desk: Desk) -> None:
    desk.vendor.manner, desk.vendor.is_slow = Manner.FAILS, True
    task_id = await desk.taken(desk.submission())
    assert isinstance(await desk.provider.poll(task_id), Pending)
    desk.vendor.is_slow = False
    assert isinstance(await desk.end_of(task_id), Failed)


async def test_a_clip_that_cannot_be_made_fails_and_the_next_one_is_made(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(_self: PracticeVendor, _order: Order) -> dict[str, Path]:
        raise KeyError("lost")

    with monkeypatch.context() as broken:
        broken.setattr(PracticeVendor, "_written", lost)
        ended = await desk.end_of(await desk.taken(desk.submission(callback_url="http://[")))
    assert ended == Failed("Kling could not make this clip: The generation failed.")
    assert desk.vendor.bill == []
    assert isinstance(await desk.end_of(await desk.taken(desk.submission("8-1"))), Ready)


async def test_another_key_opens_nothing(vendor: PracticeVendor, desk: Desk) -> None:
    async with registry.session() as session, Downloads(trusted_hosts=frozenset()) as downloads:
        stranger = customer(vendor, session, downloads, key="another-key")
        answer = await stranger.submit(desk.submission())
    assert isinstance(answer, Rejected)
    assert answer.why is Refusal.ACCOUNT


async def test_the_customer_is_told_of_the_end(desk: Desk) -> None:
    heard: asyncio.Queue[Any] = asyncio.Queue()

    async def hear(request: web.Request) -> web.Response:
        heard.put_nowait(await request.json())
        return web.Response()

    app = web.Application()
    app.router.add_post("/callbacks/kling/secret", hear)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/callbacks/kling/secret"
        desk.vendor.manner = Manner.FAILS
        await desk.taken(desk.submission(callback_url=url))
        said = await asyncio.wait_for(heard.get(), PATIENCE_S)
    finally:
        await runner.cleanup()
    assert (said["task_status"], said["task_info"]) == ("failed", {"external_task_id": "7-1"})


def camera(_desk: Desk) -> dict[str, Any]:
    return {
        "model": "kling-v1-5",
        "quality": Quality.PRO,
        "camera": CameraControl(move=CameraMove.PAN, amount=-3),
        "guidance": 0.3,
    }


def preset(_desk: Desk) -> dict[str, Any]:
    return {
        "image": None,
        "prompt": "a boat",
        "model": "kling-v1",
        "aspect": Aspect.TALL,
        "camera": CameraControl(move=CameraPreset.DOWN_BACK),
    }


def painted(desk: Desk) -> dict[str, Any]:
    points = (Point(x=3, y=4), Point(x=100, y=310), Point(x=479, y=0))
    strokes = (
        Stroke(mask=desk.picture("black"), path=points),
        Stroke(mask=desk.picture("gray"), path=points[:2]),
    )
    motion = MotionBrush(still=desk.picture("white"), moving=strokes)
    return {"model": "kling-v1-5", "motion": motion, "quality": Quality.PRO, "prompt": "the boat drifts"}


def shots(_desk: Desk) -> dict[str, Any]:
    both = (Shot(prompt="a boat", duration_s=3), Shot(prompt="the shore", duration_s=4))
    return {"model": "kling-v3", "shots": both, "duration_s": 7, "sound": True}


def end_frame(desk: Desk) -> dict[str, Any]:
    return {
        "end_frame": desk.picture("navy", kind="jpeg"),
        "quality": Quality.PRO,
        "negative_prompt": "rain",
        "watermark": True,
    }


@pytest.mark.parametrize("wanted", [camera, preset, painted, shots, end_frame])
async def test_what_arrives_is_what_was_asked_for(
    desk: Desk, wanted: Callable[[Desk], dict[str, Any]]
) -> None:
    desk.vendor.manner = Manner.FAILS
    submission = desk.submission(**wanted(desk))
    await desk.taken(submission)
    [task] = desk.vendor.tasks.values()
    assert task.order.request == submission.request.model_copy(update={"model": None})
    for blob, data in task.order.files.items():
        assert desk.files[blob].read_bytes() == data


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"{", "not JSON"),
        (b"[]", "valid dictionary"),
        (b"{}", "image is required"),
        (b'{"image": "!"}', "not base64"),
        (b'{"image": "aGVsbG8="}', "neither JPEG nor PNG"),
        (b'{"image": 7}', "valid string"),
        (b'{"camera_control": {"type": "simple", "config": {"zoom": 1, "pan": 1}}}', "image is required"),
        (b'{"mode": "ultra"}', "should be"),
    ],
)
async def test_what_is_no_order_is_refused_in_the_vendors_form(
    vendor: PracticeVendor, body: bytes, complaint: str
) -> None:
    async with aiohttp.ClientSession() as session:
        headers = {"Authorization": f"Bearer {vendor.key}", "Content-Type": "application/json"}
        url = f"{vendor.base_url}/v1/videos/image2video"
        async with session.post(url, data=body, headers=headers) as answer:
            said = await answer.json()
            assert answer.status == 400
    assert said["code"] in (1200, 1201)
    assert complaint in said["message"]


async def test_a_model_that_nobody_offers_is_not_found(desk: Desk) -> None:
    submission = desk.submission()
    spec = submission.spec.model_copy(update={"id": "kling-v9"})
    answer = await desk.provider.submit(Submission("7-1", spec, submission.request, submission.inputs))
    assert isinstance(answer, Rejected)
    assert "does not offer this model" in answer.reason

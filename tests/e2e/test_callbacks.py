"""What Kling tells of its tasks: a clip arrives long before anybody would have asked, and nothing told is believed.

Time stands still here (`StillClock`), so that whatever moves a job after its first question was a callback.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from structlog.testing import capture_logs

from bot.app import running
from bot.db import installation
from bot.domain.jobs import JobState
from bot.sandbox import Message
from bot.settings import SettingsInvalid
from bot.web.callbacks import callback_url, secret_of
from tests.e2e.scenes import Bot, Scene
from tests.held import held
from tests.vendors.opened import StillClock, Vendors, eventually, ledger
from tests.vendors.vendor import OnCreate, OnPoll, Outcome, Task

PUBLIC_URL = "https://kinora.example/bot"
WEBHOOK_KEY = b"a key that Kling shows in its console"
WEBHOOK_SECRET = "whsec_" + base64.b64encode(WEBHOOK_KEY).decode()


@dataclass
class Wire:
    """The way from a vendor to the bot, past the proxy that the public URL belongs to."""

    logs: list[Any]
    session: aiohttp.ClientSession
    port: int = 0
    secrets: set[str] = field(default_factory=set[str])

    def events(self, name: str) -> list[Any]:
        return [entry for entry in self.logs if entry["event"] == name]

    async def has_said(self, name: str, count: int = 1) -> None:
        async def is_there() -> bool:
            return len(self.events(name)) >= count

        await eventually(is_there)

    async def post(self, url: str, body: Any, headers: Mapping[str, str] | None = None) -> int:
        """Post where a vendor was told to; gives the status."""
        assert url.startswith(f"{PUBLIC_URL}/callbacks/")
        path = urlsplit(url).path.removeprefix("/bot")
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self.session.post(
            f"http://127.0.0.1:{self.port}{path}", data=data, headers=headers
        ) as reply:
            return reply.status


@pytest.fixture
async def vendors() -> AsyncGenerator[Vendors]:
    async with AsyncExitStack() as stack:
        yield await Vendors.open(stack)


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    with capture_logs() as captured:
        yield captured


@pytest.fixture
async def wire(logs: list[Any], scene: Scene, caplog: pytest.LogCaptureFixture) -> AsyncGenerator[Wire]:
    async with aiohttp.ClientSession() as session:
        wire = Wire(logs, session)
        yield wire
    said = "\n".join([str(logs), caplog.text, *(message.text for message in scene.channel.messages)])
    assert not [secret for secret in wire.secrets if secret in said]


@asynccontextmanager
async def started(scene: Scene, vendors: Vendors, wire: Wire, **changed: Any) -> AsyncGenerator[Bot]:
    settings = vendors.settings(scene.settings, **{"public_url": PUBLIC_URL, "web_port": 0} | changed)
    async with held(running(settings, clock=StillClock())) as app:
        await scene.application.ready()
        wire.port = app.port or 0
        yield Bot(app)
        assert await Bot(app).is_sound()


async def rendering(
    scene: Scene, vendors: Vendors, wire: Wire, name: str = "kling"
) -> tuple[Message, str, Task]:
    """The card of a clip that is being made, where news of it may be sent, and the task."""
    vendor, before = vendors.by_name[name], len(vendors.questions(name))
    vendor.outcomes.append(Outcome.SLOW)
    used = await scene.mia.slash("video", scene.channel, prompt="a paper boat", provider=name)
    card = await used.response()
    await vendors.until(lambda: len(vendors.questions(name)) > before, "the first question")
    url = vendors.creates(name)[-1].body["callback_url"]
    wire.secrets.add(url.rpartition("/")[2])
    return card, url, list(vendor.tasks.values())[-1]


def notice(task: Task, status: str = "succeed") -> dict[str, Any]:
    """As Kling documents its callbacks; the link in it leads nowhere."""
    video = {"id": "9b1", "url": "https://elsewhere.invalid/forged.mp4", "duration": "5.1"}
    return {
        "task_id": task.id,
        "task_status": status,
        "task_status_msg": "",
        "task_info": {"external_task_id": task.key},
        "created_at": 1_769_763_600_123,
        "updated_at": 1_769_763_600_123,
        "task_result": {"images": [], "videos": [video] if status == "succeed" else []},
    }


# ---- News


SHAPES: dict[str, Callable[[Task], Any]] = {
    "flat": notice,
    "in an envelope": lambda task: {"code": 0, "message": "SUCCEED", "request_id": "r", "data": notice(task)},
    "only the id": lambda task: {"task_id": task.id},
    "only our name": lambda task: {"task_info": {"external_task_id": task.key}},
    "API 2.0": lambda task: {"id": task.id, "status": "succeeded", "external_id": task.key},
}


@pytest.mark.parametrize("name", ["kling", "kkiai"])
@pytest.mark.parametrize("shape", SHAPES)
async def test_news_brings_the_clip_at_once(
    scene: Scene, vendors: Vendors, wire: Wire, name: str, shape: str
) -> None:
    async with started(scene, vendors, wire) as bot:
        card, url, task = await rendering(scene, vendors, wire, name)
        vendors.by_name[name].finish()
        assert await wire.post(url, SHAPES[shape](task)) == 200
        await scene.clip_of(card)
        assert [kind for kind, _ in await bot.app.db.read(ledger())] == ["reserve", "settle"]
    assert len(vendors.questions(name)) == 2
    assert (len(vendors.creates(name)), len(vendors.by_name[name].bill)) == (1, 1)
    assert vendors.by_name[name].problems == []


async def test_news_resolves_a_doubt(scene: Scene, vendors: Vendors, wire: Wire) -> None:
    vendors.kling.on_create.append(OnCreate.CUT_AFTER)
    vendors.kling.on_poll.append(OnPoll.OUT_OF_ORDER)
    async with started(scene, vendors, wire) as bot:
        card, url, task = await rendering(scene, vendors, wire)
        await wire.has_said("step failed")
        assert (await bot.job()).state is JobState.UNKNOWN
        vendors.kling.finish()
        assert await wire.post(url, notice(task)) == 200
        await scene.clip_of(card)
    assert (len(vendors.creates("kling")), len(vendors.kling.bill)) == (1, 1)


async def test_the_address_is_still_good_after_a_restart(scene: Scene, vendors: Vendors, wire: Wire) -> None:
    async with started(scene, vendors, wire):
        card, url, task = await rendering(scene, vendors, wire)
    async with started(scene, vendors, wire):
        vendors.kling.finish()
        assert await wire.post(url, notice(task)) == 200
        await scene.clip_of(card)
    assert (len(vendors.creates("kling")), len(vendors.kling.bill)) == (1, 1)


@pytest.mark.parametrize("name", ["aimlapi", "onemin"])
async def test_who_sends_no_news_is_told_no_address(
    scene: Scene, vendors: Vendors, wire: Wire, name: str
) -> None:
    async with started(scene, vendors, wire):
        used = await scene.mia.slash("video", scene.channel, prompt="a boat", provider=name)
        await scene.clip_of(await used.response())
    assert "kinora.example" not in str(vendors.by_name[name].seen)


@pytest.mark.parametrize("name", ["aimlapi", "onemin", "local"])
async def test_who_sends_no_news_is_not_heard_whatever_it_knows(
    scene: Scene, vendors: Vendors, wire: Wire, name: str
) -> None:
    async with started(scene, vendors, wire) as bot:
        secret = await bot.app.db.read(installation.recall("callback secret"))
        assert secret is not None
        heard = {one: callback_url(PUBLIC_URL, one, secret_of(secret, one)) for one in (name, "kling")}
        assert await wire.post(heard[name], {"task_id": "1"}) == 404
        assert await wire.post(heard["kling"], {"task_id": "1"}) == 200
        assert await wire.post(callback_url(PUBLIC_URL, "kling", secret), {"task_id": "1"}) == 404


async def test_without_a_public_address_nobody_is_told_to_call_back_and_nobody_is_heard(
    scene: Scene, vendors: Vendors, wire: Wire
) -> None:
    async with started(scene, vendors, wire, public_url=None) as bot:
        secret = await bot.app.db.read(installation.recall("callback secret"))
        assert secret is not None
        url = callback_url(PUBLIC_URL, "kling", secret_of(secret, "kling"))
        assert await wire.post(url, {"task_id": "1"}) == 404
        used = await scene.mia.slash("video", scene.channel, prompt="a boat", provider="kling")
        await scene.clip_of(await used.response())
    [create] = vendors.creates("kling")
    assert "callback_url" not in create.body


# ---- What is no news


async def test_whoever_does_not_know_the_address_is_not_heard(
    scene: Scene, vendors: Vendors, wire: Wire
) -> None:
    async with started(scene, vendors, wire):
        card, url, task = await rendering(scene, vendors, wire)
        vendors.kling.finish()
        start, _, secret = url.rpartition("/")
        for wrong in ("x", secret[:-1], secret + "x", secret.swapcase(), "%00", "a" * 5000):
            assert await wire.post(f"{start}/{wrong}", notice(task)) == 404
        for another in ("kkiai", "aimlapi", "onemin", "local", "sora"):
            assert await wire.post(url.replace("/kling/", f"/{another}/"), notice(task)) == 404
        assert await wire.post(url, b"<html>") == 400
        assert wire.events("news") == []
        assert await wire.post(url, {"task_id": "12345"}) == 200
        assert await wire.post(url, {"external_task_id": "kinora-zzzzzz-1-1"}) == 200
        assert await wire.post(url, {"external_task_id": (task.key or "").replace("-1-1", "-1-2")}) == 200
        await wire.has_said("news of no open job", 3)
        assert (wire.events("news"), len(vendors.questions("kling"))) == ([], 1)
        assert await wire.post(url, notice(task)) == 200
        await scene.clip_of(card)
    assert len(vendors.questions("kling")) == 2


def signed(body: bytes, *, now_s: int, key: bytes = WEBHOOK_KEY, name: str = "msg_1") -> dict[str, str]:
    """After Standard Webhooks, as Kling signs."""
    digest = hmac.digest(key, b".".join((name.encode(), str(now_s).encode(), body)), hashlib.sha256)
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {"webhook-id": name, "webhook-timestamp": str(now_s), "webhook-signature": signature}


async def test_where_kling_signs_only_what_is_signed_is_heard(
    scene: Scene, vendors: Vendors, wire: Wire
) -> None:
    wire.secrets.update({WEBHOOK_SECRET, WEBHOOK_KEY.decode()})
    async with started(scene, vendors, wire, kling_webhook_secret=WEBHOOK_SECRET):
        card, url, task = await rendering(scene, vendors, wire)
        vendors.kling.finish()
        body, now_s = json.dumps(notice(task)).encode(), StillClock().now_ms() // 1000
        right = signed(body, now_s=now_s)
        for headers in (
            None,
            signed(body, now_s=now_s, key=b"another"),
            signed(body, now_s=now_s - 900),
            signed(body + b" ", now_s=now_s),
            right | {"webhook-timestamp": str(now_s + 1)},
            right | {"webhook-id": "msg_2"},
            right | {"webhook-signature": "v1,"},
        ):
            assert await wire.post(url, body, headers) == 401
        assert wire.events("news") == []
        assert len(vendors.questions("kling")) == 1
        assert await wire.post(url, body, right) == 200
        await scene.clip_of(card)


async def test_a_webhook_secret_that_is_none_stops_the_start_with_a_sentence(
    scene: Scene, vendors: Vendors
) -> None:
    changed = {"public_url": PUBLIC_URL, "web_port": 0, "kling_webhook_secret": "whsec_not base64"}
    with pytest.raises(ExceptionGroup) as raised:  # of one, which the command line turns into a line
        async with running(vendors.settings(scene.settings, **changed)):
            pass
    [fault] = raised.value.exceptions
    assert isinstance(fault, SettingsInvalid)
    assert str(fault).startswith("KLING_WEBHOOK_SECRET: ")
    assert "not base64" not in str(fault)


async def test_what_news_says_of_a_task_is_not_believed(scene: Scene, vendors: Vendors, wire: Wire) -> None:
    async with started(scene, vendors, wire) as bot:
        card, url, task = await rendering(scene, vendors, wire)
        for count, status in enumerate(("succeed", "failed"), 2):
            assert await wire.post(url, notice(task, status)) == 200
            await vendors.until(lambda count=count: len(vendors.questions("kling")) == count, "a question")
        await wire.has_said("news", 2)
        job = await bot.job()
        assert (job.state, job.result, vendors.kling.downloads, scene.clips()) == (
            JobState.RENDERING,
            None,
            0,
            [],
        )
        vendors.kling.finish()
        assert await wire.post(url, notice(task)) == 200
        await scene.clip_of(card)
    assert vendors.kling.downloads == 1


async def test_news_may_come_twice_late_and_out_of_order(scene: Scene, vendors: Vendors, wire: Wire) -> None:
    async with started(scene, vendors, wire) as bot:
        card, url, task = await rendering(scene, vendors, wire)
        vendors.kling.finish()
        for status in ("succeed", "succeed", "processing", "succeed", "submitted"):
            assert await wire.post(url, notice(task, status)) == 200
        await scene.clip_of(card)
        for status in ("processing", "succeed", "failed"):
            before = len(wire.events("news of no open job"))
            assert await wire.post(url, notice(task, status)) == 200
            await wire.has_said("news of no open job", before + 1)
        assert (await bot.job()).state is JobState.DONE
        assert [kind for kind, _ in await bot.app.db.read(ledger())] == ["reserve", "settle"]
    assert len(scene.clips()) == 1
    assert "See the clip" in card.text
    assert (vendors.kling.downloads, len(vendors.kling.bill)) == (1, 1)

"""Motion that is painted on the page, from the command to the vendor."""

import asyncio
import base64
import io
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from PIL import Image
from structlog.testing import capture_logs

from bot.app import running
from bot.clock import SystemClock
from bot.db import asks, guilds, limits
from bot.domain.limits import Limit, Measure
from bot.domain.money import Scope
from bot.sandbox import Answer, File, Hold, Message, Permission, shows
from bot.sandbox.model.components import walk
from bot.services import paintings
from bot.services.paintings import LINK_LASTS_S
from bot.services.questions import CONFIRMATION_LASTS_MS
from bot.services.retention import LET_GO_LASTS_MS
from bot.settings import Settings
from bot.ui.threads import DiscordPublisher
from tests.e2e import studio
from tests.e2e.scenes import PICTURE, Bot, Scene, picture
from tests.e2e.studio import Studio
from tests.e2e.test_motion import MODELS
from tests.held import held
from tests.patience import PATIENCE_S
from tests.vendors.opened import QuickClock, Vendors

PUBLIC_URL = "https://kinora.example/bot"
PATH = [[10, 20], [100.4, 20.4], [300, 340]]
MESSAGES = ("POST", "/channels/{channel_id}/messages")


@pytest.fixture
def painting_models(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Studio:
    """A quick model that takes painted motion."""
    scene.settings.data_dir.mkdir(parents=True)
    (scene.settings.data_dir / "models.toml").write_text(MODELS, encoding="utf-8")
    return studio.opened(monkeypatch)


quick = pytest.mark.usefixtures("painting_models")


class LaterClock(SystemClock):
    """The time, some minutes later."""

    def __init__(self) -> None:
        self.ms = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.ms


@dataclass
class Easel:
    """A bot that the internet reaches, and a browser."""

    bot: Bot
    client: aiohttp.ClientSession
    clock: LaterClock

    async def ask(self, url: str, method: str = "GET", **more: Any) -> tuple[int, Any, bytes]:
        assert url.startswith(f"{PUBLIC_URL}/paint/")
        address = f"http://127.0.0.1:{self.bot.app.port}{urlsplit(url).path.removeprefix('/bot')}"
        async with self.client.request(method, address, **more) as answer:
            return answer.status, answer.headers, await answer.read()

    async def facts(self, url: str) -> dict[str, Any]:
        status, _, body = await self.ask(f"{url}/facts")
        assert status == 200
        return json.loads(body)

    async def send(self, url: str, drawing: object = None) -> tuple[int, dict[str, Any]]:
        body = json.dumps(drawing or drawn())
        status, _, said = await self.ask(url, "POST", data=body, headers={"Content-Type": "application/json"})
        return status, json.loads(said)


@asynccontextmanager
async def easel(
    scene: Scene, settings: Settings | None = None, clock: Any = None, **changed: Any
) -> AsyncGenerator[Easel]:
    settings = settings or scene.settings
    known = settings.model_dump() | {"discord_token": settings.token, "public_url": PUBLIC_URL} | changed
    later = clock or LaterClock()
    with capture_logs() as logs:
        async with (
            held(running(Settings.model_validate(known), clock=later)) as app,
            aiohttp.ClientSession() as client,
        ):
            await scene.application.ready()
            yield Easel(Bot(app), client, later)
    assert "/paint/" not in f"{logs}"


def mask(width: int = 640, height: int = 360) -> str:
    """The upper left corner is painted."""
    image = Image.new("L", (width, height), 0)
    image.paste(255, (0, 0, width // 4, height // 3))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def drawn(**more: Any) -> dict[str, Any]:
    return {"still": mask(), "moving": [{"mask": mask(), "path": PATH}], "price": 5, **more}


async def link_of(scene: Scene, **options: Any) -> str:
    given: dict[str, Any] = {"image": PICTURE, "prompt": "the boat sails", "quality": "std"}
    used = await scene.mia.slash("motion", scene.channel, **(given | options))
    answer = await used.response()
    assert answer.ephemeral_to is scene.mia.user
    return link_in(answer)


def link_in(answer: Message) -> str:
    return next(part["url"] for part in walk(answer.components) if part.get("url"))


def public(scene: Scene) -> list[Message]:
    return [message for message in scene.channel.messages if message.ephemeral_to is None]


async def cap(board: Easel, scene: Scene, credits_: int) -> None:
    await prefer(board, scene, confirm_above=None)
    limit = Limit(Scope.SERVER, 0, Measure.DAY, credits_)
    await board.bot.app.db.write(limits.put(scene.guild.id, limit))


async def prefer(board: Easel, scene: Scene, **columns: object) -> None:
    defaults = scene.settings.default_limits
    await board.bot.app.db.write(guilds.prefer(scene.guild.id, columns, defaults=defaults))


@quick
async def test_what_is_painted_becomes_a_clip_whose_card_stands_in_the_channel(scene: Scene) -> None:
    async with easel(scene) as board:
        link = await link_of(scene)
        assert public(scene) == []
        status, headers, page = await board.ask(link)
        assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert b"painter.js" in page
        facts = await board.facts(link)
        assert facts["picture"] == {"width": 640, "height": 360}
        assert (facts["prompt"], facts["about"], facts["language"]) == (
            "the boat sails",
            "5 seconds · std",
            "en",
        )
        assert [(one["provider"], one["price_words"]) for one in facts["models"]] == [("local", "5 credits")]
        assert 0 < facts["seconds_left"] <= LINK_LASTS_S
        status, headers, data = await board.ask(f"{link}/picture")
        assert (status, headers["Content-Type"]) == (200, "image/png")
        assert Image.open(io.BytesIO(data)).size == (640, 360)
        status, told = await board.send(link, drawn(prompt="the boat sinks"))
        assert (status, told["outcome"], told["job"]) == (200, "made", 1)
        assert told["said"] == "Job 1 is queued; its card is in #general."
        card = public(scene)[0]
        await scene.clip_of(card)
        assert "the boat sinks" in card.text
        assert "painted motion" in card.text
        job = await board.bot.job()
        assert job.request.motion is not None
        assert [(one.width, one.height) for one in job.request.motion.masks] == [(640, 360)] * 2
        assert [(point.x, point.y) for point in job.request.motion.moving[0].path] == [
            (10, 20), (100, 20), (300, 340),
        ]  # fmt: skip
        assert (job.origin.user_id, job.origin.card_id, job.credits) == (scene.mia.id, card.id, 5)
        assert await board.bot.is_sound()


@quick
async def test_a_link_is_used_up_by_what_it_leads_to_also_when_two_windows_send_at_once(scene: Scene) -> None:
    async with easel(scene) as board:
        link = await link_of(scene)
        answers = await asyncio.gather(*(board.send(link) for _ in range(3)))
        fates = sorted(told["outcome"] for _, told in answers)
        assert fates.count("made") == 1
        assert {status for status, told in answers if told["outcome"] != "made"} <= {409, 410}
        status, told = await board.send(link)
        assert (status, told["outcome"]) == (410, "gone")
        assert "sent already" in told["said"]
        status, _, page = await board.ask(link)
        assert (status, b"sent already" in page) == (410, True)
        await scene.clip_of(public(scene)[0])
        assert len([message for message in public(scene) if "asked by" in message.text]) == 1


@quick
async def test_who_is_refused_hears_it_on_the_page_alone_and_may_send_again(scene: Scene) -> None:
    async with easel(scene) as board:
        link = await link_of(scene)
        await cap(board, scene, 4)
        status, told = await board.send(link)
        assert (status, told["outcome"]) == (422, "refused")
        assert "This clip costs 5 credits" in told["said"]
        assert "Nothing was charged." in told["said"]
        assert not set(told["said"]) & set("<>*`")
        assert public(scene) == []
        await cap(board, scene, 100)
        assert (await board.send(link))[1]["outcome"] == "made"


def kicked(scene: Scene) -> None:
    del scene.guild.members[scene.mia.id]


def shut_out(scene: Scene) -> None:
    scene.guild.set_overwrite(scene.channel, scene.mia, deny=Permission.VIEW_CHANNEL)


def without_commands(scene: Scene) -> None:
    scene.guild.set_overwrite(scene.channel, scene.mia, deny=Permission.USE_APPLICATION_COMMANDS)


@quick
@pytest.mark.parametrize("lost", [kicked, shut_out, without_commands])
async def test_who_lost_the_right_to_ask_meanwhile_gets_nothing_by_a_link(
    scene: Scene, lost: Callable[[Scene], None]
) -> None:
    async with easel(scene) as board:
        link = await link_of(scene)
        lost(scene)
        status, told = await board.send(link)
        assert (status, told["outcome"]) == (422, "refused")
        assert "can use me no longer" in told["said"]
        assert public(scene) == []
        assert await board.bot.app.db.read(asks.left()) == []


@quick
async def test_a_role_that_was_taken_meanwhile_counts_no_more(scene: Scene) -> None:
    crew = scene.guild.add_role("crew")
    scene.guild.set_roles(scene.mia, [crew])
    async with easel(scene) as board:
        await prefer(board, scene, confirm_above=None, approval_role_id=crew.id)
        link = await link_of(scene)
        scene.guild.set_roles(scene.mia, [])
        _, told = await board.send(link)
        assert (told["outcome"], "A moderator has to agree" in told["said"]) == ("asked", True)


@quick
@pytest.mark.parametrize("confirm_above", [None, 4, 20])
async def test_what_may_cost_more_than_the_page_showed_is_asked_for_in_the_channel(
    scene: Scene, confirm_above: int | None
) -> None:
    async with easel(scene) as board:
        await prefer(board, scene, confirm_above=confirm_above, pays_overrun=True)
        link = await link_of(scene)
        status, told = await board.send(link)
        assert (status, told["outcome"]) == (200, "asked")
        question = public(scene)[0]
        assert "up to 10 credits are charged" in question.text
        assert "Make it?" in question.text
        assert "painted motion" in question.text
        assert "Paint motion" not in [button.label for button in question.buttons]
        assert (await board.send(link))[0] == 410
        await scene.mia.click(question, "Make it")
        await scene.clip_of(question)


@quick
async def test_the_request_of_a_question_is_painted_before_it_is_agreed_to(scene: Scene) -> None:
    leo = scene.guild.add_member("leo")
    async with easel(scene) as board:
        await prefer(board, scene, confirm_above=4)
        used = await scene.mia.slash("animate", scene.channel, image=PICTURE, prompt="a boat")
        question = await used.response(until=lambda message: "Make it?" in message.text)
        refusal = await (await leo.click(question, "Paint motion")).response()
        assert "Only the one who asked" in refusal.text
        answer = await (await scene.mia.click(question, "Paint motion")).response()
        assert answer.ephemeral_to is scene.mia.user
        link = link_in(answer)
        assert (await board.facts(link))["takes_place_of_question"] is True
        status, told = await board.send(link)
        assert (status, told["outcome"]) == (200, "asked")
        assert "painted motion" in question.text
        assert (await board.send(link))[0] == 410
        await scene.mia.click(question, "Make it")
        await scene.clip_of(question)
        motion = (await board.bot.job()).request.motion
        assert motion is not None
        assert len(motion.masks) == 2


@quick
async def test_a_question_that_was_answered_meanwhile_is_not_painted_any_more(scene: Scene) -> None:
    async with easel(scene) as board:
        await prefer(board, scene, confirm_above=4)
        used = await scene.mia.slash("animate", scene.channel, image=PICTURE, prompt="a boat")
        question = await used.response(until=lambda message: "Make it?" in message.text)
        link = link_in(await (await scene.mia.click(question, "Paint motion")).response())
        await scene.mia.click(question, "Make it")
        await scene.clip_of(question)
        status, told = await board.send(link)
        assert (status, "answered in Discord meanwhile" in told["said"]) == (410, True)
        assert (await board.bot.job()).request.motion is None


@pytest.mark.parametrize("end", ["lapses", "is withdrawn"])
@quick
async def test_what_was_painted_for_a_question_is_kept_no_longer_than_that_waits(
    scene: Scene, end: str
) -> None:
    async with easel(scene) as board:
        await prefer(board, scene, confirm_above=4)
        used = await scene.mia.slash("animate", scene.channel, image=PICTURE, prompt="a boat")
        question = await used.response(until=lambda message: "Make it?" in message.text)
        link = link_in(await (await scene.mia.click(question, "Paint motion")).response())
        assert (await board.send(link))[1]["outcome"] == "asked"
    async with easel(scene) as board:  # where nothing has come just now
        forget_due = board.bot.app.client.services.retention.forget_due
        board.clock.ms = LET_GO_LASTS_MS + 1000
        await forget_due()
        assert len(files(scene)) == 2  # the picture and a mask, which is painted twice
        if end == "is withdrawn":
            await scene.mia.click(question, "Never mind")
            await shows(question, lambda message: "Withdrawn" in message.text)
        waits_ms = CONFIRMATION_LASTS_MS if end == "lapses" else 0
        board.clock.ms += waits_ms + LET_GO_LASTS_MS + 1000
        await forget_due()
        assert files(scene) == []


def files(scene: Scene) -> list[Path]:
    return [file for file in (scene.settings.data_dir / "blobs").rglob("*") if file.is_file()]


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (File("small.png", picture(200, 200)), "send a larger one"),
        (File("no.png", b"no picture"), "not a picture"),
        (File("large.png", b"\x89PNG" + bytes(10_000_000)), "the limit is"),
    ],
)
@quick
async def test_what_cannot_be_painted_on_is_refused_instead_of_a_link(
    scene: Scene, image: File, said: str
) -> None:
    async with easel(scene):
        used = await scene.mia.slash("motion", scene.channel, image=image)
        answer = await used.response(until=lambda message: said in message.text)
        assert "Nothing was charged." in answer.text
        assert answer.buttons == []
        assert answer.ephemeral_to is not None


@quick
async def test_for_one_link_too_many_no_picture_is_fetched(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paintings, "MAX_OPEN", 1)
    fetched: list[str] = []
    honest = DiscordPublisher.download

    async def download(self: DiscordPublisher, url: str) -> bytes:
        fetched.append(url)
        return await honest(self, url)

    monkeypatch.setattr(DiscordPublisher, "download", download)
    async with easel(scene):
        await link_of(scene)
        used = await scene.mia.slash("motion", scene.channel, image=PICTURE)
        assert "as many links to paint as one can have" in (await used.response()).text
    assert len(fetched) == 1


@quick
async def test_what_no_model_makes_is_refused_instead_of_a_link(scene: Scene) -> None:
    async with easel(scene):
        used = await scene.mia.slash("motion", scene.channel, image=PICTURE, duration=10)
        assert "painted motion only in" in (await used.response()).text
        used = await scene.mia.slash("motion", scene.channel, image=PICTURE, end_frame=PICTURE)
        assert "takes only one of" in (await used.response()).text


@quick
async def test_a_link_works_after_a_restart_and_not_after_half_an_hour(scene: Scene) -> None:
    async with easel(scene):
        link = await link_of(scene)
    async with easel(scene) as board:
        assert (await board.ask(link))[0] == 200
        board.clock.ms = LINK_LASTS_S * 1000 + 1000
        status, _, page = await board.ask(link)
        assert (status, b"has lapsed" in page) == (410, True)
        assert (await board.send(link))[0] == 410
        assert files(scene)
        board.clock.ms += LET_GO_LASTS_MS
        await board.bot.app.client.services.retention.forget_due()
        assert files(scene) == []


@quick
async def test_what_was_sent_outlives_a_crash_before_anybody_saw_it(scene: Scene) -> None:
    async with easel(scene) as board:
        link = await link_of(scene)
        fault = scene.sandbox.faults.add(*MESSAGES, Hold(), times=None)
        sending = asyncio.ensure_future(board.send(link))
        await asyncio.wait_for(fault.struck.wait(), PATIENCE_S)
    with pytest.raises(aiohttp.ClientError):
        await sending
    scene.sandbox.faults.clear()
    async with easel(scene) as board:
        async with asyncio.timeout(PATIENCE_S):
            while not public(scene):  # noqa: ASYNC110 - the sandbox has no bell for it
                await asyncio.sleep(0.02)
        await scene.clip_of(public(scene)[0])
        assert len([message for message in public(scene) if "asked by" in message.text]) == 1
        assert await board.bot.app.db.read(asks.left()) == []
        assert (await board.send(link))[0] == 410


@quick
async def test_a_message_that_had_come_is_found_again_after_a_crash(scene: Scene) -> None:
    async with easel(scene) as board:
        link = await link_of(scene)
        fault = scene.sandbox.faults.add(*MESSAGES, Hold(after_effect=True), times=None)
        sending = asyncio.ensure_future(board.send(link))
        await asyncio.wait_for(fault.struck.wait(), PATIENCE_S)
    with pytest.raises(aiohttp.ClientError):
        await sending
    scene.sandbox.faults.clear()
    signs = public(scene)
    assert [message.text for message in signs] == ["One moment…"]
    async with easel(scene):
        await scene.clip_of(signs[0])
        assert public(scene)[0] is signs[0]
        assert len([message for message in public(scene) if "asked by" in message.text]) == 1


@quick
async def test_where_nothing_can_be_posted_any_more_nothing_is_made(scene: Scene) -> None:
    async with easel(scene) as board:
        link = await link_of(scene)
        scene.sandbox.faults.add(
            *MESSAGES, Answer(403, {"message": "Missing Permissions", "code": 50013}), times=None
        )
        status, told = await board.send(link)
        assert (status, told["outcome"]) == (422, "refused")
        assert "could not answer in the channel" in told["said"]
        assert "Nothing was charged" in told["said"]
        assert await board.bot.app.db.read(asks.left()) == []
        scene.sandbox.faults.clear()
        assert (await board.send(link))[1]["outcome"] == "made"


@quick
async def test_a_german_member_reads_german(scene: Scene) -> None:
    scene.mia.user.locale = "de"
    async with easel(scene) as board:
        facts = await board.facts(await link_of(scene))
        assert facts["language"] == "de"
        assert facts["about"] == "5 Sekunden · std"


async def test_a_vendor_gets_the_masks_and_points_counted_from_the_bottom_left(scene: Scene) -> None:
    async with AsyncExitStack() as stack:
        vendors = await Vendors.open(stack)
        settings = vendors.settings(scene.settings)
        board = await stack.enter_async_context(easel(scene, settings, clock=QuickClock(times=5)))
        link = await link_of(scene, provider="kling")
        model = next(one for one in (await board.facts(link))["models"] if one["provider"] == "kling")
        chosen = {"provider": "kling", "model": model["model"]}
        assert (await board.send(link, drawn(model=chosen, price=model["price"])))[1]["outcome"] == "made"
        await scene.clip_of(public(scene)[0])
        body = vendors.creates("kling")[0].body
        assert vendors.kling.problems == []
        [stroke] = body["dynamic_masks"]
        expected = [(10, 359 - 20), (100, 359 - 20), (300, 359 - 340)]
        assert [(point["x"], point["y"]) for point in stroke["trajectories"]] == expected
        for sent in (stroke["mask"], body["static_mask"]):
            seen = Image.open(io.BytesIO(base64.b64decode(sent)))
            assert seen.size == (640, 360)
            assert [seen.getpixel(spot) for spot in ((5, 5), (630, 5), (5, 350), (630, 350))] == [
                255,
                0,
                0,
                0,
            ]

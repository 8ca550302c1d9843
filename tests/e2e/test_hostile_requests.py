"""Members who mean no good, at what is asked beside a prompt: masks, shots, models, requests that are shown."""

import asyncio
import io
import re
import struct
import zlib
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import AsyncExitStack
from typing import Any

import pytest
from PIL import Image

from bot.app import running
from bot.clock import SystemClock
from bot.db import jobs
from bot.domain.errors import NoSuchJob
from bot.domain.jobs import Job, JobState
from bot.sandbox import File, Hold, Message, Modal, Permission, Person, Used, shows
from bot.sandbox.driver import access
from bot.sandbox.driver.options import Form
from bot.sandbox.driver.resolving import Resolved
from bot.sandbox.model.applications import SLASH
from bot.sandbox.model.interactions import Kind
from bot.services.generation import BEGUN_LASTS_MS
from tests.e2e.scenes import PICTURE, Bot, Scene, picture
from tests.e2e.studio import Studio, opened
from tests.e2e.test_hostile import forged
from tests.held import held
from tests.patience import PATIENCE_S
from tests.vendors.kling import Said
from tests.vendors.onemin import Answer
from tests.vendors.opened import NAMES, QuickClock, Vendors
from tests.vendors.vendor import OnCreate, Outcome

FREE = "Nothing was charged."
SHOTS = "3 | The boat leaves\n5 | A wave lifts it"
MODELS = """
[[model]]
provider = "local"
id = "local-camera"
name = "The local renderer"
tasks = ["image_to_video", "text_to_video"]
qualities = ["std", "pro", "4k"]
durations_s = [3, 5, 8, 10, 60]
parameters = ["prompt", "negative_prompt", "end_frame", "motion", "shots", "sound", "voices"]
exclusive = [["end_frame", "motion"]]
price.per_second = { std = 1, pro = 2, 4k = 40 }
"""


@pytest.fixture
def studio(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    """A studio that takes nearly everything."""
    scene.settings.data_dir.mkdir(parents=True)
    (scene.settings.data_dir / "models.toml").write_text(MODELS, encoding="utf-8")
    studio = opened(monkeypatch)
    yield studio
    assert len(set(studio.submitted)) == len(studio.submitted)


@pytest.fixture
async def bot(scene: Scene, studio: Studio) -> AsyncGenerator[Bot]:  # noqa: ARG001 - which is there first
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        yield Bot(app)


@pytest.fixture(autouse=True)
async def _all_is_well_afterwards(bot: Bot, scene: Scene) -> AsyncGenerator[None]:
    yield
    used = scene.sandbox.world.interactions.values()
    said = [one.original for one in used if one.original]
    assert all(one.acknowledgement is not None for one in used)
    assert not any(one.is_loading or "Something went wrong" in one.text for one in said)
    assert await bot.is_sound()
    assert not bot.app.connection.done()


async def refused(used: Used) -> str:
    """Why it was refused, which cost nothing."""
    answer = await used.response()
    assert FREE in answer.text
    assert "Job" not in answer.text
    return answer.text


async def is_none(bot: Bot, number: int = 1) -> bool:
    try:
        await bot.job(number)
    except NoSuchJob:
        return True
    return False


def smuggled(
    person: Person, scene: Scene, command: str, honest: Mapping[str, object], **forced: object
) -> Used:
    """A command with values in it that Discord's client would not send."""
    app, found = access.find(scene.sandbox.world, person.id, scene.channel, SLASH, command)
    resolved = Resolved(scene.sandbox.world, scene.channel)
    entries = Form(found, [], resolved, person.id).fill(honest)
    kinds = {spec["name"]: spec["type"] for spec in found.body["options"]}
    entries += [{"name": name, "type": kinds[name], "value": value} for name, value in forced.items()]
    data = {"id": str(found.id), "name": command, "type": SLASH, "options": entries}
    return person._use(app, scene.channel, Kind.COMMAND, person._with(data, resolved, found.guild_id))


def painted(size: tuple[int, int] = (640, 360), mode: str = "L", kind: str = "PNG", **saved: Any) -> bytes:
    """White on its right half."""
    image = Image.new("L", size)
    image.paste(255, (size[0] // 2, 0, *size))
    image = image.convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, kind, **saved)
    return buffer.getvalue()


def png(
    width: int, height: int, *, depth: int = 8, colour: int = 2, body: bytes = b"", more: bytes = b""
) -> bytes:
    """A PNG that claims what it is told to; `more` goes before the pixels."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + more
        + chunk(b"IDAT", zlib.compress(body))
        + chunk(b"IEND", b"")
    )


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


MASK = File("mask.png", painted())
FRAMES = [Image.new("P", (640, 360), shade) for shade in (0, 1)]

TAKEN = "Job 1 "
MASKS: dict[str, tuple[bytes, str]] = {
    "bomb": (png(60_000, 60_000, body=bytes(60_001)), "limit is"),
    "too many rows": (png(640, 360, body=b"\0" + b"\xff" * 9_000_000), TAKEN),
    "cut off": (painted()[:-40], "damaged"),
    "empty": (b"", "not a picture"),
    "html": (b"<html>", "not a picture"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
    "another shape": (painted((360, 640)), "another shape"),
    "a line": (painted((1000, 1)), "another shape"),
    "animated gif": (painted(mode="P", kind="GIF", save_all=True, append_images=FRAMES), TAKEN),
    "animated png": (painted(mode="L", save_all=True, append_images=[Image.new("L", (640, 360), 9)]), TAKEN),
    "animated webp": (painted(mode="RGBA", kind="WEBP", save_all=True, append_images=FRAMES), TAKEN),
    "cmyk": (painted(mode="CMYK", kind="JPEG"), TAKEN),
    "see-through": (painted(mode="RGBA"), TAKEN),
    "sixteen bits with a colour left out": (
        png(640, 360, depth=16, colour=0, body=(b"\0" + b"\xff" * 1280) * 360, more=chunk(b"tRNS", b"\0\0")),
        TAKEN,
    ),
    "no palette": (png(640, 360, colour=3, body=bytes(641 * 360)), ""),
    "tiny": (painted((16, 9)), TAKEN),
    "huge and flat": (painted((6400, 3600), mode="1"), TAKEN),
    "on its side": (painted((360, 640), exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"), TAKEN),
}  # fmt: skip


class TestMotion:
    @pytest.mark.parametrize(("data", "said"), MASKS.values(), ids=MASKS)
    async def test_a_mask_is_used_or_refused_in_a_sentence(
        self, scene: Scene, data: bytes, said: str
    ) -> None:
        used = await scene.mia.slash(
            "motion", scene.channel, image=PICTURE, mask4=File("mask.png", data), path4="1,2 3,4"
        )
        answer = await used.response()
        assert said in answer.text
        if TAKEN not in answer.text:
            assert answer.text.startswith("Mask 1: ")
            assert FREE in answer.text

    @pytest.mark.parametrize("name", ["see-through", "no palette", "on its side", "another shape", "tiny"])
    async def test_so_is_a_picture_to_paint_on(self, scene: Scene, name: str) -> None:
        image = File("boat.png", MASKS[name][0])
        answer = await (
            await scene.mia.slash("motion", scene.channel, image=image, still_mask=MASK)
        ).response()
        assert (TAKEN in answer.text) != (FREE in answer.text)
        assert TAKEN in answer.text or answer.buttons == []

    async def test_a_path_that_is_none_is_refused(self, bot: Bot, scene: Scene) -> None:
        for path in (
            " ", "\u3000", "\u2028", ";;;", ",", "1", "1,", "1,2,3", "-1,2 3,4", "1.5,2 3,4", "1e3,2 3,4", "0x1,2 3,4",
            "999999,1 2,3", "١,٢ ٣,٤", "1,2 3,4 <@1> @everyone", "1,2\u202e 3,4", "1,2 3,4 `", "1" * 2000,  # noqa: RUF001
            "1" + " " * 1999, "1," + " " * 1998, " ".join(["1,2"] * 78), " ".join(["1,2"] * 500), "1,2",
            "1,2 3,4 \x00", "${HOME},1", "1,2|3,4",
        ):  # fmt: skip
            used = await scene.mia.slash("motion", scene.channel, image=PICTURE, mask6=MASK, path6=path)
            said = await refused(used)
            assert len(said) < 400, path
            assert not set("\u202e\x00") & set(said), path
            assert "<@1>" not in re.sub("`[^`]*`", "", said), path
            assert (await used.response()).ephemeral_to is scene.mia.user
        assert await is_none(bot)

    @pytest.mark.parametrize(
        "path", [" ".join(["1,2"] * 77), "00001,00002;3,4", "99999,99999 0,0", "1 , 2\n\n\t3,4 ; ", "1,2 1,2"]
    )
    async def test_a_path_leads_nowhere_but_within_the_picture(
        self, bot: Bot, scene: Scene, path: str
    ) -> None:
        used = await scene.mia.slash("motion", scene.channel, image=PICTURE, mask6=MASK, path6=path)
        assert TAKEN in (await used.response()).text
        motion = (await bot.job()).request.motion
        assert motion is not None
        assert all(point.x < 640 and point.y < 360 for point in motion.moving[0].path)

    async def test_one_mask_may_be_given_six_times(self, bot: Bot, scene: Scene) -> None:
        masks = {f"mask{number}": MASK for number in range(1, 7)}
        paths = {f"path{number}": "1,2 3,4" for number in range(1, 7)}
        used = await scene.mia.slash("motion", scene.channel, image=MASK, still_mask=MASK, **masks, **paths)
        await scene.clip_of(await used.response())
        request = (await bot.job()).request
        assert request.motion is not None
        assert len({one.blob for one in request.motion.masks}) == 1

    async def test_no_number_of_painters_fills_the_memory_or_keeps_others_waiting(self, scene: Scene) -> None:
        fault = scene.sandbox.faults.add("GET", "/cdn", Hold(), times=None)
        painters = [
            await scene.mia.slash("motion", scene.channel, image=PICTURE, mask1=MASK, path1="1,2 3,4")
            for _ in range(6)
        ]
        for used in painters:
            await used.acknowledged()
        other = await scene.mia.slash("animate", scene.channel, image=PICTURE)
        await other.acknowledged()
        async with asyncio.timeout(PATIENCE_S):
            while fault.hits < 3:  # noqa: ASYNC110 - a fault rings no bell
                await asyncio.sleep(0.01)
        assert fault.hits == 3
        fault.release()
        for used in (*painters, other):
            assert "Job" in (await used.response()).text


async def storyboard(scene: Scene, person: Person | None = None, **options: object) -> Modal:
    return await (
        await (person or scene.mia).slash("storyboard", scene.channel, image=PICTURE, **options)
    ).modal()


def sent(scene: Scene, person: Person, custom_id: str, components: object) -> Used:
    """A modal that nobody may have been shown, sent off."""
    data: Any = {"custom_id": custom_id, "components": components}
    return person._use(scene.application, scene.channel, Kind.MODAL, data)


def written(text: object) -> object:
    field = {"type": 4, "id": 2, "custom_id": "shots", "value": text}
    return [{"type": 18, "id": 1, "component": field}]


LINES = {
    "blanks": " \n\t\n\u3000",
    "no bar": "a boat",
    "no seconds": "| a boat",
    "seconds in words": "three | a boat",
    "no words": "3 |",
    "invisible words": "3 | \u3000",
    "below zero": "-3 | a boat",
    "no time": "0 | a boat",
    "other digits": "３ | a boat",  # noqa: RUF001
    "ages": "999 | a boat",
    "more than ages": "9999999999 | a boat",
    "longer than any clip": "60 | a boat\n60 | a boat",
    "seven": "\n".join(["1 | a boat"] * 7),
    "hundreds": "\n".join(["1 | a"] * 500),
    "too much in one": "5 | " + "x" * 513,
    "half": "2.5 | a boat",
    "as long as it gets": "x" * 3400,
    "as long as it gets in emoji": "🎬" * 3400,
    "fences": ("```\n@everyone <@1> `" * 200)[:3400],
    "turned round": "\u202e3 | a boat",
    "null": "3 |\x00\n\x1b[31m",
}


class TestStoryboards:
    @pytest.mark.usefixtures("unhurried")
    async def test_shots_that_are_none_are_refused_and_given_back(self, bot: Bot, scene: Scene) -> None:
        modal = await storyboard(scene)
        for what, text in LINES.items():
            answer = await (await scene.mia.submit(modal, {"shots": text})).response()
            assert FREE in answer.text, what
            assert answer.text.count("```") in {0, 2}, what
            assert answer.ephemeral_to is scene.mia.user
            assert not set("\u202e\x00\x1b") & set(answer.text), what
            modal = await (await scene.mia.click(answer, "Edit the shots")).modal()
            assert modal.fields[0].component.get("value", "") == text, what
        assert await is_none(bot)

    async def test_shots_are_only_words(self, bot: Bot, scene: Scene) -> None:
        modal = await storyboard(scene)
        texts = (
            "5 | a | b || c", "\n\n5 | x\n\n", "3s|a\n5 SEC  |b", "5|" + "x" * 512, "5 | ${HOME} `id` $(id) \\ JSON\n",
            "5 | \u202ea boat", "3 | a\u20285 | b", "5 | @everyone <@1> ```",
        )  # fmt: skip
        for number, text in enumerate(texts, start=1):
            card = await (await scene.mia.submit(modal, {"shots": text})).response()
            clip = await scene.clip_of(card)
            assert clip.pinged == {scene.mia.id}, text
            assert "everyone" not in re.sub(r"(?s)```.*?```", "", card.text + clip.text)
            assert 1 <= len((await bot.job(number)).request.shots) <= 2, text

    async def test_only_who_began_a_storyboard_sends_it_off(self, bot: Bot, scene: Scene) -> None:
        modal = await storyboard(scene)
        leo = scene.guild.add_member("leo")
        for number in (modal.custom_id, "storyboard:999999999999999999", "storyboard:0", "storyboard:00"):
            answer = await sent(scene, leo, number, written(SHOTS)).response()
            assert "no longer open" in answer.text
            assert answer.ephemeral_to is leo.user
        other = scene.sandbox.add_guild("Elsewhere", app=scene.application)
        place, again = other.add_channel("general"), other.add_member(scene.mia)
        data: Any = {"custom_id": modal.custom_id, "components": written(SHOTS)}
        elsewhere = again._use(scene.application, place, Kind.MODAL, data)
        assert "no longer open" in (await elsewhere.response()).text
        assert await is_none(bot)

    async def test_a_storyboard_lapses_and_what_was_written_is_given_back(
        self, bot: Bot, scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        modal = await storyboard(scene)
        later_ms = SystemClock().now_ms() + BEGUN_LASTS_MS + 60_000

        def later(_clock: SystemClock) -> int:
            return later_ms

        monkeypatch.setattr(SystemClock, "now_ms", later)
        answer = await (await scene.mia.submit(modal, {"shots": SHOTS})).response()
        assert "no longer open" in answer.text
        assert SHOTS in answer.text
        assert await is_none(bot)

    async def test_what_somebody_wrote_is_shown_to_nobody_else(self, scene: Scene) -> None:
        used = await scene.mia.submit(await storyboard(scene), {"shots": "my secret"})
        assert "my secret" in (await used.response()).text
        leo = scene.guild.add_member("leo")
        theirs = await (await leo.slash("video", scene.channel, prompt="mine")).response()
        for number in (1, 2, 3, 999_999_999_999_999_999):
            answer = await forged(leo, theirs, f"storyboard:{number}:edit")
            assert "no longer open" in answer.text
            assert "secret" not in answer.text

    async def test_an_offer_is_no_storyboard_and_a_storyboard_no_offer(self, bot: Bot, scene: Scene) -> None:
        used = await scene.mia.slash("animate", scene.channel, image=File("small.png", picture(200, 200)))
        offer = await used.response()
        modal = await storyboard(scene)
        board = modal.custom_id.partition(":")[2]
        assert "no longer open" in (await forged(scene.mia, offer, f"offer:{board}:pad")).text
        assert "no longer open" in (await forged(scene.mia, offer, "storyboard:1:edit")).text
        answer = await sent(scene, scene.mia, "storyboard:1", written(SHOTS)).response()
        assert "no longer open" in answer.text
        assert await is_none(bot)

    @pytest.mark.parametrize(
        "components",
        [
            [],
            [{"type": 18, "id": 1}],
            [{"type": 18, "id": 1, "component": {"type": 4, "id": 2, "custom_id": "else", "value": SHOTS}}],
            [{"type": 18, "id": 1, "component": {"type": 4, "id": 2, "custom_id": "shots"}}],
        ],
    )
    async def test_a_modal_without_its_field_holds_no_shots(
        self, bot: Bot, scene: Scene, components: object
    ) -> None:
        modal = await storyboard(scene)
        used = sent(scene, scene.mia, modal.custom_id, components)
        assert "Write at least one line" in await refused(used)
        assert await is_none(bot)

    async def test_more_text_than_the_field_takes_is_cut(self, scene: Scene) -> None:
        modal = await storyboard(scene)
        answer = await sent(scene, scene.mia, modal.custom_id, written("x" * 6000)).response()
        assert FREE in answer.text
        assert await (await scene.mia.click(answer, "Edit the shots")).modal()

    async def test_sending_off_twice_at_once_overdraws_nothing(
        self, bot: Bot, scene: Scene, studio: Studio
    ) -> None:
        studio.hold()
        modal = await storyboard(scene, quality="4k")  # 320 of 500 credits
        both = [await scene.mia.submit(modal, {"shots": SHOTS}) for _ in range(2)]
        texts = [(await one.response()).text for one in both]
        assert sorted("Job 1 " in text for text in texts) == [False, True]
        assert sum("You have 180 credits left" in text for text in texts) == 1
        assert await is_none(bot, 2)


MODEL_NAMES = [
    "**bold**", "@everyone", "<@1>", "`x`", "a b", "a\nb", "\u202ex", "x" * 101, "x" * 6000, "é", "[a](b)", "${HOME}",
    "; rm -rf /", "a\\b", "\x00", " ", "%2e%2e",
]  # fmt: skip


class TestChoices:
    @pytest.mark.parametrize("option", ["model", "provider"])
    async def test_a_name_is_a_name(self, bot: Bot, scene: Scene, option: str) -> None:
        for name in MODEL_NAMES:
            used = await scene.mia.slash("video", scene.channel, prompt="a boat", **{option: name})
            assert len(await refused(used)) < 300, name
        assert await is_none(bot)

    async def test_what_no_client_sends_is_refused_in_a_sentence(self, bot: Bot, scene: Scene) -> None:
        for forced in (
            {"quality": "9k"}, {"aspect": "0:0"}, {"aspect": "21:9"}, {"camera": "__class__"}, {"camera": "@everyone"},
            {"duration": -5}, {"duration": 61}, {"duration": 10**30}, {"guidance": -1},
            {"guidance": 1e308}, {"camera": "pan", "camera_amount": 1e308}, {"camera_amount": 3},
            {"negative": "x" * 6000}, {"voices": "a" * 6000, "sound": True}, {"voices": "a,b,c", "sound": True},
        ):  # fmt: skip
            used = smuggled(scene.mia, scene, "video", {"prompt": "a boat"}, **forced)
            answer = await used.response()
            assert FREE in answer.text, (forced, answer.text)
            assert len(answer.text) < 300, forced
        assert await is_none(bot)

    async def test_what_costs_more_than_is_left_is_not_begun(self, bot: Bot, scene: Scene) -> None:
        used = await scene.mia.slash("video", scene.channel, prompt="a boat", quality="4k", duration=60)
        assert "costs 2,400 credits. You have 500 credits left" in await refused(used)
        assert await is_none(bot)

    async def test_parallel_requests_of_different_prices_overdraw_nothing(
        self, bot: Bot, scene: Scene, studio: Studio
    ) -> None:
        studio.hold()
        wanted = [
            ("4k", 3),
            ("4k", 5),
            ("pro", 60),
            ("std", 60),
            ("4k", 3),
            ("pro", 60),
            ("4k", 10),
            ("4k", 5),
        ]
        used = [
            await scene.mia.slash("video", scene.channel, prompt="a boat", quality=quality, duration=seconds)
            for quality, seconds in wanted
        ]
        texts = [(await one.response()).text for one in used]
        taken = [quality for text, quality in zip(texts, wanted, strict=True) if "Job" in text]
        price = {"std": 1, "pro": 2, "4k": 40}
        assert 300 < sum(price[quality] * seconds for quality, seconds in taken) <= 500
        assert all("credits left" in text and FREE in text for text in texts if "Job" not in text)


NONSENSE: list[dict[str, Any]] = [
    {"duration": "ten", "quality": 7, "sound": "perhaps"},
    {"duration": 10**40, "camera": {"a": [1]}, "camera_amount": ""},
    {"camera": "pan", "camera_amount": 1e308, "guidance": "1e999", "draft": "yes"},
    {"model": ["a"], "provider": None, "voices": 3, "negative": {}},
    {"model": "x" * 6000, "provider": "@everyone", "prompt": ["x"] * 100, "nothing": "x"},
]


class TestSuggestions:
    @pytest.mark.parametrize("focused", ["model", "provider", "duration"])
    async def test_nonsense_while_typing_gives_few_or_none(self, scene: Scene, focused: str) -> None:
        app, command = access.find(scene.sandbox.world, scene.mia.id, scene.channel, SLASH, "video")
        kinds = {spec["name"]: spec["type"] for spec in command.body["options"]}
        for given in NONSENSE:
            for typed in ("", "@everyone\n" * 600, "\u202e", ".*("):
                entries = [
                    {"name": name, "type": kinds.get(name, 3), "value": value}
                    for name, value in given.items()
                    if name != focused
                ]
                entries.append({"name": focused, "type": kinds[focused], "value": typed, "focused": True})
                data: Any = {"id": str(command.id), "name": "video", "type": SLASH, "options": entries}
                used = scene.mia._use(app, scene.channel, Kind.AUTOCOMPLETE, data)
                acknowledged = await used.acknowledged()
                assert acknowledged is not None
                assert len(used.interaction.choices or []) <= 25


class TestRequestsThatAreShown:
    async def test_only_moderators_see_them(self, bot: Bot, scene: Scene, studio: Studio) -> None:
        studio.hold()
        card = await (await scene.mia.slash("video", scene.channel, prompt="my secret")).response()
        leo = scene.guild.add_member("leo")
        for person in (scene.mia, leo):
            answer = await (await person.click(card, "Show request")).response()
            assert "Only moderators" in answer.text
            assert answer.ephemeral_to is person.user
            assert answer.files == []

    async def test_moderators_see_those_of_their_own_server(self, scene: Scene, studio: Studio) -> None:
        studio.hold()
        await (await scene.mia.slash("video", scene.channel, prompt="my secret")).response()
        other = scene.sandbox.add_guild("Elsewhere", app=scene.application)
        crew = other.add_role("crew", permissions=Permission.MANAGE_GUILD)
        leo = other.add_member("leo", roles=[crew])
        theirs = await (await leo.slash("video", other.add_channel("general"), prompt="mine")).response()
        for number in (1, 0, 999_999_999_999_999_999):
            answer = await forged(leo, theirs, f"job:{number}:request")
            assert "no such job" in answer.text
            assert answer.files == []


LINKS = ["https://evil.example/x", "//evil.example", "http://1.1.1.1/", "a//b", "/etc/passwd", "x/"]


class TestVendors:
    """The same members, where a clip costs money."""

    @pytest.fixture
    async def vendors(self) -> AsyncGenerator[Vendors]:
        async with AsyncExitStack() as stack:
            yield await Vendors.open(stack)

    @pytest.fixture
    async def bot(self, scene: Scene, vendors: Vendors) -> AsyncGenerator[Bot]:
        async with held(running(vendors.settings(scene.settings), clock=QuickClock())) as app:
            await scene.application.ready()
            yield Bot(app)

    async def ask(self, scene: Scene, **options: object) -> Message:
        return await (await scene.mia.slash("video", scene.channel, prompt="a boat", **options)).response()

    async def test_the_name_of_a_model_is_no_link(self, bot: Bot, scene: Scene, vendors: Vendors) -> None:
        for name in LINKS:
            assert FREE in (await self.ask(scene, model=name)).text, name
        assert await is_none(bot)
        assert vendors.asked == set()

    async def test_nor_an_invitation(self, scene: Scene, vendors: Vendors) -> None:
        vendors.kling.instead_of_create.append(Said(400, {"code": 1201, "message": "no such model"}))
        card = await self.ask(scene, model="kling.gg/evil", duration=5, provider="kling")
        card = await shows(card, lambda shown: "Not made" in shown.text)
        assert "`kling.gg/evil`" in card.text

    @pytest.mark.parametrize("provider", NAMES)
    async def test_what_a_vendor_says_of_a_prompt_is_no_link_and_calls_nobody(
        self, scene: Scene, vendors: Vendors, provider: str
    ) -> None:
        words = "These words are sensitive: https://evil.example @everyone **now** ```"
        vendor: Any = vendors.by_name[provider]
        answer = {"code": 1301, "statusCode": 400, "message": words}
        if provider == "onemin":
            vendor.creates.append(Answer(400, answer))
        else:
            vendor.instead_of_create.append(Said(400, answer))
        card = await self.ask(scene, provider=provider)
        card = await shows(card, lambda shown: "Not made" in shown.text)
        assert "sensitive" in card.text
        assert card.text.count("```") == 2
        assert card.pinged == frozenset()
        assert not any(live in card.text for live in ("https://", "@everyone", "**now**"))

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"provider": "local", "model": "kling-v3"}, "providers at hand"),
            ({"provider": "kling", "model": "kling/2.1"}, "models at hand"),
            ({"provider": "onemin", "model": "kling-v3"}, "models at hand"),
            ({"provider": "Kling"}, "providers at hand"),
            ({"provider": "constructor"}, "providers at hand"),
            ({"draft": True, "model": "kling-v3"}, "leave the model out"),
            ({"model": "kling-nonsense", "duration": 60, "quality": "4k"}, "You have 500 credits left"),
            ({"model": "kling-v3", "duration": 15, "quality": "4k"}, "You have 500 credits left"),
            ({"model": "local-camera"}, ""),
        ],
    )
    async def test_what_cannot_be_had_is_asked_of_nobody(
        self, bot: Bot, scene: Scene, vendors: Vendors, options: dict[str, object], said: str
    ) -> None:
        answer = await self.ask(scene, **options)
        assert said in answer.text
        assert FREE in answer.text
        assert await is_none(bot)
        assert vendors.asked == set()

    async def test_a_model_that_the_account_may_not_use_says_nothing_about_the_account(
        self, bot: Bot, scene: Scene, vendors: Vendors
    ) -> None:
        forbidden = Said(403, {"code": 1103, "message": "no right to this model"})
        vendors.kling.instead_of_create.append(forbidden)
        card = await self.ask(scene, model="kling-nonsense", provider="kling")
        await shows(card, lambda shown: "Not made" in shown.text)
        await scene.clip_of(await self.ask(scene))
        assert (await bot.job(2)).provider == "kling"

    async def test_a_model_that_no_gateway_knows_occupies_none(
        self, bot: Bot, scene: Scene, vendors: Vendors
    ) -> None:
        words = "No available channel for model nonsense under group default (distributor)"
        error = {"error": {"message": words, "type": "new_api_error", "code": "model_not_found"}}
        vendors.kkiai.instead_of_create.append(Said(503, error))
        card = await self.ask(scene, model="kling-nonsense", provider="kkiai")
        await shows(card, lambda shown: "Not made" in shown.text)
        assert (await bot.job()).state is JobState.FAILED

    async def test_a_clip_that_is_paid_for_while_it_is_cancelled_is_delivered(
        self, bot: Bot, scene: Scene, vendors: Vendors
    ) -> None:
        vendors.onemin.outcomes.append(Outcome.SLOW)
        card = await self.ask(scene, provider="onemin")
        await vendors.onemin.started.wait()
        for _ in range(5):
            used = await scene.mia.slash("cancel", scene.channel, id=1)
            assert "being stopped" in (await used.response()).text
        vendors.onemin.finish()
        await scene.clip_of(card)
        job = await bot.job()
        assert (job.state, len(vendors.onemin.bill), len(scene.clips())) == (JobState.DONE, 1, 1)

    async def test_cancelling_again_at_the_worst_moment_loses_no_clip_that_was_paid_for(
        self, bot: Bot, scene: Scene, vendors: Vendors, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        vendors.onemin.outcomes.append(Outcome.SLOW)
        card = await self.ask(scene, provider="onemin")
        await vendors.onemin.started.wait()
        await (await scene.mia.slash("cancel", scene.channel, id=1)).response()
        read = bot.app.db.read

        async def followed_by_a_cancellation(transaction: Any) -> Any:
            found = await read(transaction)
            if isinstance(found, Job) and found.state is JobState.SUBMITTING:
                mia = scene.mia.id
                await bot.app.db.write(
                    jobs.cancel(1, guild_id=scene.guild.id, owner_id=mia, now_ms=found.run_at_ms)
                )
            return found

        monkeypatch.setattr(bot.app.db, "read", followed_by_a_cancellation)
        vendors.onemin.finish()
        await scene.clip_of(card)
        assert (await bot.job()).state is JobState.DONE

    @pytest.mark.parametrize("moment", ["at once", "ordered", "rendering"])
    @pytest.mark.parametrize("provider", NAMES)
    async def test_a_cancellation_ends_in_a_clip_that_is_paid_for_or_in_neither(
        self, bot: Bot, scene: Scene, vendors: Vendors, provider: str, moment: str
    ) -> None:
        vendor = vendors.by_name[provider]
        vendor.on_create.append(OnCreate.BUSY)
        vendor.outcomes.append(Outcome.SLOW)
        card = await self.ask(scene, provider=provider)
        if moment != "at once":
            await vendors.until(lambda: vendor.tasks, "an order")
        if moment == "rendering" and provider != "onemin":  # which is not asked
            await vendors.until(lambda: vendors.questions(provider), "a question")
        await (await scene.mia.slash("cancel", scene.channel, id=1)).response()
        vendor.finish()
        ends = ("See the clip", "Not made", "Cancelled")
        await shows(card, lambda shown: any(end in shown.text for end in ends))
        end = ((await bot.job()).state, len(vendor.bill), len(scene.clips()))
        assert end in {(JobState.DONE, 1, 1), (JobState.CANCELLED, 0, 0)}

    @pytest.mark.parametrize("provider", [None, *NAMES])
    async def test_a_model_nobody_knows_may_be_asked_for_anything(
        self, scene: Scene, vendors: Vendors, provider: str | None
    ) -> None:
        much = {
            "image": PICTURE,
            "end_frame": PICTURE,
            "model": "klingai/nonsense" if provider == "aimlapi" else "kling/nonsense",
            "negative": "blur",
            "guidance": 1,
        }
        much |= {"watermark": True, "quality": "pro"} | ({"provider": provider} if provider else {})
        masks: dict[str, Any] = {f"mask{number}": MASK for number in range(1, 7)}
        paths = {f"path{number}": "1,2" for number in range(1, 7)}
        sounds: dict[str, Any] = {"sound": True, "voices": "a,b"}
        camera = {"camera": "down_back", "aspect": "9:16", "duration": 7}
        ended = ("Not made", "See the clip")

        async def end_of(used: Used) -> str:
            card = await used.response()
            return (await shows(card, lambda shown: any(end in shown.text for end in ended))).text

        modal = await (await scene.mia.slash("storyboard", scene.channel, **much, **sounds)).modal()
        texts = [
            await end_of(await scene.mia.slash("animate", scene.channel, **much, **sounds, **camera)),
            await end_of(
                await scene.mia.slash("motion", scene.channel, **much, **masks, **paths, still_mask=MASK)
            ),
            await end_of(await scene.mia.submit(modal, {"shots": SHOTS})),
        ]
        assert not any("inside the bot" in text for text in texts)

    async def test_moving_on_costs_no_more_than_was_reserved(
        self, bot: Bot, scene: Scene, vendors: Vendors
    ) -> None:
        for vendor in vendors.by_name.values():
            vendor.on_create.extend([OnCreate.REFUSE_PAYMENT] * 2)
        for seconds in (5, 10):
            card = await self.ask(scene, duration=seconds)
            await shows(card, lambda shown: "Not made" in shown.text or "See the clip" in shown.text)
        for number in (1, 2):
            job = await bot.job(number)
            assert job.price <= job.credits
            assert len({*job.tried, job.provider}) == len(job.tried) + 1

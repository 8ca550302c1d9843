"""Members who mean no good, and members who have no luck."""

import struct
import zlib
from collections import Counter
from collections.abc import AsyncGenerator

import pytest

from bot.domain.jobs import JobState
from bot.sandbox import Channel, File, Hold, Kind, Message, Permission, Person, Used, shows
from bot.sandbox.actions import threads
from bot.sandbox.actions.drafts import Draft
from bot.sandbox.actions.threads import Plan
from tests.e2e.scenes import PICTURE, Bot, Scene, picture
from tests.e2e.studio import Studio, ends, everybody_is_answered, film, opened

FREE = "Nothing was charged."


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch) -> Studio:
    return opened(monkeypatch)


@pytest.fixture(autouse=True)
async def _all_is_well_afterwards(studio: Studio, bot: Bot, scene: Scene) -> AsyncGenerator[None]:
    yield
    await everybody_is_answered(bot, scene)
    assert len(set(studio.submitted)) == len(studio.submitted)
    said = [one.original.text for one in scene.sandbox.world.interactions.values() if one.original]
    assert not any("Something went wrong" in text for text in said)


async def ask(scene: Scene, prompt: str = "a paper boat", channel: Channel | None = None) -> Used:
    return await scene.mia.slash("video", channel or scene.channel, prompt=prompt)


async def forged(person: Person, message: Message, custom_id: str) -> Message:
    """The answer to a click on a button whose id was changed; discord.py drops an id that no button has."""
    honest = message.components
    button: dict[str, object] = {"type": 2, "style": 1, "label": "Forged", "custom_id": custom_id}
    message.components = [{"type": 1, "id": 1, "components": [button | {"id": 2}]}]
    try:
        return await (await person.click(message, custom_id)).response()
    finally:
        message.components = honest


class TestCaps:
    @pytest.fixture
    def scene(self, scene: Scene) -> Scene:
        scene.settings = scene.settings.model_copy(update={"default_user_daily_credits": 15})
        return scene

    @pytest.mark.usefixtures("unhurried")
    async def test_twenty_requests_at_once_get_what_the_cap_allows(
        self, bot: Bot, scene: Scene, studio: Studio
    ) -> None:
        studio.hold()
        used = [await ask(scene) for _ in range(20)]
        answers = [await one.response() for one in used]
        counted = Counter("Job" in answer.text for answer in answers)
        assert counted == {True: 3, False: 17}
        refused = [answer.text for answer in answers if "Job" not in answer.text]
        assert all("You have 0 credits left" in text and FREE in text for text in refused)
        studio.release()
        for answer in answers:
            if "Job" in answer.text:
                await scene.clip_of(answer)
        quota = await (await scene.mia.slash("quota me", scene.channel)).response()
        assert "0 left of 15 · 15 used" in quota.text

    async def test_a_member_in_two_servers_at_once_overdraws_neither(
        self, bot: Bot, scene: Scene, studio: Studio
    ) -> None:
        studio.hold()
        other = scene.sandbox.add_guild("Elsewhere", app=scene.application)
        place, again = other.add_channel("general"), other.add_member(scene.mia)
        used = [
            *[await ask(scene) for _ in range(6)],
            *[await again.slash("video", place, prompt="a paper boat") for _ in range(6)],
        ]
        answers = [await one.response() for one in used]
        taken = [sum("Job" in answer.text for answer in half) for half in (answers[:6], answers[6:])]
        assert taken == [3, 3]

    async def test_what_was_cancelled_may_be_spent_again(self, scene: Scene, studio: Studio) -> None:
        studio.hold()
        for number in range(1, 7):
            used = await ask(scene)
            card = await used.response()
            assert f"Job {number} " in card.text
            await (await scene.mia.click(card, "Cancel")).response()
            await shows(card, lambda shown: "Cancelled" in shown.text)


async def test_a_button_of_another_servers_job_does_nothing(bot: Bot, scene: Scene, studio: Studio) -> None:
    studio.hold()
    await (await ask(scene)).response()
    other = scene.sandbox.add_guild("Elsewhere", app=scene.application)
    place = other.add_channel("general")
    crew = other.add_role("crew", permissions=Permission.MANAGE_GUILD)
    leo = other.add_member("leo", roles=[crew])
    theirs = await (await leo.slash("video", place, prompt="mine")).response()
    for custom_id in ("job:1:cancel", "job:999999999999999999:cancel", "job:0:cancel"):
        refused = await forged(leo, theirs, custom_id)
        assert "no such job" in refused.text
        assert refused.ephemeral_to is leo.user
    assert (await bot.job()).state is JobState.RENDERING
    assert not (await bot.job()).cancel_requested


async def test_an_offer_of_another_server_is_not_open(scene: Scene) -> None:
    used = await scene.mia.slash("animate", scene.channel, image=File("small.png", picture(200, 200)))
    await used.response()
    other = scene.sandbox.add_guild("Elsewhere", app=scene.application)
    place, again = other.add_channel("general"), other.add_member(scene.mia)
    mine = await (await again.slash("video", place, prompt="mine")).response()
    for custom_id in ("offer:1:enlarge", "offer:999999999999999999:crop", "offer:0:pad"):
        refused = await forged(again, mine, custom_id)
        assert "no longer open" in refused.text


async def test_an_offer_cannot_be_taken_with_a_remedy_that_was_not_offered(scene: Scene) -> None:
    used = await scene.mia.slash("animate", scene.channel, image=File("long.png", picture(1500, 400)))
    offer = await used.response()
    answer = await forged(scene.mia, offer, "offer:1:enlarge")
    assert FREE in answer.text
    assert "no side may be more than" in answer.text


async def test_cancelling_twice_at_once_gives_the_credits_back_once(
    bot: Bot, scene: Scene, studio: Studio
) -> None:
    studio.hold()
    card = await (await ask(scene)).response()
    both = [await scene.mia.click(card, "Cancel"), await scene.mia.click(card, "Cancel")]
    texts = [(await one.response()).text for one in both]
    assert any("being stopped" in text or "is cancelled" in text for text in texts)
    assert all("being stopped" in text or "cancel" in text for text in texts)
    await shows(card, lambda shown: "Cancelled" in shown.text)
    assert (await bot.job()).state is JobState.CANCELLED


async def test_cancelling_while_the_provider_answers_orders_nothing_twice(
    bot: Bot, scene: Scene, studio: Studio
) -> None:
    studio.hold()
    studio.answers.clear()
    card = await (await ask(scene)).response()
    await studio.has_taken(1)
    assert "being stopped" in (await (await scene.mia.click(card, "Cancel")).response()).text
    studio.answers.set()
    await shows(card, lambda shown: "Cancelled" in shown.text)
    assert (await bot.job()).state is JobState.CANCELLED
    assert studio.cancelled == studio.submitted == studio.submitted[:1]


async def test_an_offer_pressed_five_times_at_once_makes_one_job(scene: Scene) -> None:
    used = await scene.mia.slash("animate", scene.channel, image=File("small.png", picture(200, 200)))
    offer = await used.response()
    pressed = [await scene.mia.click(offer, "Enlarge it") for _ in range(5)]
    texts = [(await one.response()).text for one in pressed]
    assert sum("no longer open" in text for text in texts) == 4
    assert sum("Job 1 " in text for text in texts) == 1


async def test_cancelling_while_the_clip_becomes_ready_ends_one_way(
    bot: Bot, scene: Scene, studio: Studio
) -> None:
    for number in range(1, 5):
        studio.hold()
        card = await (await ask(scene)).response()
        await studio.has_taken(number)
        if number % 2:
            studio.release()
        pressed = await scene.mia.click(card, "Cancel")
        studio.release()
        await pressed.response()
        await shows(card, lambda shown: "Cancelled" in shown.text or "See the clip" in shown.text)
        job = await bot.job(number)
        clips = [clip for clip in scene.clips() if clip.text.rstrip().endswith(f"job {number}")]
        assert (job.state, len(clips)) in {(JobState.DONE, 1), (JobState.CANCELLED, 0)}


async def test_a_stranger_cancels_nothing(bot: Bot, scene: Scene, studio: Studio) -> None:
    studio.hold()
    card = await (await ask(scene)).response()
    leo = scene.guild.add_member("leo")
    clicked, typed = await leo.click(card, "Cancel"), await leo.slash("cancel", scene.channel, id=1)
    for used, said in ((clicked, "Only who asked for this clip"), (typed, "no such job")):
        refused = await used.response()
        assert said in refused.text
        assert refused.ephemeral_to is leo.user
    assert not (await bot.job()).cancel_requested


PROMPTS = {
    "long": "x" * 2500,
    "long in emoji": "🎬" * 2500,
    "everyone": "@everyone @here <@&1> <@1>",
    "fence": "``` ```` ` ```\n**bold** [a](https://example.com) ||s|| # h",
    "bidi": "\u202eevil\u202c \u2066x\u2069 \u200b\ufeff",
    "zalgo": "Z" + "\u0335\u0489\u0301" * 400,
    "emoji": "👩\u200d👩\u200d👧\u200d👦🏳️\u200d🌈",
    "lines": "one\n\n\r\ntwo\ttabs\x00\x1b[31mred",
    "invisible": "\u200b\u2060\ufeff",
    "blank letters": "\u3164\u2800\u115f",
    "a card": "Job 1 · asked by <@1>\n[See the clip](https://example.com)",
}


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
async def test_a_prompt_is_only_words(scene: Scene, prompt: str) -> None:
    leo = scene.guild.add_member("leo")
    used = await ask(scene, prompt.replace("<@1>", f"<@{leo.id}>"))
    card = await used.response(lambda shown: "posted" in shown.text or "discord.com" in shown.text)
    (clip,) = scene.clips()
    assert (card.pinged, clip.pinged) == (frozenset(), {scene.mia.id})
    for text in (card.text, clip.text):
        assert text.count("```") == 2
        assert not set("\u202e\u2066\x00\x1b\ufeff") & set(text)
    (thread,) = scene.guild.threads
    assert 1 <= len(thread.name) <= 100
    assert thread.name.isprintable()
    assert not set("@<`\n") & set(thread.name)


@pytest.mark.parametrize("prompt", [" ", "\n\t ", "\u3000"])
async def test_a_prompt_of_blanks_is_none(scene: Scene, prompt: str) -> None:
    answer = await (await ask(scene, prompt)).response()
    assert "Say in the prompt" in answer.text
    assert FREE in answer.text


NAMES = [
    "../../etc/passwd.png",
    "C:\\x\\..\\boat.png",
    "\u202egnp.exe",
    "a" * 300 + ".png",
    ".png",
    "CON",
    "boat.png\0.exe",
]


@pytest.mark.parametrize("name", NAMES)
async def test_a_files_name_leads_nowhere(scene: Scene, name: str) -> None:
    used = await scene.mia.slash("animate", scene.channel, image=File(name, PICTURE.data))
    clip = await scene.clip_of(await used.response())
    assert clip.files[0].filename == "kinora-1.mp4"
    folder = scene.settings.data_dir
    assert {path.name.partition(".db")[0] for path in folder.iterdir()} == {"blobs", "fitted", "kinora"}
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def png(width: int, height: int, body: bytes = b"") -> bytes:
    """A PNG that claims a size and has the body it is given."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def gif_of(width: int, height: int) -> bytes:
    return (
        b"GIF89a" + struct.pack("<HH", width, height) + b"\x00\x00\x00,\x00\x00\x00\x00\xff\xff\xff\xff\x00"
    )


BAD = {
    "bomb": (png(60_000, 60_000, zlib.compress(bytes(60_001))), "limit is"),
    "bomb that lies": (png(640, 360, zlib.compress(bytes(9_000_000))), ""),
    "cut off": (PICTURE.data[:1000], "damaged"),
    "gif bomb": (gif_of(65_535, 65_535), ""),
    "empty body": (png(640, 360), "damaged"),
    "stub": (b"GIF89a" + bytes(4), ""),
    "html": (b"<html><script>alert(1)</script>", "not a picture"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
    "zip": (b"PK\x03\x04" + bytes(100), "not a picture"),
    "film": (film(), "not a picture"),
    "nothing": (b"", "not a picture"),
    "flat": (png(1_000_000, 1, zlib.compress(bytes(3_000_001))), ""),
    "no size": (png(0, 0), ""),
}


@pytest.mark.parametrize(("data", "said"), BAD.values(), ids=BAD)
async def test_a_picture_that_is_none_is_refused_in_a_sentence(scene: Scene, data: bytes, said: str) -> None:
    used = await scene.mia.slash("animate", scene.channel, image=File("boat.png", data))
    answer = await used.response()
    if "Job 1 " in answer.text:
        assert said == ""
        return
    assert said in answer.text
    assert FREE in answer.text


async def test_a_picture_under_a_false_name_is_what_it_is(scene: Scene) -> None:
    image = File("cat.gif.exe", picture(kind="JPEG"))
    used = await scene.mia.slash("animate", scene.channel, image=image)
    await scene.clip_of(await used.response())


async def test_a_picture_that_was_deleted_is_refused_in_a_sentence(scene: Scene) -> None:
    fault = scene.sandbox.faults.add("GET", "/cdn", Hold())
    used = await scene.mia.slash("animate", scene.channel, image=PICTURE)
    await fault.struck.wait()
    for path in list(scene.sandbox.cdn._files):
        scene.sandbox.cdn.remove(path)
    fault.release()
    answer = await used.response()
    assert "picture" in answer.text
    assert FREE in answer.text


async def test_an_end_frame_that_is_none_costs_nothing(scene: Scene) -> None:
    used = await scene.mia.slash(
        "animate", scene.channel, image=PICTURE, end_frame=File("end.png", b"MZ\x90")
    )
    assert "not a picture" in (await used.response()).text


@pytest.mark.parametrize("kind", [Kind.ANNOUNCEMENT, Kind.VOICE, Kind.STAGE])
async def test_any_channel_with_a_chat_gets_its_clip(scene: Scene, kind: Kind) -> None:
    channel = scene.guild.add_channel("place", kind=kind)
    clip = await scene.clip_of(await (await ask(scene, channel=channel)).response())
    assert clip.pinged == {scene.mia.id}
    at = scene.sandbox.world.channel(clip.channel_id)
    assert channel in (at, at.thread and at.parent)


async def test_a_post_in_a_forum_gets_its_clip(scene: Scene) -> None:
    forum = scene.guild.add_channel("films", kind=Kind.FORUM)
    post, _ = threads.open_post(
        scene.sandbox.world, forum, scene.mia.user, Plan("my film"), Draft(content="look")
    )
    clip = await scene.clip_of(await (await ask(scene, channel=post)).response())
    assert clip.channel_id == post.id


async def test_a_forum_post_that_is_locked_on_the_way_leaves_the_clip_to_be_claimed(
    bot: Bot, scene: Scene, studio: Studio
) -> None:
    studio.hold()
    forum = scene.guild.add_channel("films", kind=Kind.FORUM)
    crew = scene.guild.add_role("crew", permissions=Permission.MANAGE_THREADS)
    ada = scene.guild.add_member("ada", roles=[crew])
    post, _ = threads.open_post(
        scene.sandbox.world, forum, scene.mia.user, Plan("my film"), Draft(content="look")
    )
    await (await ask(scene, channel=post)).response()
    await ada.archive(post, lock=True)
    studio.release()
    await ends(bot, JobState.UNDELIVERABLE)
    assert scene.clips() == []


async def test_an_archived_thread_gets_its_clip(scene: Scene, studio: Studio) -> None:
    studio.hold()
    thread = await scene.mia.open_thread(scene.channel, "our film")
    await scene.mia.archive(thread)
    card = await (await ask(scene, channel=thread)).response()
    await scene.mia.archive(thread)
    studio.release()
    await thread.next_message(lambda message: message.files, since=0)
    assert len(scene.clips()) == 1
    assert "Job 1 " in card.text


async def test_a_private_thread_keeps_its_clip(scene: Scene) -> None:
    scene.guild.set_overwrite(scene.channel, scene.guild.everyone, allow=Permission.CREATE_PRIVATE_THREADS)
    plan = Plan("secret", Kind.PRIVATE_THREAD)
    thread = threads.open_alone(scene.sandbox.world, scene.channel, scene.mia.user, plan)
    threads.join(scene.sandbox.world, thread, scene.application.user)
    clip = await scene.clip_of(await (await ask(scene, channel=thread)).response())
    assert clip.channel_id == thread.id

"""Members, moderators and other bots who mean no good, at what came with mentions, buttons, places and files."""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.db import blobs, guilds, limits
from bot.db.transaction import Transaction
from bot.domain.errors import NoSuchJob
from bot.domain.jobs import JobState
from bot.domain.limits import EVERYBODY, Limit, Measure
from bot.domain.money import Scope
from bot.media.clips import Clips
from bot.sandbox import Channel, File, Hold, Message, Permission, Person, shows
from bot.sandbox.actions import posting
from bot.sandbox.actions.drafts import Draft
from bot.sandbox.driver.used import Used
from bot.sandbox.model.interactions import Kind as Interaction
from bot.ui.buttons import NumberedButton
from tests.e2e.scenes import PICTURE, Bot, Scene, picture
from tests.e2e.studio import Studio, everybody_is_answered, opened
from tests.e2e.test_hostile import forged
from tests.e2e.test_originals import FOLLOW_UP, HALF, clip_in, press
from tests.patience import PATIENCE_S

FREE = "Nothing was charged."
CALLBACK = "/interactions/{interaction_id}/{interaction_token}/callback"
ORIGINAL = "/webhooks/{webhook_id}/{webhook_token}/messages/@original"
FLOOD = 25
SMALL, OTHER = File("small.png", picture(200, 200)), File("tree.png", picture(400, 400))


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch) -> Studio:
    return opened(monkeypatch)


@pytest.fixture(autouse=True)
async def _all_is_well_afterwards(studio: Studio, bot: Bot, scene: Scene) -> AsyncGenerator[None]:
    yield
    studio.release()
    await everybody_is_answered(bot, scene)
    for interaction in scene.sandbox.world.interactions.values():
        for message in (interaction.original, *interaction.follow_ups.values()):
            assert message is None or "went wrong" not in message.text


@pytest.fixture
def ada(scene: Scene) -> Person:
    """A moderator."""
    crew = scene.guild.add_role("crew", permissions=Permission.MANAGE_GUILD)
    return scene.guild.add_member("ada", roles=[crew])


@pytest.fixture
def leo(scene: Scene) -> Person:
    """A member like others."""
    return scene.guild.add_member("leo")


async def asked(person: Person, place: Channel, **options: object) -> Message:
    return await (await person.slash("animate", place, image=PICTURE, **options)).response()


async def said(person: Person, command: str, place: Channel, /, **options: object) -> Message:
    """What the person alone is told."""
    answer = await (await person.slash(command, place, **options)).response()
    assert answer.ephemeral_to is person.user
    return answer


async def decided(bot: Bot, scene: Scene, *rows: Limit, **preferred: object) -> None:
    def transaction() -> Transaction[None]:
        yield from guilds.settle_in(scene.guild.id, defaults=scene.settings.default_limits)
        if preferred:
            yield from guilds.prefer(scene.guild.id, preferred, defaults=scene.settings.default_limits)
        for row in rows:
            yield from limits.put(scene.guild.id, row)

    await bot.app.db.write(transaction())


async def stands(bot: Bot, number: int, state: JobState) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while (await bot.job(number)).state is not state:  # noqa: ASYNC110 - a row rings no bell
            await asyncio.sleep(0.02)


async def no_job(bot: Bot, number: int = 1) -> bool:
    try:
        await bot.job(number)
    except NoSuchJob:
        return True
    return False


def named(scene: Scene, text: str = "") -> str:
    return f"<@{scene.application.user.id}> {text}".strip()


async def answer_to(scene: Scene, message: Message) -> Message:
    """The bot's reply to a message."""
    channel = scene.sandbox.world.channel(message.channel_id)

    def found() -> Message | None:
        replies = (one for one in channel.messages if one.author is scene.application.user)
        return next(
            (one for one in replies if one.reference and one.reference.message_id == message.id), None
        )

    return await channel.bell.until(found, awaited=f"a reply to {message!r}")


def ours(scene: Scene, channel: Channel) -> list[Message]:
    return [message for message in channel.messages if message.author is scene.application.user]


# ---- Clips for nothing


async def test_who_is_forgotten_while_a_clip_is_made_has_no_more_than_before(
    bot: Bot, scene: Scene, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be stopped costs the operator: one forgets oneself once a minute, and asks anew."""

    async def refuse(_: str) -> bool:
        return False

    monkeypatch.setattr(studio, "cancel", refuse)
    await decided(bot, scene, Limit(Scope.MEMBER, EVERYBODY, Measure.DAY, 5))
    studio.hold()
    await asked(scene.mia, scene.channel)
    await studio.has_taken(1)
    question = await said(scene.mia, "privacy forget", scene.channel)
    await (await scene.mia.click(question, "Forget everything")).response()
    refused = await asked(scene.mia, scene.channel)
    assert FREE in refused.text, refused.text
    assert await no_job(bot, 2)


# ---- What others wrote and made


@pytest.mark.parametrize("does", ["again", "edit", "extend", "final", "delete", "report", "original"])
async def test_no_button_reaches_into_a_private_thread(
    bot: Bot, scene: Scene, leo: Person, does: str
) -> None:
    scene.guild.set_overwrite(scene.channel, scene.guild.everyone, allow=Permission.CREATE_PRIVATE_THREADS)
    thread = await scene.mia.open_thread(scene.channel, "secret", private=True)
    await scene.mia.bring_in(thread, scene.guild.members[scene.application.user.id])
    clip = await scene.clip_of(await asked(scene.mia, thread, prompt="a secret", draft=True))
    own = await asked(leo, scene.channel)
    answer = await forged(leo, own, f"clip:1:{does}")
    assert "no such job" in answer.text or "Only who asked" in answer.text
    assert answer.ephemeral_to is leo.user
    assert "a secret" not in answer.text
    assert not clip.is_deleted
    assert await no_job(bot, 3)


async def sent(scene: Scene, person: Person, custom_id: object, components: object) -> Used:
    """A modal that nobody may have been shown, sent off."""
    data: Any = {"custom_id": custom_id, "components": components}
    return person._use(scene.application, scene.channel, Interaction.MODAL, data)


async def test_a_report_of_what_one_may_not_see_tells_nobody_of_it(
    bot: Bot, scene: Scene, leo: Person
) -> None:
    scene.guild.set_overwrite(scene.channel, scene.guild.everyone, allow=Permission.CREATE_PRIVATE_THREADS)
    log = scene.guild.add_channel("mod-log")
    await decided(bot, scene, log_channel_id=log.id, logs_requests=0)
    thread = await scene.mia.open_thread(scene.channel, "secret", private=True)
    await scene.mia.bring_in(thread, scene.guild.members[scene.application.user.id])
    await scene.clip_of(await asked(scene.mia, thread, prompt="a secret"))
    field = {"type": 4, "id": 2, "custom_id": "reason", "value": "@everyone"}
    used = await sent(scene, leo, "report:1", [{"type": 18, "id": 1, "component": field}])
    assert "no such job" in (await used.response()).text
    assert log.messages == []


async def test_no_list_says_what_is_made_in_a_private_thread(
    scene: Scene, studio: Studio, leo: Person
) -> None:
    scene.guild.set_overwrite(scene.channel, scene.guild.everyone, allow=Permission.CREATE_PRIVATE_THREADS)
    thread = await scene.mia.open_thread(scene.channel, "hidden", private=True)
    await scene.mia.bring_in(thread, scene.guild.members[scene.application.user.id])
    studio.hold()
    await asked(scene.mia, thread, prompt="a secret")
    await studio.has_taken(1)
    for command, options in (("queue", {}), ("job", {"id": 1}), ("cancel", {"id": 1})):
        answer = await (await leo.slash(command, scene.channel, **options)).response()
        assert "a secret" not in answer.text
        assert not answer.files
    assert await leo.autocomplete("job", scene.channel, focused="id", value="secret") == []


ODD: dict[str, Any] = {
    "nothing": [],
    "no component": [{"type": 18, "id": 1}],
    "no value": [{"type": 18, "id": 1, "component": {"type": 4, "id": 2, "custom_id": "prompt"}}],
    "a number": [{"type": 18, "id": 1, "component": {"type": 4, "id": 2, "custom_id": "prompt", "value": 7}}],
    "too long": [
        {"type": 18, "id": 1, "component": {"type": 4, "id": 2, "custom_id": "prompt", "value": "x" * 4000}}
    ],
    "odd choices": [
        {"type": 18, "id": 1, "component": {"type": 3, "id": 2, "custom_id": name, "values": ["bogus"]}}
        for name in ("duration", "quality", "camera")
    ],
    "no such file": [
        {"type": 18, "id": 1, "component": {"type": 19, "id": 2, "custom_id": "picture", "values": ["1"]}}
    ],
}


@pytest.mark.parametrize("components", ODD.values(), ids=ODD)
async def test_a_modal_with_odd_fields_is_answered_in_a_sentence(
    scene: Scene, components: Iterable[Any]
) -> None:
    clip = await scene.clip_of(await asked(scene.mia, scene.channel, prompt="a boat"))
    modal = await (await scene.mia.click(clip, "Edit")).modal()
    answer = await (await sent(scene, scene.mia, modal.custom_id, list(components))).response()
    assert answer.text
    assert "went wrong" not in answer.text


# ---- Content rules

# ruff: noqa: RUF001 - that they can be mistaken is what this is about
LOOKALIKES = (
    "a Νazi",  # Greek, as are the next
    "a ΝΑΖΙ",
    "a ΝАΖІ",
    "a n\u200baz\u2060i",
    "a \U0001d427\U0001d41a\U0001d433\U0001d422",
    "a n.a.z.i",
    "the n a z i",
    "a ꓠꓮꓜꓲ",  # Lisu
    "a NᎪᏃI",  # Cherokee
)


@pytest.mark.parametrize("prompt", LOOKALIKES)
async def test_a_word_that_is_not_wanted_is_not_taken_in_any_letters(
    bot: Bot, scene: Scene, prompt: str
) -> None:
    await decided(bot, scene, blocked_words="nazi | not here")
    clip = await scene.clip_of(await asked(scene.mia, scene.channel, prompt="a boat"))
    for options in ({"prompt": prompt}, {"prompt": "a boat", "negative": prompt}):
        assert "not here" in (await asked(scene.mia, scene.channel, **options)).text
    mention = await scene.mia.send(scene.channel, named(scene, prompt), files=[PICTURE])
    assert await shows(await answer_to(scene, mention), lambda message: "not here" in message.text)
    modal = await (await scene.mia.click(clip, "Edit")).modal()
    assert "not here" in (await (await scene.mia.submit(modal, {"prompt": prompt})).response()).text
    assert await no_job(bot, 2)


PATTERNS = {
    "every letter, often": [r"\pL{60}"] * 200,
    "repeated repeats": [rf"(?:\pL{{9}}){{9}}{number}" for number in range(200)],
    "a thousand of anything": [rf".{{1000}}{number}" for number in range(200)],
}


@pytest.mark.parametrize("lines", PATTERNS.values(), ids=PATTERNS)
async def test_patterns_of_a_moderator_who_means_no_good_keep_nobody_waiting(
    scene: Scene, ada: Person, lines: list[str]
) -> None:
    modal = await (await ada.slash("settings rules", scene.channel)).modal()
    text = "\n".join(lines)[:4000]
    used = await ada.submit(modal, {"patterns": text})
    async with longest_pause_s() as pauses:
        answer = await used.response()
    assert "Line 1" in answer.text
    assert max(pauses) < 0.5


@asynccontextmanager
async def longest_pause_s() -> AsyncGenerator[list[float]]:
    """For how long nothing else could run meanwhile, in seconds of this thread's own processor time."""
    pauses = [0.0]

    async def watch() -> None:
        while True:
            before_s = time.thread_time()
            await asyncio.sleep(0.005)
            pauses.append(time.thread_time() - before_s)

    watcher = asyncio.ensure_future(watch())
    try:
        yield pauses
    finally:
        watcher.cancel()


# ---- Disk and memory


async def test_an_embedded_picture_without_end_is_not_held_in_memory(scene: Scene, leo: Person) -> None:
    """Discord says how large attachments are, and not how large the pictures of embeds are."""
    huge = await leo.send(scene.channel, "look", files=[File("huge.png", bytes(40_000_000))])
    draft = Draft(
        content=named(scene, "it leaves"),
        embeds=[{"type": "image", "thumbnail": {"url": huge.files[0].url, "width": 10, "height": 10}}],
    )
    asked_for = posting.send(scene.sandbox.world, scene.channel, leo.user, draft)
    answer = await answer_to(scene, asked_for)
    await shows(answer, lambda message: FREE in message.text)
    assert "This picture is 40 MB and the limit is 10 MB" in answer.text


async def test_pictures_of_requests_that_are_refused_do_not_stay_on_the_disk(bot: Bot, scene: Scene) -> None:
    await decided(bot, scene, Limit(Scope.MEMBER, EVERYBODY, Measure.DAY, 1))
    assert FREE in (await asked(scene.mia, scene.channel)).text
    files = (scene.settings.data_dir / "blobs").glob("??/*")
    kept = {f"{file.parent.name}{file.name}" for file in files}
    assert kept <= set(await bot.app.db.read(blobs.let_go(before_ms=2**62, limit=100)))


@pytest.mark.usefixtures("unhurried")
async def test_nobody_has_more_than_one_clip_made_smaller_at_once(
    bot: Bot, scene: Scene, leo: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each takes seconds of a processor, and new clips wait for them."""
    honest, begun, may_go_on = Clips.fit, list[int](), asyncio.Event()

    async def slow(clips: Clips, path: Path, max_bytes: int, out: Path) -> Any:
        begun.append(max_bytes)
        await may_go_on.wait()
        return await honest(clips, path, max_bytes, out)

    monkeypatch.setattr(Clips, "fit", slow)
    await scene.clip_of(await asked(scene.mia, scene.channel, prompt="a boat"))
    await bot.app.db.write(_made_larger())
    first, *others = [await scene.mia.slash("job", scene.channel, id=1) for _ in range(FLOOD)]
    for used in others:
        answer = await used.response()
        assert "still making a clip smaller" in answer.text
        assert "Again" in {button.label for button in answer.buttons}
    theirs = await leo.slash("job", scene.channel, id=1)
    await asyncio.sleep(0)
    may_go_on.set()
    for used in (first, theirs):
        assert (await used.response(lambda message: message.files)).files
    assert len(begun) == 1  # for both


async def test_nobody_has_all_the_places_in_which_originals_are_sent(scene: Scene, leo: Person) -> None:
    clips = [await clip_in(scene) for _ in range(3)]
    scene.guild.upload_limit = HALF
    held = scene.sandbox.faults.add(*FOLLOW_UP, Hold(), times=None)
    begun = await scene.mia.click(clips[0], "Original")
    await held.struck.wait()
    for clip in clips[1:]:
        assert "try again in a minute" in (await press(scene.mia, clip)).text
    theirs = await leo.click(clips[1], "Original")
    held.release()
    for used in (begun, theirs):
        await used.follow_up(lambda message: message.text == "Part 2 of 2")


def _made_larger() -> Transaction[None]:
    yield "UPDATE jobs SET clip_bytes = 99000000, version = version + 1", {}


# ---- Clips that come back


async def test_a_clip_that_is_deleted_while_it_is_posted_again_does_not_come_back(
    scene: Scene, ada: Person
) -> None:
    clip = await scene.clip_of(await asked(scene.mia, scene.channel, prompt="a boat"))
    elsewhere = scene.guild.add_channel("elsewhere")
    held = scene.sandbox.faults.add("POST", CALLBACK, Hold(after_effect=True))
    shared = await scene.mia.slash("job", elsewhere, id=1, share=True)
    await held.struck.wait()
    deleted = await (await ada.click(clip, "Delete")).response()
    assert "Deleted" in deleted.text
    held.release()
    answer = await shared.follow_up()
    assert "no clip to post" in answer.text
    assert scene.clips() == []


async def test_a_clip_that_is_claimed_while_its_member_is_forgotten_goes_again(
    scene: Scene, bot: Bot, studio: Studio
) -> None:
    studio.hold()
    doomed = scene.guild.add_channel("doomed")
    await asked(scene.mia, doomed, prompt="a secret")
    await studio.has_taken(1)
    scene.guild.remove_channel(doomed)
    studio.release()
    await stands(bot, 1, JobState.UNDELIVERABLE)
    held = scene.sandbox.faults.add("PATCH", ORIGINAL, Hold(after_effect=True))
    claimed = await scene.mia.slash("claim", scene.channel)
    await held.struck.wait()
    question = await said(scene.mia, "privacy forget", scene.channel)
    await (await scene.mia.click(question, "Forget everything")).response()
    async with asyncio.timeout(PATIENCE_S):
        while (await bot.job()).request.prompt != "-":  # noqa: ASYNC110 - a row rings no bell
            await asyncio.sleep(0.02)
    held.release()
    answer = await claimed.response()
    await shows(answer, lambda message: message.is_deleted)


async def test_a_clip_is_claimed_only_where_the_server_wants_clips_and_not_against_its_rules(
    scene: Scene, bot: Bot, studio: Studio
) -> None:
    studio.hold()
    doomed = scene.guild.add_channel("doomed")
    for number, prompt in enumerate(("a boat", "a nazi"), start=1):
        await asked(scene.mia, doomed, prompt=prompt)
        await studio.has_taken(number)
    scene.guild.remove_channel(doomed)
    studio.release()
    for number in (1, 2):
        await stands(bot, number, JobState.UNDELIVERABLE)
    clips = scene.guild.add_channel("clips")
    await decided(bot, scene, blocked_words="nazi | not here", allowed_channels=str(clips.id))
    refused = await said(scene.mia, "claim", scene.channel)
    assert "clips are asked for in" in refused.text
    claimed = await (await scene.mia.slash("claim", clips)).response()
    assert "a boat" in claimed.text
    assert "not here" in (await said(scene.mia, "claim", clips)).text
    assert len(scene.clips()) == 1


@pytest.mark.parametrize("does", ["again", "extend", "final", "edit"])
async def test_what_was_made_among_adults_is_not_made_again_elsewhere(
    scene: Scene, bot: Bot, does: str
) -> None:
    adults = scene.guild.add_channel("adults", nsfw=True)
    await scene.clip_of(await asked(scene.mia, adults, prompt="a boat", draft=True))
    shown = await said(scene.mia, "job", scene.channel, id=1)
    assert "age-restricted" in shown.text
    await clicked(scene.mia, shown, f"clip:1:{does}")
    assert await no_job(bot, 2)
    await everybody_is_answered(bot, scene)


@pytest.mark.usefixtures("unhurried")
async def test_no_number_makes_any_button_do_what_it_is_not_for(scene: Scene, bot: Bot, leo: Person) -> None:
    """Numbers of jobs, offers, questions and of what was begun, in the ids of buttons that are about another of these."""
    two = await leo.send(scene.channel, "two", files=[PICTURE, OTHER])
    await (await leo.menu("Animate", two)).response()
    await asked(scene.mia, scene.channel, prompt="a boat")
    small = await (await leo.slash("animate", scene.channel, image=SMALL)).response()
    assert FREE in small.text
    own = await asked(leo, scene.channel, prompt="a tree")
    for kind in every_button():
        for does in kind._labels:
            for number in (0, 1, 2, 3, 4, 5, 10**18 - 1):
                if not {kind._about, does} & {"clip", "job", "forget", "reply"}:
                    await clicked(leo, own, f"{kind._about}:{number}:{does}")
    await everybody_is_answered(bot, scene)
    assert [(await bot.job(number)).origin.user_id for number in (1, 2, 3)] == [scene.mia.id, leo.id, leo.id]
    assert await no_job(bot, 4)  # the third is what the honest button under the small picture makes


def every_button() -> list[type[NumberedButton]]:
    return sorted(NumberedButton.__subclasses__(), key=lambda kind: kind._about)


async def clicked(person: Person, message: Message, custom_id: str) -> None:
    """A click on a button whose id was changed, until it is acknowledged."""
    honest = message.components
    button: dict[str, object] = {"type": 2, "style": 1, "label": "Forged", "custom_id": custom_id, "id": 2}
    message.components = [{"type": 1, "id": 1, "components": [button]}]
    try:
        used = await person.click(message, custom_id)
    finally:
        message.components = honest
    interaction = used.interaction
    await interaction.bell.until(lambda: interaction.acknowledgement, awaited=f"an answer to {custom_id}")


# ---- Noise


@pytest.mark.usefixtures("unhurried")
async def test_a_flood_of_mentions_is_answered_and_makes_no_more_than_the_queue_takes(
    scene: Scene, bot: Bot, studio: Studio, leo: Person
) -> None:
    studio.hold()
    sent_off = [
        await scene.mia.send(scene.channel, named(scene, f"boat {number}"), files=[PICTURE])
        for number in range(FLOOD)
    ]
    answer = await (await leo.slash("queue", scene.channel)).response()
    assert answer.text
    for message in sent_off:
        await shows(await answer_to(scene, message), lambda shown: "One moment" not in shown.text)
    most = (scene.settings.default_user_queued or 0) + (scene.settings.default_user_running or 0)
    assert await no_job(bot, most + 1)
    studio.release()


async def test_bots_webhooks_and_forwards_of_forwards_start_nothing(
    scene: Scene, bot: Bot, leo: Person
) -> None:
    other = scene.sandbox.add_application("Other", token="another")
    scene.guild.add_app(other)
    clip = await scene.clip_of(await asked(scene.mia, scene.channel, prompt="a boat"))
    place = scene.sandbox.world.channel(clip.channel_id)
    before = len(ours(scene, place)), len(ours(scene, scene.channel))
    reference: Any = {"message_id": clip.id, "channel_id": clip.channel_id}
    for content in ("", named(scene, "again"), named(scene) * 50):
        draft = Draft(content=content or "haha", files=[PICTURE], reference=reference)
        posting.send(scene.sandbox.world, place, other.user, draft)
    once = await leo.forward(clip, scene.channel)
    await leo.forward(once, place)
    last = await leo.send(scene.channel, named(scene, "it leaves"), files=[PICTURE])
    await shows(await answer_to(scene, last), lambda message: "See the clip" in message.text)
    assert await no_job(bot, 3)
    assert len(ours(scene, place)) == before[0]
    assert len(ours(scene, scene.channel)) == before[1] + 1


@pytest.mark.parametrize("what", ["message", "thread"])
async def test_what_is_deleted_while_it_is_taken_leaves_the_bot_well(
    scene: Scene, studio: Studio, what: str
) -> None:
    studio.hold()
    thread = await scene.mia.open_thread(scene.channel, "boats")
    held = scene.sandbox.faults.add("GET", "/cdn", Hold())
    message = await scene.mia.send(thread, named(scene, "it leaves"), files=[PICTURE])
    await held.struck.wait()
    if what == "message":
        await scene.mia.delete(message)
    else:
        scene.guild.remove_channel(thread)
    held.release()
    studio.release()
    last = await scene.mia.send(scene.channel, named(scene, "it leaves"), files=[PICTURE])
    await shows(await answer_to(scene, last), lambda shown: "See the clip" in shown.text)


ADDRESSES = (
    "http://127.0.0.1:1/inner.png",
    "http://169.254.169.254/latest/meta-data.png",
    "https://cdn.discordapp.com@127.0.0.1/inner.png",
    "https://cdn.discordapp.com:8443/inner.png",
    "https://cdn.discordapp.com.evil.example/inner.png",
    "https://cdn.discordapp.com:99999999/inner.png",
    "//cdn.discordapp.com/inner.png",
    "file:///etc/passwd.png",
    "http://[::1]/inner.png",
    "http://[/inner.png",
    "",
)


async def test_no_address_that_somebody_wrote_is_asked_and_embeds_without_end_are_looked_through(
    scene: Scene, bot: Bot, leo: Person
) -> None:
    embeds: list[Any] = [
        {"type": "rich", "description": "x" * 4000, key: {"url": url, "proxy_url": url, "width": -1}}
        for url in ADDRESSES * 3
        for key in ("image", "thumbnail")
    ]
    draft = Draft(content=named(scene, "x" * 1900), embeds=embeds)
    message = posting.send(scene.sandbox.world, scene.channel, leo.user, draft)
    assert "I see no picture here" in (await answer_to(scene, message)).text
    assert await no_job(bot)


async def test_reports_mention_nobody_and_break_nothing(scene: Scene, bot: Bot, leo: Person) -> None:
    log = scene.guild.add_channel("mod-log")
    await decided(bot, scene, log_channel_id=log.id)
    clip = await scene.clip_of(await asked(scene.mia, scene.channel, prompt="@everyone <@&1> ```"))
    modal = await (await leo.click(clip, "Report")).modal()
    loud = "@everyone @here <@&1> ``` [x](https://evil.example) \u202e" * 9
    await (await leo.submit(modal, {"reason": loud[:500]})).response()
    await log.bell.until(lambda: len(log.messages) >= 2 or None, awaited="a report and a request")
    for message in log.messages:
        assert message.pinged == frozenset()
        assert not message.mentions.everyone
        assert message.text.count("```") % 2 == 0

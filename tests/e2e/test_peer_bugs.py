"""What other bots that make clips got wrong, and were told about in public: each is held up to this one.

The numbers are those of GitHub threads; behind each stands somebody who paid for a clip that never came, was charged
twice, or pressed a button that was dead.
"""

import asyncio
import re
import sqlite3
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from bot.app import App, running
from bot.clock import SystemClock
from bot.db.transaction import Transaction
from bot.domain.jobs import JobState
from bot.sandbox import Answer, Channel, Hold, Message, Permission, Person, Used, shows
from bot.sandbox.model.interactions import Answer as Callback
from tests.e2e import test_callbacks as callbacks
from tests.e2e.exhibits import Exhibits
from tests.e2e.scenes import CLIP_TIMEOUT_S, PICTURE, Bot, Scene
from tests.e2e.studio import Studio, ends, everybody_is_answered, film, opened
from tests.e2e.test_crashes import kill
from tests.e2e.test_crashes import started as process_of
from tests.e2e.test_quota_races import impatient
from tests.e2e.test_routing import HELD, PRICES, SETTLED, Withholding, asked, first, started
from tests.held import held
from tests.patience import PATIENCE_S
from tests.vendors.kling import Said
from tests.vendors.opened import NAMES, QuickClock, Vendors, eventually, ledger
from tests.vendors.vendor import FAILURE, OnDownload, Outcome

MESSAGE = ("POST", "/channels/{channel_id}/messages")
POLLED = ("kling", "kkiai", "aimlapi")
FREE = "Nothing was charged."
MINUTE_MS = 60_000


@pytest.fixture
async def vendors() -> AsyncGenerator[Vendors]:
    async with AsyncExitStack() as stack:
        yield await Vendors.open(stack)


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch) -> Studio:
    """In use from the start where a test names it before `bot`."""
    return opened(monkeypatch)


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[Any]]:
    with capture_logs() as captured:
        yield captured


async def ask(scene: Scene, person: Person | None = None, channel: Channel | None = None) -> Used:
    return await (person or scene.mia).slash("video", channel or scene.channel, prompt="a paper boat")


async def quota_of(scene: Scene) -> str:
    return (await (await scene.mia.slash("quota me", scene.channel)).response()).text


def settled(name: str) -> list[tuple[str, int]]:
    return [("reserve", PRICES[name]), ("settle", SETTLED[name])]


def refunded(name: str) -> list[tuple[str, int]]:
    return [("reserve", PRICES[name]), ("refund", PRICES[name])]


# ---- 1. A crash between the order and the note of its number


@dataclass
class AtKling(Scene):
    """A scene whose bot, in a process of its own, has an account at Kling and nowhere else."""

    key: str = ""
    url: str = ""

    def environment(self) -> dict[str, str]:
        account = {"PROVIDERS": "kling", "KLING_API_KEY": self.key, "KLING_BASE_URL": self.url}
        return super().environment() | account


async def test_an_order_whose_number_a_kill_swallowed_is_found_again_and_not_repeated(
    scene: Scene, vendors: Vendors
) -> None:
    """nnabuuu/discord-video-gen-bot, after a restart: an entry without an operation's name is submitted again."""
    kling = Withholding(now_ms=vendors.kling.now_ms, key=vendors.kling.key)
    async with kling.serve():
        there = AtKling(**vars(scene), key=kling.key, url=kling.base_url)
        async with process_of(there) as process:
            card = await (await ask(scene)).response()
            await kling.taken.wait()
            await kill(process)
        async with process_of(there):
            await scene.clip_of(card)
    assert len([seen for seen in kling.seen if seen.method == "POST"]) == 1
    assert len(kling.bill) == len(scene.clips()) == 1


async def test_an_order_that_nobody_can_find_again_is_given_up_and_not_repeated(
    scene: Scene, vendors: Vendors
) -> None:
    """vargHQ/sdk#93: the call was cut off, its number is lost, and whoever asks again pays again."""
    vendors.onemin.outcomes.append(Outcome.SLOW)
    async with started(scene, vendors, providers=first("onemin")):
        card = await asked(scene)
        await vendors.onemin.started.wait()
    async with started(scene, vendors, providers=first("onemin")) as bot:
        await shows(card, lambda shown: HELD in shown.text)
        assert await bot.app.db.read(ledger()) == refunded("onemin")
    assert (len(vendors.creates("onemin")), vendors.asked) == (1, {"onemin"})


# ---- 2. Slow clips


class LeapingClock(SystemClock):
    """The time; a test may leap ahead, and whoever waits for a moment that is past by then goes on."""

    def __init__(self) -> None:
        self._leapt_ms = 0
        self._leap = asyncio.Event()

    def now_ms(self) -> int:
        return super().now_ms() + self._leapt_ms

    def leap(self, span_ms: int) -> None:
        self._leapt_ms += span_ms
        self._leap.set()
        self._leap = asyncio.Event()

    async def wait(self, event: asyncio.Event, *, until_ms: int | None) -> None:
        while not event.is_set() and (until_ms is None or self.now_ms() < until_ms):
            left_s = None if until_ms is None else (until_ms - self.now_ms()) / 1000
            waiting = [asyncio.ensure_future(one.wait()) for one in (event, self._leap)]
            try:
                await asyncio.wait(waiting, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in waiting:
                    one.cancel()


@pytest.mark.parametrize("minutes", [6, 16, 61])
@pytest.mark.parametrize("name", POLLED)
async def test_a_clip_that_takes_longer_than_anybody_waits_arrives_and_pings(
    scene: Scene, vendors: Vendors, name: str, minutes: int
) -> None:
    """Comfy-Org/ComfyUI#8860 (Kling took up to 68 min), nnabuuu/discord-video-gen-bot (gives up after 5 min).

    Fifteen minutes are the life of an interaction's token: in this Discord, it dies with the bot's own clock.
    """
    clock = LeapingClock()
    scene.sandbox.world.hub.clock = lambda: clock.now_ms() / 1000
    vendors.by_name[name].outcomes.append(Outcome.SLOW)
    async with started(scene, vendors, clock=clock, providers=first(name)) as bot:

        async def waits() -> bool:
            return (await bot.job()).run_at_ms > clock.now_ms()

        card = await asked(scene)
        for _ in range(minutes):
            await eventually(waits)  # else it would wait from now on, when it has noted the last answer
            polls = len(vendors.questions(name))
            clock.leap(MINUTE_MS)
            await vendors.until(lambda polls=polls: len(vendors.questions(name)) > polls, "one more poll")
        await eventually(waits)
        assert (await bot.job()).state is JobState.RENDERING
        vendors.by_name[name].finish()
        clock.leap(MINUTE_MS)
        clip = await scene.clip_of(card)
        assert await bot.app.db.read(ledger()) == settled(name)
    assert clip.pinged == {scene.mia.id}
    assert len(vendors.creates(name)) == 1


# ---- 3. A result that cannot be fetched at once


@pytest.mark.parametrize("name", NAMES)
async def test_a_finished_clip_that_cannot_be_fetched_at_once_is_not_lost(
    scene: Scene, vendors: Vendors, name: str
) -> None:
    """openstory-so/openstory#1505: nine of eighteen paid clips were lost to a 504 after COMPLETED."""
    vendors.by_name[name].on_download.extend([OnDownload.GATEWAY_TIMEOUT] * 6)
    async with started(scene, vendors, clock=QuickClock(500), providers=first(name)) as bot:
        card = await asked(scene)
        clip = await scene.clip_of(card)
        assert await bot.app.db.read(ledger()) == settled(name)
    assert clip.files[0].data == film()
    assert len(vendors.creates(name)) == 1
    assert not any("Not made" in version.text for version in card.edits)


# ---- 4. A status that is taken for "still running"


@pytest.mark.parametrize("name", NAMES)
async def test_a_clip_that_failed_is_not_waited_for(scene: Scene, vendors: Vendors, name: str) -> None:
    """TanStack/ai#394: a failure was read as "processing", and polled for ever."""
    vendors.by_name[name].outcomes.append(Outcome.FAILED)
    async with started(scene, vendors, providers=(name,)) as bot:
        card = await asked(scene)
        await shows(card, lambda shown: "Not made" in shown.text)
        polls = len(vendors.questions(name))
        assert await bot.app.db.read(ledger()) == refunded(name)
    assert polls <= 2  # AI/ML API is asked what it took
    assert FAILURE in card.text or name == "onemin"
    assert (len(vendors.creates(name)), vendors.asked) == (1, {name})


@pytest.mark.parametrize("name", POLLED)
async def test_a_status_that_nobody_knows_is_not_waited_for_for_ever(
    scene: Scene, vendors: Vendors, name: str
) -> None:
    """TanStack/ai#394, for words that no documentation has."""
    vendors.by_name[name].outcomes.append(Outcome.STRANGE_STATUS)
    async with started(scene, vendors, clock=QuickClock(5000), providers=first(name)) as bot:
        card = await asked(scene)
        await shows(card, lambda shown: FREE in shown.text)
        assert await bot.app.db.read(ledger()) == refunded(name)
    assert len(vendors.creates(name)) == 1


# ---- 5. A question that is refused


@pytest.mark.parametrize("name", POLLED)
async def test_a_question_that_is_not_authorised_orders_nothing(
    scene: Scene, vendors: Vendors, name: str
) -> None:
    """can1357/oh-my-pi#6603: 401 while polling made it sign in again, and send the order again."""
    vendor = vendors.by_name[name]
    key = vendor.key
    vendor.outcomes.append(Outcome.SLOW)
    async with started(scene, vendors, clock=QuickClock(200), providers=first(name)) as bot:
        card = await asked(scene)
        await vendors.until(lambda: vendors.questions(name), "a poll")
        vendor.key = "changed"
        polls = len(vendors.questions(name))
        await vendors.until(lambda: len(vendors.questions(name)) >= polls + 3, "polls that are refused")
        vendor.key = key
        vendor.finish()
        await scene.clip_of(card)
        assert await bot.app.db.read(ledger()) == settled(name)
    assert (len(vendors.creates(name)), len(vendor.bill)) == (1, 1)
    assert vendors.asked == {name}


async def test_a_token_that_expires_while_the_clip_is_made_orders_nothing(
    scene: Scene, vendors: Vendors
) -> None:
    """can1357/oh-my-pi#6603, in Kling's words: its signed tokens live for half an hour."""
    expired = Said(401, {"code": 1004, "message": "token is expired", "request_id": "r"})
    vendors.kling.instead_of_query.extend([expired] * 3)
    async with started(scene, vendors, clock=QuickClock(200), providers=first("kling")):
        await scene.clip_of(await asked(scene))
    assert (len(vendors.creates("kling")), len(vendors.kling.bill)) == (1, 1)


# ---- 6. A file that is too large


@pytest.mark.parametrize(
    "refusal", [Answer(413, {"message": "Request entity too large", "code": 40005}), Answer(413, {}), None]
)
async def test_a_clip_that_is_too_large_is_made_smaller_and_keeps_its_words(
    studio: Studio, bot: Bot, scene: Scene, refusal: Answer | None
) -> None:
    """openclaw/openclaw#99021: 413 took the text with it, and was booked as done; utensils/mold: as failed."""
    studio.hold()
    card = await (await ask(scene)).response()
    if refusal:
        scene.sandbox.faults.add(*MESSAGE, refusal)
    else:
        scene.guild.upload_limit = int(len(film()) * 0.9)
    studio.release()
    clip = await scene.clip_of(card)
    assert "a paper boat" in clip.text
    assert clip.pinged == {scene.mia.id}
    assert 0 < clip.files[0].size < len(film())
    assert await bot.app.db.read(ledger()) == [("reserve", 5), ("settle", 5)]
    assert scene.clips() == [clip]
    assert not any("Not made" in version.text or FREE in version.text for version in card.edits)


# ---- 7. Two at once where one is left


@pytest.fixture
def frugal(scene: Scene) -> Scene:
    """Three clips a day and member; two of Mia's are used in each of two servers."""
    scene.settings = scene.settings.model_copy(update={"default_user_daily_credits": 15})
    return scene


async def test_the_last_credit_is_spent_once_however_many_servers_are_asked_from(
    frugal: Scene, studio: Studio, bot: Bot
) -> None:
    """elizaOS/auto.fun#330 (a daily cap of clips went to -241), fmbot-discord/fmbot#303 (7 uses of 3)."""
    scene = frugal
    studio.hold()
    other = scene.sandbox.add_guild("Elsewhere", app=scene.application)
    people = ((scene.mia, scene.channel), (other.add_member(scene.mia), other.add_channel("general")))
    for person, channel in people:
        for _ in range(2):
            assert "Job " in (await (await ask(scene, person, channel)).response()).text
    used = [[await ask(scene, *one) for one in people] for _ in range(6)]
    answers = [[(await one.response()).text for one in pair] for pair in used]
    for server in (0, 1):
        texts = [pair[server] for pair in answers]
        assert sum("Job " in text for text in texts) == 1
        assert all("You have 0 credits left" in text for text in texts if "Job " not in text)
    await everybody_is_answered(bot, scene)


# ---- 8. Books that cannot be read


async def test_nobody_makes_anything_while_the_books_cannot_be_opened(
    studio: Studio, bot: Bot, scene: Scene
) -> None:
    """nnabuuu/discord-video-gen-bot: with its store of quotas away, everybody may."""
    await bot.app.db.write(impatient())
    with closing(
        sqlite3.connect(scene.settings.database_path, isolation_level=None, timeout=PATIENCE_S)
    ) as other:
        other.execute("BEGIN IMMEDIATE")
        answers = [await (await ask(scene)).response() for _ in range(3)]
        assert all("cannot reach its database" in answer.text and FREE in answer.text for answer in answers)
        assert studio.submitted == []
        other.execute("ROLLBACK")
    await scene.clip_of(await (await ask(scene)).response())
    assert len(studio.submitted) == 1


async def test_nobody_makes_anything_while_what_was_spent_cannot_be_read(
    studio: Studio, bot: Bot, scene: Scene
) -> None:
    """nnabuuu/discord-video-gen-bot, where the rest still works: what cannot be counted is not free."""

    def renamed(old: str, new: str) -> Transaction[None]:
        yield f"ALTER TABLE {old} RENAME TO {new}", {}

    await bot.app.db.write(renamed("balances", "elsewhere"))
    answer = await (await ask(scene)).response()
    assert "Something went wrong inside the bot" in answer.text
    assert (studio.submitted, await bot.app.db.read(ledger())) == ([], [])
    await bot.app.db.write(renamed("elsewhere", "balances"))
    await scene.clip_of(await (await ask(scene)).response())


# ---- 9. Paying for nothing


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.STRANGE_STATUS, Outcome.NO_LINK])
@pytest.mark.parametrize("name", POLLED)
async def test_what_was_not_made_takes_nothing_of_the_quota(
    scene: Scene, vendors: Vendors, name: str, outcome: Outcome
) -> None:
    """nnabuuu/discord-video-gen-bot: counted when it was asked for, and never given back."""
    vendors.by_name[name].outcomes.append(outcome)
    async with held(running(vendors.settings(scene.settings, providers=(name,)), clock=QuickClock(5000))):
        await scene.application.ready()
        card = await asked(scene)
        await shows(card, lambda shown: "Not made" in shown.text and FREE in shown.text)
        assert "500 left of 500 · 0 used" in await quota_of(scene)


# ---- 10. Buttons after a restart


@pytest.mark.usefixtures("unhurried")
async def test_every_button_there_is_works_after_a_restart(scene: Scene, studio: Studio) -> None:
    """Kilvoctu/aiyabot#258 and #267: after a restart, every button says "This interaction failed"."""
    exhibits = Exhibits.of(scene, studio, "a paper boat")
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        await exhibits.gather(Bot(app))
    offered = [(who, message, one.custom_id) for who, message in exhibits.shown for one in message.buttons]
    pressed: set[str] = set()
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        for who, message, custom_id in sorted(offered, key=lambda found: _takes_away(found[2])):
            is_there = not message.is_deleted and custom_id in {one.custom_id for one in message.buttons}
            if custom_id and is_there and custom_id not in pressed:
                pressed.add(custom_id)
                await answered(await who.click(message, custom_id))
        kinds = patterns(app)
        assert scene.sandbox.unanswered() == []
    assert {kind for kind in kinds if not any(kind.fullmatch(one) for one in pressed)} == set()


def _takes_away(custom_id: str | None) -> bool:
    """Whether nothing is there to be pressed afterwards."""
    return str(custom_id).endswith((":delete", ":forget", ":leave", ":no"))


async def answered(used: Used) -> None:
    """Fail unless the click leads somewhere."""
    if used.interaction.modal or (await used.acknowledged()).type is Callback.MODAL:
        return
    if (await used.acknowledged()).type is not Callback.DEFERRED_UPDATE:
        assert "Something went wrong" not in (await used.response()).text


def patterns(app: App) -> set[re.Pattern[str]]:
    """What the ids of all kinds of buttons look like."""
    known: Any = app.client._connection
    return set(known._view_store._dynamic_items)


# ---- 11. Killed between the clip and its message


async def test_a_clip_that_was_made_when_the_bot_was_killed_is_posted(scene: Scene) -> None:
    """utensils/mold#1117: what was ready when the bot restarted was never posted."""
    async with process_of(scene) as process:
        fault = scene.sandbox.faults.add(*MESSAGE, Hold())
        used = await scene.mia.slash("animate", scene.channel, image=PICTURE)
        await asyncio.wait_for(fault.struck.wait(), CLIP_TIMEOUT_S)
        await kill(process)
    scene.sandbox.faults.clear()
    async with process_of(scene):
        clip = await scene.clip_of(await used.response())
    assert scene.clips() == [clip]


# ---- 12. A place that changes while the clip is made


@dataclass(frozen=True)
class Place:
    """Where somebody asked, and who may change it."""

    scene: Scene
    thread: Channel
    moderator: Person

    @classmethod
    async def of(cls, scene: Scene) -> "Place":
        crew = scene.guild.add_role("crew", permissions=Permission.MANAGE_THREADS)
        thread = await scene.mia.open_thread(scene.channel, "our film")
        return cls(scene, thread, scene.guild.add_member("ada", roles=[crew]))

    async def archived(self) -> None:
        await self.moderator.archive(self.thread)

    async def locked(self) -> None:
        await self.moderator.archive(self.thread, lock=True)

    async def deleted(self) -> None:
        self.scene.guild.remove_channel(self.thread)

    async def forbidden(self) -> None:
        scene = self.scene
        role = scene.guild.app_role(scene.application)
        scene.guild.set_overwrite(scene.channel, role, deny=Permission.SEND_MESSAGES_IN_THREADS)


@pytest.mark.parametrize("change", [Place.archived, Place.locked, Place.deleted, Place.forbidden])
async def test_a_thread_that_closes_on_the_way_does_not_swallow_the_clip(
    studio: Studio, bot: Bot, scene: Scene, change: Any
) -> None:
    """discord/discord-api-docs#3197 (archived threads), aaronfisher-code/ComfyUI-SDXL-DiscordBot#6 (403 afterwards)."""
    studio.hold()
    place = await Place.of(scene)
    await (await ask(scene, channel=place.thread)).response()
    await change(place)
    studio.release()
    await ends(bot, JobState.DONE)
    (clip,) = scene.clips()
    assert clip.channel_id in (place.thread.id, scene.channel.id)
    assert clip.pinged == {scene.mia.id}
    assert await bot.app.db.read(ledger()) == [("reserve", 5), ("settle", 5)]


async def test_a_clip_that_has_no_place_left_is_kept_and_not_charged_until_it_is_claimed(
    studio: Studio, bot: Bot, scene: Scene
) -> None:
    """aaronfisher-code/ComfyUI-SDXL-DiscordBot#6: may not post, found out when the money was gone."""
    studio.hold()
    await (await ask(scene)).response()
    role = scene.guild.app_role(scene.application)
    scene.guild.set_overwrite(scene.channel, role, deny=Permission.ATTACH_FILES | Permission.VIEW_CHANNEL)
    studio.release()
    await ends(bot, JobState.UNDELIVERABLE)
    assert await bot.app.db.read(ledger()) == [("reserve", 5)]
    elsewhere = scene.guild.add_channel("elsewhere")
    claimed = await (await scene.mia.slash("claim", elsewhere)).response(lambda answer: answer.files)
    assert claimed.files[0].data == film()
    await ends(bot, JobState.DONE)
    assert await bot.app.db.read(ledger()) == [("reserve", 5), ("settle", 5)]


async def test_where_the_bot_may_not_post_nothing_is_ordered(studio: Studio, bot: Bot, scene: Scene) -> None:
    """aaronfisher-code/ComfyUI-SDXL-DiscordBot#6, before anything is spent."""
    role = scene.guild.app_role(scene.application)
    scene.guild.set_overwrite(scene.channel, role, deny=Permission.ATTACH_FILES)
    answer = await (await ask(scene)).response()
    assert "Attach Files" in answer.text
    assert answer.ephemeral_to is scene.mia.user
    assert (studio.submitted, await bot.app.db.read(ledger())) == ([], [])


# ---- 13. Cancelling


async def test_cancelling_while_the_clip_becomes_ready_has_one_end(
    studio: Studio, bot: Bot, scene: Scene
) -> None:
    """trilogy-group/ttv-pipeline#17, the race: either it was stopped and is free, or it is there and paid."""
    for number in range(1, 9):
        studio.hold()
        card = await (await ask(scene)).response()
        await studio.has_taken(number)
        if number % 2:
            studio.release()
        pressed = await scene.mia.click(card, "Cancel")
        studio.release()
        await pressed.response()
        await shows(card, lambda shown: "Cancelled" in shown.text or "See the clip" in shown.text)
        end = (await bot.job(number)).state, await bot.app.db.read(ledger(number)), _of_job(scene, number)
        assert end in (
            (JobState.DONE, [("reserve", 5), ("settle", 5)], 1),
            (JobState.CANCELLED, [("reserve", 5), ("refund", 5)], 0),
        )


async def test_a_clip_that_is_being_posted_is_not_cancelled_any_more(
    studio: Studio, bot: Bot, scene: Scene
) -> None:
    """trilogy-group/ttv-pipeline#17: no refund for what is there a moment later."""
    assert studio.submitted == []
    fault = scene.sandbox.faults.add(*MESSAGE, Hold())
    card = await (await ask(scene)).response()
    await fault.struck.wait()
    answer = await (await scene.mia.slash("cancel", scene.channel, id=1)).response()
    assert "too late" in answer.text
    fault.release()
    await scene.clip_of(card)
    assert await bot.app.db.read(ledger()) == [("reserve", 5), ("settle", 5)]


def _of_job(scene: Scene, number: int) -> int:
    """How many clips a job has."""
    return sum(clip.files[0].filename == f"kinora-{number}.mp4" for clip in scene.clips())


async def test_what_goes_on_costing_is_not_called_cancelled(scene: Scene, vendors: Vendors) -> None:
    """trilogy-group/ttv-pipeline#17: gone here, rendered and charged there. Kling cannot stop a task."""
    vendors.kling.outcomes.append(Outcome.SLOW)
    async with started(scene, vendors, providers=("kling",)) as bot:
        card = await asked(scene)
        await vendors.until(lambda: vendors.questions("kling"), "a poll")
        answer = await (await scene.mia.click(card, "Cancel")).response()
        assert "its card will say whether that was still possible" in answer.text
        vendors.kling.finish()
        await scene.clip_of(card)
        assert await bot.app.db.read(ledger()) == settled("kling")
    assert not any("Cancelled" in version.text for version in card.edits)


# ---- 14. News that comes twice


@pytest.fixture
async def wire(logs: list[Any]) -> AsyncGenerator[callbacks.Wire]:
    async with aiohttp.ClientSession() as session:
        yield callbacks.Wire(logs, session)


async def test_a_completion_that_is_told_again_and_again_makes_one_clip(
    scene: Scene, vendors: Vendors, wire: callbacks.Wire
) -> None:
    """openclaw/openclaw#112344: a completion that came twice was delivered twice."""
    async with callbacks.started(scene, vendors, wire) as bot:
        card, url, task = await callbacks.rendering(scene, vendors, wire)
        vendors.kling.finish()
        news = [wire.post(url, callbacks.notice(task)) for _ in range(10)]
        assert set(await asyncio.gather(*news)) == {200}
        await scene.clip_of(card)
        before = len(wire.events("news of no open job"))
        assert await wire.post(url, callbacks.notice(task)) == 200
        await wire.has_said("news of no open job", before + 1)
        assert [kind for kind, _ in await bot.app.db.read(ledger())] == ["reserve", "settle"]
    assert (len(scene.clips()), vendors.kling.downloads, len(vendors.kling.bill)) == (1, 1, 1)


# ---- 15. More models than a list can show

MODELS = 60
ROW = """
[[model]]
provider = "kling"
id = "house-{number:02}"
name = "House style {number:02}"
tasks = ["text_to_video"]
qualities = ["std", "pro"]
durations_s = [5]
aspects = ["16:9"]
parameters = ["prompt"]
price = {{ per_second = {{ std = 1, pro = 2 }}, unit_credits = 1 }}
"""


async def test_the_last_of_sixty_models_can_be_found_and_used(scene: Scene, vendors: Vendors) -> None:
    """openabdev/openab#631: Discord shows 25 at most, and models past them could not be chosen."""
    scene.settings.data_dir.mkdir()
    rows = "".join(ROW.format(number=number) for number in range(1, MODELS + 1))
    (scene.settings.data_dir / "models.toml").write_text(rows, encoding="utf-8")
    async with started(scene, vendors, providers=("kling",)):

        async def suggested(value: str) -> list[object]:
            found = await scene.mia.autocomplete("video", scene.channel, focused="model", value=value)
            return [choice.value for choice in found]

        assert len(await suggested("")) <= 25
        for number in range(1, MODELS + 1):
            assert f"house-{number:02}" in await suggested(f"style {number:02}")
        await asked(scene, model=f"house-{MODELS}")
        await vendors.until(lambda: vendors.creates("kling"), "an order")
    assert vendors.creates("kling")[0].body["model_name"] == f"house-{MODELS}"


# ---- 16. One who asks for many


@pytest.fixture
def unlimited(scene: Scene) -> Scene:
    """Anybody may have as many waiting and running as they like."""
    caps = ("user_daily_credits", "user_queued", "user_running", "guild_running")
    scene.settings = scene.settings.model_copy(update={f"default_{cap}": None for cap in caps})
    return scene


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("is_elsewhere", [False, True], ids=["the same server", "another server"])
async def test_who_asks_for_two_does_not_wait_for_who_asked_for_thirty_two(
    unlimited: Scene, studio: Studio, *, is_elsewhere: bool
) -> None:
    """mcmonkeyprojects/SwarmUI#1551: thirty-two jobs of one stand before the two of another."""
    scene, studio.concurrency = unlimited, 1
    studio.hold()
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        guild = scene.sandbox.add_guild("Elsewhere", app=scene.application) if is_elsewhere else scene.guild
        leo, place = guild.add_member("leo"), guild.add_channel("second")
        for _ in range(32):
            await (await ask(scene)).response()
        cards = [await (await ask(scene, leo, place)).response() for _ in range(2)]
        studio.release()
        for card in cards:
            await shows(card, lambda shown: "See the clip" in shown.text)
        await studio.has_taken(34)

        async def is_done() -> bool:
            return all([(await Bot(app).job(number)).state is JobState.DONE for number in range(1, 35)])

        await eventually(is_done)
    turns = [int(key.split("-")[-2]) for key in studio.submitted]
    assert [turns.index(number) for number in (33, 34)] <= [3, 5]


# ---- 17. Words that do something

MARKED = "b0ld"
PROMPT = (
    "@everyone @here <@&{role}> <@{other}> **b0ld** __b0ld__ ||b0ld|| ~~b0ld~~ # b0ld ```js\nb0ld``` `b0ld` "
    "[b0ld](https://b0ld.example) https://b0ld.example discord.gg/b0ld \u202eb0ld\u202c \u2066b0ld\u2069 "
    "<#{channel}> </b0ld:1> <t:0:R> <:b0ld:1> \n# b0ld\n> b0ld\n- b0ld\n1. b0ld"
)
_FENCED = re.compile(r"```\n[^`]*\n```|`[^`\n]*`")
_ACTIVE = (
    r"@everyone|@here|<@&",
    r"<#{channel}|</b0ld|<t:0:|<:b0ld",
    r"(?<!\\)(\*\*|__|\|\||~~)b0ld",
    r"(?<!\\)\]\(https?://b0ld",
    r"(?<!\\)https?://b0ld|discord\.gg/b0ld",
    r"(?m)^\s*(?:#+|>|-|\d+\.) b0ld",
)


async def test_what_somebody_wrote_does_nothing_wherever_it_is_repeated(scene: Scene, studio: Studio) -> None:
    """utensils/mold escapes prompts in one place of several: here every text that the bot has sent is looked at."""
    other = scene.guild.add_member("leo")
    role, secret = scene.guild.add_role("crew of many"), scene.guild.add_channel("secret")
    prompt = PROMPT.format(role=role.id, other=other.id, channel=secret.id)
    exhibits = Exhibits.of(scene, studio, prompt)
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        await exhibits.gather(Bot(app))
        said = sent_by(scene)
    assert len(said) > 30
    assert sum(MARKED in text for text in said) > 15
    problems = [(found, text) for text in said for found in active(text, secret, other)]
    assert problems == []
    assert {thread.name for thread in scene.guild.threads if set(thread.name) & set("@<`\n\u202e")} == set()
    pinged = {user for message in messages_of(scene) for user in message.pinged}
    assert pinged <= {scene.mia.id}
    assert any(
        MARKED in str(field.component.get("value")) for modal in exhibits.modals for field in modal.fields
    )


def messages_of(scene: Scene) -> list[Message]:
    """Everything that the bot has sent, to everybody or to one."""
    places = [*scene.guild.channels.values(), *scene.guild.threads]
    public = [message for place in places for message in place.messages]
    private = [
        message
        for one in scene.sandbox.world.interactions.values()
        for message in (one.original, *one.follow_ups.values())
    ]
    return [
        message for message in (*public, *private) if message and message.author is scene.application.user
    ]


def sent_by(scene: Scene) -> list[str]:
    """Each version of each of them."""
    versions = [
        [message.text, *(version.text for version in message.edits)] for message in messages_of(scene)
    ]
    return [text for texts in versions for text in texts]


def active(text: str, secret: Channel, other: Person) -> list[str]:
    """What a client would make of foreign words outside of code."""
    rest = _FENCED.sub(" ", text)
    wrong = [re.search(pattern.replace("{channel}", str(secret.id)), rest) for pattern in _ACTIVE]
    found = [match[0] for match in wrong if match]
    return [
        *found,
        *(["mentions another"] if f"<@{other.id}>" in rest else []),
        *(set(text) & set("\u202e\u2066")),
    ]

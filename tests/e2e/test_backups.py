"""A copy that was taken while the bot worked is put back: nothing is made twice, nothing is posted twice."""

import asyncio
import tarfile
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot import backups
from bot.db import asks, guilds
from bot.db.backups import GAP
from bot.domain.jobs import JobState
from bot.domain.places import ThreadStyle
from bot.sandbox import Hold, shows
from bot.settings import Settings
from tests.e2e.scenes import PICTURE, Bot, Scene
from tests.e2e.test_routing import HELD, PRICES, SETTLED, asked, first, started
from tests.e2e.test_ways_in import answer_to, named
from tests.patience import PATIENCE_S
from tests.vendors.opened import QuickClock, Vendors, eventually, ledger
from tests.vendors.vendor import OnCreate, Outcome

POLLED = ("kling", "kkiai", "aimlapi")


@pytest.fixture
async def vendors() -> AsyncGenerator[Vendors]:
    async with AsyncExitStack() as stack:
        yield await Vendors.open(stack)


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[Any]]:
    with capture_logs() as captured:
        yield captured


async def backed_up(settings: Settings, target: Path) -> list[str]:
    """A copy with everything, as the command makes it beside the bot."""
    now_ms = QuickClock().now_ms()
    return await asyncio.to_thread(backups.make, settings, target, with_files=True, now_ms=now_ms)


def put_back(scene: Scene, backup: Path) -> None:
    """From here on the bot is somewhere else, with what is in the backup; Discord has forgotten the nonces meanwhile."""
    folder = backup.parent / "elsewhere"
    folder.mkdir()
    with tarfile.open(backup) as archive:
        archive.extractall(folder, filter="data")
    scene.settings = scene.settings.model_copy(update={"data_dir": folder})
    scene.sandbox.world.nonces.clear()


@pytest.mark.parametrize("name", POLLED)
async def test_what_was_with_a_provider_is_followed_and_posted_once(
    scene: Scene, vendors: Vendors, tmp_path: Path, name: str
) -> None:
    vendor, backup = vendors.by_name[name], tmp_path / "backup.tar"
    vendor.outcomes.append(Outcome.SLOW)
    async with started(scene, vendors, clock=QuickClock(200), providers=first(name)):
        card = await asked(scene)
        await vendors.until(lambda: vendors.questions(name), "a poll")
        await backed_up(scene.settings, backup)
        vendor.finish()
        await scene.clip_of(card)
    put_back(scene, backup)
    async with started(scene, vendors, clock=QuickClock(200), providers=first(name)) as bot:

        async def is_done() -> bool:
            return (await bot.job()).state is JobState.DONE

        await eventually(is_done)
        assert await bot.app.db.read(ledger()) == [("reserve", PRICES[name]), ("settle", SETTLED[name])]
    assert (len(vendors.creates(name)), len(vendor.bill), len(scene.clips())) == (1, 1, 1)
    assert vendors.asked == {name}


@pytest.mark.parametrize("style", list(ThreadStyle))
async def test_a_clip_is_found_wherever_the_server_wants_it(
    scene: Scene, vendors: Vendors, tmp_path: Path, style: ThreadStyle
) -> None:
    backup = tmp_path / "backup.tar"
    gallery_id = scene.guild.add_channel("gallery").id if style is ThreadStyle.GALLERY else None
    wanted = {"thread_style": int(style), "gallery_channel_id": gallery_id}
    vendors.kling.outcomes.append(Outcome.SLOW)
    async with started(scene, vendors, clock=QuickClock(200), providers=("kling",)) as bot:
        defaults = scene.settings.default_limits
        await bot.app.db.write(guilds.prefer(scene.guild.id, wanted, defaults=defaults))
        card = await asked(scene)
        await vendors.until(lambda: vendors.questions("kling"), "a poll")
        await backed_up(scene.settings, backup)
        vendors.kling.finish()
        clip = await scene.clip_of(card)
    put_back(scene, backup)
    async with started(scene, vendors, clock=QuickClock(200), providers=("kling",)) as bot:

        async def is_done() -> bool:
            return (await bot.job()).state is JobState.DONE

        await eventually(is_done)
        job = await bot.job()
        assert (job.message_channel_id, job.message_id) == (clip.channel_id, clip.id)
    assert len(scene.clips()) == 1


@pytest.mark.parametrize("name", ["kling", "aimlapi"])
async def test_what_was_only_made_after_the_copy_is_made_no_second_time(
    scene: Scene, vendors: Vendors, tmp_path: Path, name: str
) -> None:
    """The create was cut off; the bot looked it up, and went on. The copy knows of the doubt alone."""
    vendor, backup = vendors.by_name[name], tmp_path / "backup.tar"
    vendor.on_create.append(OnCreate.CUT_AFTER)
    vendor.outcomes.append(Outcome.SLOW)
    async with started(scene, vendors, clock=QuickClock(200), providers=first(name)):
        card = await asked(scene)
        await vendors.until(lambda: vendor.bill, "a task")
        await backed_up(scene.settings, backup)
        vendor.finish()
        await scene.clip_of(card)
    put_back(scene, backup)
    async with started(scene, vendors, clock=QuickClock(200), providers=first(name)) as bot:

        async def has_ended() -> bool:
            return (await bot.job()).finished_at_ms is not None

        await eventually(has_ended)
    assert (len(vendors.creates(name)), len(vendor.bill), len(scene.clips())) == (1, 1, 1)
    assert vendors.asked == {name}


@pytest.mark.parametrize("name", ["kling", "kkiai"])
async def test_an_attempt_that_is_not_found_is_not_made_anew_for_a_later_one_may_have_been(
    scene: Scene, vendors: Vendors, tmp_path: Path, name: str
) -> None:
    """The first create did not arrive; the bot found that out, and sent another. The copy knows of the first alone."""
    vendor, backup = vendors.by_name[name], tmp_path / "backup.tar"
    vendor.on_create.append(OnCreate.CUT_BEFORE)
    async with started(scene, vendors, clock=QuickClock(200), providers=(name,)) as bot:
        card = await asked(scene)

        async def is_in_doubt() -> bool:
            return (await bot.job()).state is JobState.UNKNOWN

        await eventually(is_in_doubt)
        await backed_up(scene.settings, backup)
        if name == "kling":  # who can prove that it is absent
            await scene.clip_of(card)
    taken = len(vendor.bill)
    put_back(scene, backup)
    async with started(scene, vendors, clock=QuickClock(2000), providers=(name,)) as bot:

        async def has_ended() -> bool:
            return (await bot.job()).finished_at_ms is not None

        await eventually(has_ended)
        assert await bot.app.db.read(ledger()) == [("reserve", PRICES[name]), ("refund", PRICES[name])]
    assert len(vendor.bill) == taken == (1 if name == "kling" else 0)


async def test_what_nobody_can_look_up_is_held_and_not_sent_again(
    scene: Scene, vendors: Vendors, tmp_path: Path
) -> None:
    backup = tmp_path / "backup.tar"
    vendors.onemin.outcomes.append(Outcome.SLOW)
    async with started(scene, vendors, clock=QuickClock(200), providers=("onemin",)):
        await asked(scene)
        await vendors.until(lambda: vendors.creates("onemin"), "a create")
        await backed_up(scene.settings, backup)
    put_back(scene, backup)
    async with started(scene, vendors, clock=QuickClock(200), providers=first("onemin")) as bot:

        async def is_held() -> bool:
            job = await bot.job()
            return job.state is JobState.FAILED and job.error is not None and job.error in HELD

        await eventually(is_held)
    assert len(vendors.creates("onemin")) == 1
    assert vendors.asked == {"onemin"}


async def test_what_waited_is_refunded_and_no_number_is_given_twice(
    scene: Scene, vendors: Vendors, tmp_path: Path
) -> None:
    backup = tmp_path / "backup.tar"
    vendors.kling.outcomes.append(Outcome.SLOW)
    known = {"providers": ("kling",), "kling_concurrency": 1}
    async with started(scene, vendors, clock=QuickClock(200), **known):
        one = await asked(scene)
        await vendors.until(lambda: vendors.questions("kling"), "a poll")
        two = await asked(scene)
        said = await backed_up(scene.settings, backup)
        assert "2 jobs, 2 of them open" in said[0]
        vendors.kling.finish()
        for card in (one, two, await asked(scene)):
            await scene.clip_of(card)
    assert len(vendors.kling.bill) == 3
    put_back(scene, backup)
    async with started(scene, vendors, clock=QuickClock(200), **known) as bot:
        await shows(two, lambda message: "Nothing was charged" in message.text)
        assert (await bot.job(2)).error is not None
        assert len(vendors.kling.bill) == 3
        card = await asked(scene)
        await scene.clip_of(card)
        assert (await bot.job(GAP + 3)).state is JobState.DONE
        assert "restored from a backup" not in card.text
    assert len(vendors.kling.bill) == 4


async def test_a_request_by_message_that_was_noted_is_not_made_anew(
    scene: Scene, vendors: Vendors, tmp_path: Path
) -> None:
    """A reply to a message does not say whether it was answered; so this is said, beside what may stand there."""
    backup = tmp_path / "backup.tar"
    noted = scene.sandbox.faults.add("GET", "/cdn", Hold())
    async with started(scene, vendors, clock=QuickClock(200), providers=("kling",), default_quality="pro"):
        message = await scene.mia.send(scene.channel, named(scene, "a paper boat"), files=[PICTURE])
        await asyncio.wait_for(noted.struck.wait(), PATIENCE_S)
        await backed_up(scene.settings, backup)
        noted.release()
        card = await answer_to(scene, message, lambda reply: "Job 1" in reply.text)
        await scene.clip_of(card)
    put_back(scene, backup)

    def said() -> bool:
        of_it = [
            one for one in scene.channel.messages if one.reference and one.reference.message_id == message.id
        ]
        return any("restored from a backup" in one.text for one in of_it)

    async with started(scene, vendors, clock=QuickClock(200), providers=("kling",)) as bot:
        await scene.channel.bell.until(said, awaited="a word on the request")
        await eventually(partial(is_nothing_noted, bot))
    assert "See the clip" in card.text
    assert (len(vendors.creates("kling")), len(scene.clips())) == (1, 1)


async def test_a_request_by_command_that_was_noted_is_told_where_it_still_waits(
    scene: Scene, vendors: Vendors, tmp_path: Path
) -> None:
    backup = tmp_path / "backup.tar"
    noted = scene.sandbox.faults.add("GET", "/cdn", Hold(), times=None)
    async with started(scene, vendors, clock=QuickClock(200), providers=("kling",)):
        used = await scene.mia.slash("animate", scene.channel, image=PICTURE)
        await asyncio.wait_for(noted.struck.wait(), PATIENCE_S)
        await backed_up(scene.settings, backup)
    scene.sandbox.faults.clear()
    put_back(scene, backup)
    async with started(scene, vendors, clock=QuickClock(200), providers=("kling",)) as bot:
        assert "restored from a backup" in (await used.response()).text
        await eventually(partial(is_nothing_noted, bot))
    assert not vendors.creates("kling")


async def is_nothing_noted(bot: Bot) -> bool:
    return not await bot.app.db.read(asks.left())

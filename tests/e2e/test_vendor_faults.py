"""Vendors that misbehave after they took a task, and people who cancel: one create, one bill, one clip, right books."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.domain.jobs import JobState
from bot.sandbox import shows
from tests.e2e.scenes import Scene
from tests.e2e.studio import film
from tests.e2e.test_routing import DEAREST_FIRST, PRICES, SETTLED, asked, first, started, told
from tests.vendors.opened import NAMES, QuickClock, Vendors, eventually, ledger
from tests.vendors.vendor import OnCreate, OnDownload, OnPoll, Outcome

POLLED = ("kling", "kkiai", "aimlapi")


@pytest.fixture
async def vendors() -> AsyncGenerator[Vendors]:
    async with AsyncExitStack() as stack:
        yield await Vendors.open(stack)


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[Any]]:
    with capture_logs() as captured:
        yield captured


def settled(name: str) -> list[tuple[str, int]]:
    return [("reserve", PRICES[name]), ("settle", SETTLED[name])]


def refunded(name: str) -> list[tuple[str, int]]:
    return [("reserve", PRICES[name]), ("refund", PRICES[name])]


@pytest.mark.parametrize("name", POLLED)
async def test_questions_that_go_wrong_are_asked_again(scene: Scene, vendors: Vendors, name: str) -> None:
    vendors.by_name[name].on_poll.extend(OnPoll)
    async with started(scene, vendors, clock=QuickClock(200), providers=first(name)) as bot:
        await scene.clip_of(await asked(scene))
        assert await bot.app.db.read(ledger()) == settled(name)
    assert (len(vendors.creates(name)), len(vendors.by_name[name].bill)) == (1, 1)
    assert vendors.asked == {name}


@pytest.mark.parametrize("name", POLLED)
async def test_an_account_that_is_refused_in_the_middle_does_not_lose_its_clip(
    scene: Scene, vendors: Vendors, name: str
) -> None:
    vendor = vendors.by_name[name]
    key = vendor.key
    vendor.outcomes.append(Outcome.SLOW)
    async with started(scene, vendors, clock=QuickClock(200), providers=first(name)) as bot:
        card = await asked(scene)
        await vendors.until(lambda: len(vendors.questions(name)) >= 1, "a poll")
        vendor.key = "another"
        await vendors.until(lambda: len(vendors.questions(name)) >= 4, "polls with the wrong key")
        vendor.key = key
        vendor.finish()
        await scene.clip_of(card)
        assert await bot.app.db.read(ledger()) == settled(name)
    assert (len(vendors.creates(name)), len(vendor.bill)) == (1, 1)


@pytest.mark.parametrize("name", NAMES)
async def test_downloads_that_go_wrong_are_tried_again(scene: Scene, vendors: Vendors, name: str) -> None:
    vendor = vendors.by_name[name]
    vendor.on_download.extend(OnDownload)
    async with started(scene, vendors, clock=QuickClock(200), providers=first(name)) as bot:
        clip = await scene.clip_of(await asked(scene))
        assert await bot.app.db.read(ledger()) == settled(name)
    assert clip.files[0].data == film()
    assert vendor.downloads == len(OnDownload) + 1
    assert (len(vendors.creates(name)), len(vendor.bill)) == (1, 1)


@pytest.mark.parametrize("name", POLLED)
async def test_a_clip_that_takes_twenty_minutes_arrives(scene: Scene, vendors: Vendors, name: str) -> None:
    clock = QuickClock(1000)
    vendors.by_name[name].outcomes.append(Outcome.SLOW)
    async with started(scene, vendors, clock=clock, providers=first(name)) as bot:
        began_ms = clock.now_ms()
        card = await asked(scene)
        await vendors.until(lambda: clock.now_ms() - began_ms > 20 * 60_000, "a poll after 20 minutes")
        assert (await bot.job()).state is JobState.RENDERING
        vendors.by_name[name].finish()
        await scene.clip_of(card)
        assert await bot.app.db.read(ledger()) == settled(name)
    assert len(vendors.creates(name)) == 1


@pytest.mark.parametrize("name", NAMES)
async def test_a_status_that_nobody_knows_is_waited_for_and_then_given_up(
    scene: Scene, vendors: Vendors, logs: list[Any], name: str
) -> None:
    vendors.by_name[name].outcomes.append(Outcome.STRANGE_STATUS)
    async with started(scene, vendors, clock=QuickClock(5000), providers=first(name)) as bot:
        card = await asked(scene)
        await shows(card, lambda shown: "did not finish within its time. Nothing was charged." in shown.text)
        assert await bot.app.db.read(ledger()) == refunded(name)
        task_id = (await bot.job()).task_id
    [error] = told(logs, "given up: may have been charged")
    assert (error["log_level"], error["provider"], error["task"]) == ("error", name, task_id)
    assert vendors.asked == {name}
    assert len(vendors.creates(name)) == 1


@pytest.mark.parametrize("name", NAMES)
async def test_a_clip_that_cannot_be_fetched_is_refunded_and_the_operator_is_told(
    scene: Scene, vendors: Vendors, logs: list[Any], name: str
) -> None:
    vendors.by_name[name].on_download.extend([OnDownload.GATEWAY_TIMEOUT] * 1000)
    async with started(scene, vendors, clock=QuickClock(20_000), providers=first(name)) as bot:
        card = await asked(scene)
        await shows(card, lambda shown: "could not be fetched from the provider. Nothing" in shown.text)
        assert await bot.app.db.read(ledger()) == refunded(name)
    [error] = told(logs, "given up: may have been charged")
    assert (error["log_level"], error["provider"]) == ("error", name)
    assert (len(vendors.creates(name)), len(vendors.by_name[name].bill)) == (1, 1)


@pytest.mark.parametrize("name", NAMES)
async def test_a_clip_without_a_link_is_refunded_and_the_operator_is_told(
    scene: Scene, vendors: Vendors, logs: list[Any], name: str
) -> None:
    vendors.by_name[name].outcomes.append(Outcome.NO_LINK)
    async with started(scene, vendors, clock=QuickClock(1000), providers=first(name)) as bot:
        card = await asked(scene)
        await shows(card, lambda shown: "Nothing was charged." in shown.text)
        assert await bot.app.db.read(ledger()) == refunded(name)
    assert len(vendors.creates(name)) == 1
    assert vendors.asked == {name}
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"]


async def test_a_provider_whose_polls_fail_keeps_its_clips_and_takes_more(
    scene: Scene, vendors: Vendors
) -> None:
    vendors.kkiai.outcomes.append(Outcome.SLOW)
    async with started(scene, vendors, clock=QuickClock(200), providers=("kkiai", "kling")):
        slow = await asked(scene)
        await vendors.until(lambda: vendors.questions("kkiai"), "a poll")
        vendors.kkiai.on_poll.extend([OnPoll.OUT_OF_ORDER] * 500)
        asked_before = len(vendors.questions("kkiai"))
        await vendors.until(lambda: len(vendors.questions("kkiai")) > asked_before + 5, "polls that fail")
        other = await asked(scene)
        assert "kkiai · " in other.text
        await vendors.until(lambda: len(vendors.creates("kkiai")) == 2, "another create")
        vendors.kkiai.on_poll.clear()
        vendors.kkiai.finish()
        for card in (slow, other):
            await shows(card, lambda shown: "See the clip" in shown.text)
    assert (len(vendors.kkiai.bill), len(vendors.kling.bill)) == (2, 0)


# ---- Cancelling


async def test_what_cannot_be_stopped_goes_on_and_is_delivered(scene: Scene, vendors: Vendors) -> None:
    vendors.kling.outcomes.append(Outcome.SLOW)
    async with started(scene, vendors, providers=("kling",)) as bot:
        card = await asked(scene)
        await vendors.until(lambda: vendors.questions("kling"), "a poll")
        answer = await (await scene.mia.click(card, "Cancel")).response()
        assert "being stopped" in answer.text
        await vendors.until(lambda: len(vendors.questions("kling")) >= 3, "polls")
        vendors.kling.finish()
        await scene.clip_of(card)
        assert await bot.app.db.read(ledger()) == settled("kling")
    assert (len(vendors.creates("kling")), len(vendors.kling.bill)) == (1, 1)


async def test_a_cancelled_create_that_blocks_is_delivered_when_it_is_answered(
    scene: Scene, vendors: Vendors
) -> None:
    vendors.onemin.outcomes.append(Outcome.SLOW)
    async with started(scene, vendors, providers=DEAREST_FIRST) as bot:
        card = await asked(scene)
        await vendors.onemin.started.wait()
        await (await scene.mia.click(card, "Cancel")).response()
        vendors.onemin.finish()
        await scene.clip_of(card)
        assert await bot.app.db.read(ledger()) == settled("onemin")
    assert (len(vendors.creates("onemin")), len(vendors.onemin.bill)) == (1, 1)
    assert vendors.asked == {"onemin"}


async def test_a_job_that_waits_for_a_busy_provider_can_be_cancelled(scene: Scene, vendors: Vendors) -> None:
    vendors.kling.on_create.extend([OnCreate.BUSY] * 500)
    async with started(scene, vendors, providers=("kling",)) as bot:
        card = await asked(scene)
        await vendors.until(lambda: vendors.creates("kling"), "a create")

        async def is_waiting() -> bool:
            return (await bot.job()).attempt == 2

        await eventually(is_waiting)
        await (await scene.mia.click(card, "Cancel")).response()
        await shows(card, lambda shown: "Cancelled" in shown.text)
        assert await bot.app.db.read(ledger()) == refunded("kling")
    assert vendors.kling.bill == []


async def test_a_doubt_that_is_cancelled_is_still_looked_up(scene: Scene, vendors: Vendors) -> None:
    vendors.kling.on_create.append(OnCreate.CUT_AFTER)
    vendors.kling.on_poll.extend([OnPoll.OUT_OF_ORDER] * 500)
    async with started(scene, vendors, clock=QuickClock(200), providers=first("kling")) as bot:
        card = await asked(scene)
        await vendors.until(lambda: len(vendors.questions("kling")) >= 2, "look-ups")
        await (await scene.mia.click(card, "Cancel")).response()
        vendors.kling.on_poll.clear()
        await scene.clip_of(card)
        assert await bot.app.db.read(ledger()) == settled("kling")
    assert (len(vendors.creates("kling")), len(vendors.kling.bill)) == (1, 1)

"""Who makes a clip when there are several vendors, who comes next, and that nobody is ever asked twice for one clip."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from bot.app import running
from bot.db import guilds
from bot.sandbox import Message, Person, shows
from bot.services.ports import Clock
from tests.e2e.scenes import Bot, Scene
from tests.held import held
from tests.vendors.kling import KlingVendor
from tests.vendors.opened import NAMES, Arrivals, QuickClock, Vendors, answering, eventually, ledger
from tests.vendors.vendor import OnCreate, OnDownload, OnPoll, Outcome

DEAREST_FIRST = ("onemin", "aimlapi", "kkiai", "kling")
PRICES = {"onemin": 53, "aimlapi": 49, "kkiai": 44, "kling": 35}
SETTLED = PRICES | {"aimlapi": 15}
"""AI/ML API says what a clip really took, which is what is charged."""
"""For 5 s in pro."""

HELD = "The provider did not say whether it took the job, so it was given up. Nothing was charged."


@pytest.fixture
async def vendors() -> AsyncGenerator[Vendors]:
    async with AsyncExitStack() as stack:
        yield await Vendors.open(stack)


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[Any]]:
    with capture_logs() as captured:
        yield captured


def told(logs: list[Any], event: str) -> list[Any]:
    return [entry for entry in logs if entry["event"] == event]


@asynccontextmanager
async def started(
    scene: Scene, vendors: Vendors, *, clock: Clock | None = None, **changed: Any
) -> AsyncGenerator[Bot]:
    """The bot with these settings; at the end its books are right."""
    settings = vendors.settings(scene.settings, default_user_daily_credits=None, **changed)
    async with held(running(settings, clock=clock or QuickClock())) as app:
        await scene.application.ready()
        yield Bot(app)
        assert await Bot(app).is_sound()


async def asked(scene: Scene, person: Person | None = None, **options: Any) -> Message:
    """The card of a request for 5 s in pro, which every provider makes."""
    given = {"prompt": "a paper boat", "quality": "pro"} | options
    return await (await (person or scene.mia).slash("video", scene.channel, **given)).response()


def first(name: str) -> tuple[str, ...]:
    """That provider, and the others after it."""
    return (name, *(one for one in reversed(DEAREST_FIRST) if one != name))


# ---- Who is asked


@pytest.mark.parametrize("name", NAMES)
async def test_the_operators_first_provider_makes_it(scene: Scene, vendors: Vendors, name: str) -> None:
    async with started(scene, vendors, providers=first(name)):
        await scene.clip_of(await asked(scene))
    assert vendors.asked == {name}


async def test_a_server_that_prefers_the_cheapest_gets_it(scene: Scene, vendors: Vendors) -> None:
    async with started(scene, vendors, providers=DEAREST_FIRST) as bot:
        caps = vendors.settings(scene.settings).default_limits
        await bot.app.db.write(guilds.prefer(scene.guild.id, {"cheapest_first": 1}, defaults=caps))
        await scene.clip_of(await asked(scene))
    assert vendors.asked == {"kling"}


@pytest.mark.parametrize("why", [OnCreate.REFUSE_PAYMENT, OnCreate.REFUSE_KEY, OnCreate.REFUSE_INPUT])
@pytest.mark.parametrize("name", ["onemin", "aimlapi", "kkiai"])
async def test_what_one_refuses_the_next_one_makes(
    scene: Scene, vendors: Vendors, name: str, why: OnCreate
) -> None:
    vendors.by_name[name].on_create.append(why)
    async with started(scene, vendors, providers=(name, "kling")) as bot:
        card = await asked(scene)
        await scene.clip_of(card)
        assert "kling · kling-v2-5-turbo · 5 s · pro · 35 credits" in card.text
        assert name not in card.text
        assert await bot.app.db.read(ledger()) == [("reserve", PRICES[name]), ("settle", 35)]
        assert (await bot.job()).tried == (name,)
    assert (vendors.by_name[name].bill, len(vendors.kling.bill)) == ([], 1)


async def test_a_request_goes_down_the_whole_list(scene: Scene, vendors: Vendors) -> None:
    vendors.onemin.on_create.append(OnCreate.REFUSE_PAYMENT)
    vendors.aimlapi.on_create.append(OnCreate.REFUSE_KEY)
    vendors.kkiai.on_create.append(OnCreate.REFUSE_INPUT)
    async with started(scene, vendors, providers=DEAREST_FIRST) as bot:
        await scene.clip_of(await asked(scene))
        assert await bot.app.db.read(ledger()) == [("reserve", 53), ("settle", 35)]
        assert (await bot.job()).tried == ("onemin", "aimlapi", "kkiai")
    assert [len(vendors.creates(name)) for name in NAMES] == [1, 1, 1, 1]


async def test_nobody_pays_more_than_was_reserved(scene: Scene, vendors: Vendors) -> None:
    vendors.kling.on_create.append(OnCreate.REFUSE_PAYMENT)
    async with started(scene, vendors, providers=first("kling")) as bot:
        card = await asked(scene)
        await shows(card, lambda shown: "has no credit left. Nothing was charged." in shown.text)
        assert await bot.app.db.read(ledger()) == [("reserve", 35), ("refund", 35)]
    assert vendors.asked == {"kling"}


async def test_an_account_without_credit_is_not_asked_again_at_once(scene: Scene, vendors: Vendors) -> None:
    vendors.kkiai.on_create.append(OnCreate.REFUSE_PAYMENT)
    async with started(scene, vendors, providers=("kkiai", "kling")):
        await scene.clip_of(await asked(scene))
        card = await asked(scene)
        assert "35 credits" in card.text
        await shows(card, lambda shown: "See the clip" in shown.text)
    assert (len(vendors.creates("kkiai")), len(vendors.kling.bill)) == (1, 2)


async def test_a_request_that_names_its_provider_stays_there(scene: Scene, vendors: Vendors) -> None:
    vendors.kkiai.on_create.extend([OnCreate.BUSY] * 5)
    async with started(scene, vendors, clock=QuickClock(1000), providers=("kkiai", "kling")):
        card = await asked(scene, provider="kkiai")
        await scene.clip_of(card)
        assert "kkiai · " in card.text
    assert (len(vendors.creates("kkiai")), vendors.asked) == (6, {"kkiai"})


async def test_a_provider_that_stays_busy_is_left_for_the_next(scene: Scene, vendors: Vendors) -> None:
    vendors.kkiai.on_create.extend([OnCreate.BUSY] * 4)
    async with started(scene, vendors, clock=QuickClock(1000), providers=("kkiai", "kling")):
        await scene.clip_of(await asked(scene))
    assert (len(vendors.creates("kkiai")), len(vendors.kling.bill)) == (4, 1)


# ---- A vendor that is away


async def away(vendors: Vendors, *, flavour: Any = "kling") -> KlingVendor:
    """A vendor that has stopped; its address is known."""
    vendor = KlingVendor(now_ms=vendors.kling.now_ms, key="sk-away-91", flavour=flavour)
    vendor.seen = Arrivals(vendors.bell)
    async with vendor.serve():
        return vendor


async def test_the_next_one_makes_what_does_not_reach_the_first(scene: Scene, vendors: Vendors) -> None:
    gone = replace(vendors, kkiai=await away(vendors, flavour="kkiai"))
    async with started(scene, gone, providers=("kkiai", "kling")) as bot:
        await scene.clip_of(await asked(scene))
        assert (await bot.job()).tried == ("kkiai",)
    assert (len(vendors.kling.bill), gone.kkiai.seen) == (1, [])


async def test_jobs_wait_in_line_while_a_vendor_is_away_and_are_made_when_it_is_back(
    scene: Scene, vendors: Vendors, logs: list[Any]
) -> None:
    gone = replace(vendors, kling=await away(vendors))
    leo = scene.guild.add_member("leo")
    async with started(scene, gone, clock=QuickClock(200), providers=("kling",)):
        cards = [await asked(scene)]

        async def is_left_alone() -> bool:
            return bool(told(logs, "provider left alone"))

        await eventually(is_left_alone)
        cards.append(await asked(scene, leo))
        assert "In line" in cards[1].text
        async with answering(gone.kling):
            for card in cards:
                await shows(card, lambda shown: "See the clip" in shown.text)
    assert told(logs, "provider is back")
    assert told(logs, "provider left alone")[0]["failures"] == 5
    assert (len(gone.creates("kling")), len(gone.kling.bill)) == (2, 2)


# ---- Doubt


DOUBTS = [OnCreate.CUT_AFTER, OnCreate.GATEWAY_TIMEOUT, OnCreate.NONSENSE]


@pytest.mark.parametrize("doubt", DOUBTS)
@pytest.mark.parametrize("name", ["kling", "kkiai", "aimlapi"])
async def test_a_create_in_doubt_is_found_again_and_sent_nowhere_else(
    scene: Scene, vendors: Vendors, name: str, doubt: OnCreate
) -> None:
    vendors.by_name[name].on_create.append(doubt)
    async with started(scene, vendors, providers=first(name)) as bot:
        await scene.clip_of(await asked(scene))
        assert await bot.app.db.read(ledger()) == [("reserve", PRICES[name]), ("settle", SETTLED[name])]
    assert (len(vendors.creates(name)), len(vendors.by_name[name].bill)) == (1, 1)
    assert vendors.asked == {name}


@pytest.mark.parametrize("doubt", DOUBTS)
async def test_a_create_in_doubt_that_nobody_can_find_is_given_up_and_never_sent_again(
    scene: Scene, vendors: Vendors, logs: list[Any], doubt: OnCreate
) -> None:
    vendors.onemin.on_create.append(doubt)
    async with started(scene, vendors, providers=DEAREST_FIRST) as bot:
        await shows(await asked(scene), lambda shown: HELD in shown.text)
        assert await bot.app.db.read(ledger()) == [("reserve", 53), ("refund", 53)]
    [error] = told(logs, "held: may have been charged")
    assert (error["log_level"], error["job"], error["provider"], error["attempt"]) == (
        "error",
        1,
        "onemin",
        "1-1",
    )
    assert (len(vendors.creates("onemin")), len(vendors.onemin.bill)) == (1, 1)
    assert vendors.asked == {"onemin"}


async def test_a_log_that_lists_what_has_ended_is_read_until_it_has(scene: Scene, vendors: Vendors) -> None:
    vendors.aimlapi.on_create.append(OnCreate.CUT_AFTER)
    vendors.aimlapi.outcomes.append(Outcome.SLOW)
    async with started(scene, vendors, providers=DEAREST_FIRST[1:]):
        card = await asked(scene)
        await vendors.until(lambda: len(vendors.questions("aimlapi")) >= 3, "reads of the log")
        assert "Checking with the provider" in card.text
        vendors.aimlapi.finish()
        await scene.clip_of(card)
    assert {seen.path for seen in vendors.questions("aimlapi")[:3]} == {"/v2/logs"}
    assert (len(vendors.creates("aimlapi")), len(vendors.aimlapi.bill)) == (1, 1)
    assert vendors.asked == {"aimlapi"}


async def test_a_gateway_that_forgets_our_names_is_not_paid_twice(
    scene: Scene, vendors: Vendors, logs: list[Any]
) -> None:
    vendors.kkiai.shape = "new_api"
    vendors.kkiai.on_create.append(OnCreate.GATEWAY_TIMEOUT)
    async with started(scene, vendors, clock=QuickClock(5000), providers=("kkiai", "kling")):
        await shows(await asked(scene), lambda shown: HELD in shown.text)
    assert told(logs, "held: may have been charged")
    assert (len(vendors.creates("kkiai")), len(vendors.kkiai.bill)) == (1, 1)
    assert vendors.asked == {"kkiai"}


async def test_what_surely_did_not_arrive_is_sent_again_under_another_name(
    scene: Scene, vendors: Vendors
) -> None:
    vendors.kling.on_create.append(OnCreate.CUT_BEFORE)
    async with started(scene, vendors, clock=QuickClock(500), providers=first("kling")):
        await scene.clip_of(await asked(scene))
    names = [seen.body["external_task_id"] for seen in vendors.creates("kling")]
    assert [name.rpartition("-")[2] for name in names] == ["1", "2"]
    assert len(vendors.kling.bill) == 1
    assert vendors.asked == {"kling"}


# ---- A bot that dies in the middle


@dataclass
class Withholding(KlingVendor):
    """Takes a task at once, and says so when it is asked about it."""

    taken: asyncio.Event = field(default_factory=asyncio.Event)

    async def create(self, request: web.Request) -> web.StreamResponse:
        response = await super().create(request)
        self.taken.set()
        await asyncio.Event().wait()
        return response


async def test_a_create_that_a_crash_cut_off_is_found_again(scene: Scene, vendors: Vendors) -> None:
    clock = QuickClock()
    kling = Withholding(now_ms=vendors.kling.now_ms, key=vendors.kling.key)
    silent = replace(vendors, kling=kling)
    async with kling.serve():
        async with started(scene, silent, clock=clock, providers=("kling",)):
            card = await asked(scene)
            await kling.taken.wait()
        async with started(scene, silent, clock=clock, providers=("kling",)) as bot:
            await scene.clip_of(card)
            assert await bot.app.db.read(ledger()) == [("reserve", 35), ("settle", 35)]
        assert (len(silent.creates("kling")), len(kling.bill)) == (1, 1)


async def test_a_doubt_survives_a_restart(scene: Scene, vendors: Vendors) -> None:
    clock = QuickClock()
    vendors.kling.on_create.append(OnCreate.CUT_AFTER)
    vendors.kling.on_poll.extend([OnPoll.OUT_OF_ORDER, OnPoll.CUT, OnPoll.HTML] * 50)
    async with started(scene, vendors, clock=clock, providers=first("kling")):
        card = await asked(scene)
        await vendors.until(lambda: len(vendors.questions("kling")) >= 3, "look-ups")
    vendors.kling.on_poll.clear()
    async with started(scene, vendors, clock=clock, providers=first("kling")):
        await scene.clip_of(card)
    assert (len(vendors.creates("kling")), len(vendors.kling.bill)) == (1, 1)
    assert vendors.asked == {"kling"}


async def test_a_create_that_blocked_when_the_bot_died_is_given_up(
    scene: Scene, vendors: Vendors, logs: list[Any]
) -> None:
    clock = QuickClock()
    vendors.onemin.outcomes.append(Outcome.SLOW)
    async with started(scene, vendors, clock=clock, providers=DEAREST_FIRST):
        card = await asked(scene)
        await vendors.onemin.started.wait()
        assert not told(logs, "held: may have been charged")
    async with started(scene, vendors, clock=clock, providers=DEAREST_FIRST) as bot:
        await shows(card, lambda shown: HELD in shown.text)
        assert await bot.app.db.read(ledger()) == [("reserve", 53), ("refund", 53)]
    assert len(told(logs, "held: may have been charged")) == 1
    assert (len(vendors.creates("onemin")), len(vendors.onemin.bill)) == (1, 1)
    assert vendors.asked == {"onemin"}


@pytest.mark.parametrize("name", ["kling", "kkiai", "aimlapi"])
async def test_a_clip_that_was_rendering_is_asked_about_by_the_next_process(
    scene: Scene, vendors: Vendors, name: str
) -> None:
    clock = QuickClock()
    vendors.by_name[name].outcomes.append(Outcome.SLOW)
    async with started(scene, vendors, clock=clock, providers=(name,)):
        card = await asked(scene)
        await vendors.until(lambda: len(vendors.questions(name)) >= 2, "polls")
    vendors.by_name[name].finish()
    before = len(vendors.questions(name))
    async with started(scene, vendors, clock=clock, providers=(name,)) as bot:
        await scene.clip_of(card)
        assert await bot.app.db.read(ledger()) == [("reserve", PRICES[name]), ("settle", SETTLED[name])]
    assert (len(vendors.creates(name)), len(vendors.by_name[name].bill)) == (1, 1)
    assert len(vendors.questions(name)) == before + 1


@pytest.mark.parametrize("name", NAMES)
async def test_a_link_that_has_expired_is_asked_for_again_by_the_next_process(
    scene: Scene, vendors: Vendors, name: str
) -> None:
    clock, vendor = QuickClock(), vendors.by_name[name]
    vendor.on_download.extend([OnDownload.EXPIRED, OnDownload.CUT, OnDownload.GATEWAY_TIMEOUT] * 50)
    async with started(scene, vendors, clock=clock, providers=(name,)) as bot:
        card = await asked(scene)

        async def has_failed() -> bool:
            return (await bot.job()).tries >= 2

        await eventually(has_failed)
    vendor.on_download.clear()
    before = len(vendors.questions(name))
    async with started(scene, vendors, clock=clock, providers=(name,)) as bot:
        await scene.clip_of(card)
        assert await bot.app.db.read(ledger()) == [("reserve", PRICES[name]), ("settle", SETTLED[name])]
    assert len(vendors.questions(name)) == before + 1
    assert (len(vendors.creates(name)), len(vendor.bill)) == (1, 1)

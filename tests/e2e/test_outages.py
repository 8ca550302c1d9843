"""Providers that are away for an hour, or come and go: all goes on by itself, nothing is paid twice, nobody is swamped."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack
from typing import Any

import pytest

from bot.sandbox import Message, Person, shows
from tests.e2e.scenes import CLIP_TIMEOUT_S, Bot, Scene
from tests.e2e.test_routing import DEAREST_FIRST, HELD, asked, logs, started, told
from tests.e2e.test_vendor_chaos import billed, has_ended, number_of
from tests.vendors.opened import NAMES, QuickClock, Vendors, eventually, ledger
from tests.vendors.vendor import Outage, Outcome

__all__ = ["logs"]  # a fixture

HOUR_MS = 3_600_000
SLOTS = 8
SPARSEST_MS = 30_000
"""Between two questions about one task, once the first minutes are over (bot/domain/polling.py)."""


@pytest.fixture
async def vendors() -> AsyncGenerator[Vendors]:
    async with AsyncExitStack() as stack:
        yield await Vendors.open(stack)


class Club:
    """Members who ask for clips, one each, and what became of them."""

    def __init__(self, scene: Scene, size: int) -> None:
        self._scene = scene
        self._members: list[Person] = [scene.guild.add_member(f"member{number}") for number in range(size)]
        self.cards: dict[str, Message] = {}

    async def ask(self, count: int, **options: Any) -> list[str]:
        """The prompts of so many new requests."""
        prompts = [f"clip {len(self.cards) + number}" for number in range(count)]
        for prompt in prompts:
            member = self._members[len(self.cards) % len(self._members)]
            self.cards[prompt] = await asked(self._scene, member, prompt=prompt, **options)
        return prompts

    async def have_ended(self) -> None:
        for card in self.cards.values():
            await shows(card, has_ended, timeout_s=CLIP_TIMEOUT_S)

    @property
    def delivered(self) -> set[str]:
        return {prompt for prompt, card in self.cards.items() if "See the clip" in card.text}

    async def check(self, bot: Bot, vendors: Vendors, logs: Sequence[Any]) -> None:
        """Nothing paid twice, no clip without its bill, no bill without a clip that the operator was not told of."""
        paid = billed(vendors)
        assert max(paid.values(), default=0) <= 1
        assert self.delivered <= set(paid)
        for prompt, card in self.cards.items():
            kinds = [kind for kind, _ in await bot.app.db.read(ledger(number_of(card)))]
            assert kinds == ["reserve", "settle" if prompt in self.delivered else "refund"], prompt
        assert len(self._scene.clips()) == len(self.delivered)
        blamed = {entry["job"] for entry in logs if "may have been charged" in entry["event"]}
        assert {number_of(self.cards[prompt]) for prompt in set(paid) - self.delivered} <= blamed
        assert not [entry for entry in logs if "crashed" in entry["event"]]


async def passes(clock: QuickClock, ms: int) -> None:
    end_ms = clock.now_ms() + ms
    while clock.now_ms() < end_ms:
        await clock.wait(asyncio.Event(), until_ms=end_ms)


def requests(vendors: Vendors, name: str) -> int:
    vendor = vendors.by_name[name]
    return len(vendor.seen) + vendor.downloads


@pytest.mark.parametrize(
    ("name", "how"),
    [
        *((name, Outage.GONE) for name in NAMES),
        ("kling", Outage.PAGE),
        ("aimlapi", Outage.PAGE),
        ("kkiai", Outage.HANGS_UP),
        ("onemin", Outage.BEHIND),
    ],
)
async def test_after_an_hour_without_its_provider_every_job_goes_on_by_itself(
    scene: Scene, vendors: Vendors, logs: list[Any], name: str, how: Outage
) -> None:
    vendor, clock, club = vendors.by_name[name], QuickClock(3000), Club(scene, 11)
    vendor.outcomes.extend([Outcome.SLOW] * 2)
    slots = {f"{name}_concurrency": SLOTS, "default_guild_running": SLOTS}
    async with started(scene, vendors, clock=clock, providers=(name,), **slots) as bot:
        under_way, went_ms = await club.ask(2), clock.now_ms()
        await vendors.until(lambda: len(vendor.tasks) == 2, "tasks")
        await all_written_down(bot, club, name)
        async with vendor.away(how):
            waiting = await club.ask(9)
            await passes(clock, HOUR_MS)
            vendor.finish()
        away_ms = clock.now_ms() - went_ms  # an hour; a machine with other things to do makes it longer
        before = requests(vendors, name)
        await club.have_ended()
        await club.check(bot, vendors, logs)
    after = requests(vendors, name) - before
    lost = set(club.cards) - club.delivered
    if name == "onemin":
        assert set(under_way) == lost  # whose blocking answers were cut off: nobody can ask for them
    elif name == "kling" or how in (Outage.GONE, Outage.BEHIND):
        assert lost == set()
    else:
        assert lost <= set(waiting)  # were in doubt, and nobody can prove that they did not arrive
        assert len(lost) <= SLOTS
        assert all(HELD in club.cards[prompt].text for prompt in lost)
    assert told(logs, "provider left alone")
    assert told(logs, "provider is back")
    # No more than a question each half minute for each job that had a slot, and when it is over what each clip takes.
    assert len(vendor.turned_away) <= SLOTS * (away_ms / SPARSEST_MS + 10)
    assert after <= 12 * len(club.cards)
    assert len(vendors.creates(name)) == len(vendor.tasks) <= len(club.cards)


async def all_written_down(bot: Bot, club: Club, name: str) -> None:
    """Wait until the jobs know their tasks, where a provider tells before the clip is finished."""

    async def are_known() -> bool:
        rows = [await bot.job(number_of(card)) for card in club.cards.values()]
        return name == "onemin" or all(row.task_id for row in rows)

    await eventually(are_known)


async def test_an_hour_without_any_provider_and_a_restart_in_it_lose_and_double_nothing(
    scene: Scene, vendors: Vendors, logs: list[Any]
) -> None:
    clock, club = QuickClock(2000), Club(scene, 20)
    settings: dict[str, Any] = {"clock": clock, "providers": DEAREST_FIRST, "default_guild_running": 12}
    began_ms = clock.now_ms()
    hows = dict(zip(NAMES, (Outage.GONE, Outage.HANGS_UP, Outage.PAGE, Outage.GONE), strict=True))
    for vendor in vendors.by_name.values():
        vendor.outcomes.append(Outcome.SLOW)
    async with AsyncExitStack() as stack:
        async with started(scene, vendors, **settings) as bot:
            for name in NAMES:
                await club.ask(1, provider=name)
            await vendors.until(lambda: all(one.tasks for one in vendors.by_name.values()), "tasks")
            for name, how in hows.items():
                await stack.enter_async_context(vendors.by_name[name].away(how))
            await club.ask(6)
            await passes(clock, HOUR_MS // 2)
        async with started(scene, vendors, **settings) as bot:
            await club.ask(6)
            await passes(clock, HOUR_MS // 2)
            for vendor in vendors.by_name.values():
                vendor.finish()
            await stack.aclose()
            late = await club.ask(4)
            await club.have_ended()
            await club.check(bot, vendors, logs)
    assert set(late) <= club.delivered
    away_ms = clock.now_ms() - began_ms
    turned_away = sum(len(vendor.turned_away) for vendor in vendors.by_name.values())
    assert turned_away <= len(club.cards) * (away_ms / SPARSEST_MS + 10)
    assert len(told(logs, "provider left alone")) >= 2


async def test_providers_that_come_and_go_are_asked_for_no_clip_twice(
    scene: Scene, vendors: Vendors, logs: list[Any]
) -> None:
    clock, club = QuickClock(1000), Club(scene, 24)

    async def flaps(name: str, how: Outage, well_ms: int, ill_ms: int) -> None:
        while True:
            await passes(clock, well_ms)
            async with vendors.by_name[name].away(how):
                await passes(clock, ill_ms)

    async with started(scene, vendors, clock=clock, providers=DEAREST_FIRST) as bot:
        async with asyncio.TaskGroup() as weather:
            flapping = [
                weather.create_task(flaps("kling", Outage.GONE, 100_000, 90_000)),
                weather.create_task(flaps("kkiai", Outage.HANGS_UP, 40_000, 70_000)),
                weather.create_task(flaps("aimlapi", Outage.PAGE, 80_000, 60_000)),
                weather.create_task(flaps("onemin", Outage.GONE, 30_000, 120_000)),
            ]
            for number in range(12):
                await club.ask(1)
                await club.ask(1, provider=NAMES[number % 4])
                await passes(clock, 60_000)
            for task in flapping:
                task.cancel()
        last = await club.ask(1)
        await club.have_ended()
        await club.check(bot, vendors, logs)
    assert set(last) <= club.delivered
    assert len(club.delivered) >= len(club.cards) // 2

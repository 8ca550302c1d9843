"""Everything that can go wrong at vendors at once, with restarts in between: nothing is made twice, nothing is lost."""

import random
import re
from collections import Counter
from collections.abc import AsyncGenerator, Collection
from contextlib import AsyncExitStack
from enum import StrEnum
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.sandbox import Message, Person, shows
from tests.e2e.scenes import Scene
from tests.e2e.test_routing import DEAREST_FIRST, asked, started
from tests.vendors.opened import NAMES, QuickClock, Vendors, ledger
from tests.vendors.vendor import OnCreate, OnDownload, OnPoll, Outcome

JOBS = 16


@pytest.fixture
async def vendors() -> AsyncGenerator[Vendors]:
    async with AsyncExitStack() as stack:
        yield await Vendors.open(stack)


def upset(vendors: Vendors, dice: random.Random) -> None:
    """About every third thing goes wrong."""

    def mishaps(kind: type[StrEnum], *, but: Collection[StrEnum] = ()) -> Any:
        known = [one for one in kind if one not in but]
        return dice.choices([None] * 2 * len(known) + known, k=3 * JOBS)

    for name, vendor in vendors.by_name.items():
        vendor.on_create.extend(mishaps(OnCreate))
        # That Kling does not know a task is proof that there is none.
        vendor.on_poll.extend(mishaps(OnPoll, but=[OnPoll.NOT_FOUND] if name == "kling" else []))
        vendor.on_download.extend(mishaps(OnDownload))
        vendor.outcomes.extend(dice.choices([Outcome.READY] * 4 + [Outcome.FAILED], k=3 * JOBS))


def billed(vendors: Vendors) -> Counter[str]:
    """How often each prompt is paid for."""
    tasks = [task for vendor in vendors.by_name.values() for task in vendor.tasks.values()]
    paid = [task for task in tasks if task.outcome is not Outcome.FAILED]
    return Counter((task.body.get("promptObject") or task.body)["prompt"] for task in paid)


def number_of(card: Message) -> int:
    """The job a card is about: a request that is taken up again after a restart may skip a number."""
    found = re.search(r"Job (\d+)", card.text)
    assert found is not None
    return int(found[1])


def has_ended(card: Message) -> bool:
    return "See the clip" in card.text or "Nothing was charged." in card.text


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_happens_no_clip_is_paid_twice_and_every_card_ends(
    scene: Scene, vendors: Vendors, seed: int
) -> None:
    dice, clock = random.Random(seed), QuickClock(2000)
    people: list[Person] = [scene.mia, *(scene.guild.add_member(name) for name in ("leo", "ada", "kim"))]
    cards: list[Message] = []
    upset(vendors, dice)
    settings: dict[str, Any] = {"clock": clock, "providers": DEAREST_FIRST}
    with capture_logs() as logs:
        for _ in range(2):
            async with started(scene, vendors, **settings):
                for number in range(len(cards), len(cards) + JOBS // 2):
                    named = dice.choice([{}, {}, {"provider": dice.choice(NAMES)}])
                    cards.append(await asked(scene, people[number % 4], prompt=f"clip {number}", **named))
                await shows(cards[-3], has_ended)
        async with started(scene, vendors, **settings) as bot:
            for card in cards:
                await shows(card, has_ended)
            lines = [await bot.app.db.read(ledger(number_of(card))) for card in cards]
    delivered = {number for number, card in enumerate(cards) if "See the clip" in card.text}
    paid = billed(vendors)
    assert max(paid.values()) == 1
    assert {f"clip {number}" for number in delivered} <= set(paid)
    assert [[kind for kind, _ in rows] for rows in lines] == [
        ["reserve", "settle" if number in delivered else "refund"] for number in range(JOBS)
    ]
    assert len(scene.clips()) == len(delivered)
    lost = {number for number in range(JOBS) if f"clip {number}" in paid} - delivered
    told = {entry["job"] for entry in logs if "may have been charged" in entry["event"]}
    assert {number_of(cards[number]) for number in lost} <= told
    assert not [entry for entry in logs if "crashed" in entry["event"]]

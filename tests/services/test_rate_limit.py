import asyncio

import pytest

from bot.domain.duties import Role
from bot.domain.shares import SETTLED_AFTER_MS, TURN_MS, Process, share_of
from bot.services import rate_limit
from bot.services.rate_limit import RateLimit, Slot
from tests.patience import PATIENCE_S


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second is long for a test."""
    monkeypatch.setattr(rate_limit, "_WINDOW_S", 0.05)
    monkeypatch.setattr(rate_limit, "_COUNTED_WITHIN_S", 3600.0)


async def test_no_more_are_sent_than_there_are_slots_until_one_was_counted() -> None:
    limit = RateLimit(2)
    slots = [await limit.take() for _ in range(2)]
    third = asyncio.ensure_future(limit.take())
    await asyncio.sleep(0)
    assert limit.waiting == 1
    began_s = asyncio.get_running_loop().time()
    slots[0].answered()
    slots[0].answered()  # which changes nothing
    async with asyncio.timeout(PATIENCE_S):
        await third
    assert asyncio.get_running_loop().time() - began_s >= 0.049
    assert limit.waiting == 0
    fourth = asyncio.ensure_future(limit.take())
    await asyncio.sleep(0)
    assert not fourth.done()
    fourth.cancel()


async def at_once(per_s: float) -> int:
    """How many may be sent at the same moment."""
    limit, sent = RateLimit(per_s), list[asyncio.Future[Slot]]()
    while not limit.waiting:
        sent.append(asyncio.ensure_future(limit.take()))
        await asyncio.sleep(0)
    sent.pop().cancel()
    return len(sent)


async def test_a_fraction_of_a_request_is_none() -> None:
    assert [await at_once(per_s) for per_s in (2, 1.99, 1, 0.5)] == [2, 1, 1, 1]


@pytest.mark.parametrize(("gateways", "workers"), [(2, 3), (4, 12), (7, 23), (10, 10), (2, 20)])
async def test_all_processes_together_send_no_more_than_there_is_even_if_all_begin_at_once(
    gateways: int, workers: int
) -> None:
    roles = [Role.GATEWAY] * gateways + [Role.WORKER] * workers
    live = [Process(f"{number}", "", role, None, "1") for number, role in enumerate(roles)]
    for now_ms in range(SETTLED_AFTER_MS, 30 * TURN_MS, TURN_MS):
        shares = [share_of(one, live, per_s=50, now_ms=now_ms) for one in live]
        assert 40 <= sum([await at_once(share) for share in shares]) <= 50


async def test_what_is_never_answered_has_been_counted_long_since(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "_COUNTED_WITHIN_S", 0.0)
    limit = RateLimit(1)
    async with asyncio.timeout(PATIENCE_S):
        for _ in range(3):
            await limit.take()


async def test_who_came_first_goes_first() -> None:
    limit, order = RateLimit(1), list[int]()

    async def send(number: int) -> None:
        slot = await limit.take()
        order.append(number)
        slot.answered()

    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*(send(number) for number in range(5)))
    assert order == [0, 1, 2, 3, 4]


async def test_who_stops_waiting_takes_no_slot_along() -> None:
    limit = RateLimit(1)
    first = await limit.take()
    waiting = [asyncio.ensure_future(limit.take()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    assert limit.waiting == 2
    limit.allow(2)  # the turn of the second has come, and it stops before it knows
    waiting[1].cancel()
    async with asyncio.timeout(PATIENCE_S):
        await waiting[2]
    first.answered()
    async with asyncio.timeout(PATIENCE_S):
        await limit.take()


async def test_more_slots_let_those_go_that_wait_and_fewer_stop_the_next() -> None:
    limit = RateLimit(1)
    held = [await limit.take()]
    waiting = [asyncio.ensure_future(limit.take()) for _ in range(3)]
    await asyncio.sleep(0)
    limit.allow(3)
    async with asyncio.timeout(PATIENCE_S):
        held += [await waiting[0], await waiting[1]]
    limit.allow(1)
    held[0].answered()
    held[1].answered()
    await asyncio.sleep(0.1)
    assert not waiting[2].done()
    held[2].answered()
    async with asyncio.timeout(PATIENCE_S):
        await waiting[2]


async def test_less_than_one_in_a_second_is_one_in_a_longer_while() -> None:
    limit = RateLimit(0.5)
    began_s = asyncio.get_running_loop().time()
    (await limit.take()).answered()
    async with asyncio.timeout(PATIENCE_S):
        await limit.take()
    assert asyncio.get_running_loop().time() - began_s >= 0.099


async def test_who_gives_up_in_the_moment_a_slot_comes_free_takes_it_from_nobody() -> None:
    limit = RateLimit(1)
    await limit.take()
    impatient, patient = asyncio.ensure_future(limit.take()), asyncio.ensure_future(limit.take())
    await asyncio.sleep(0)
    impatient.cancel()
    limit.freed()  # before the one who gives up has run
    async with asyncio.timeout(PATIENCE_S):
        await patient
    with pytest.raises(asyncio.CancelledError):
        await impatient
    limit.freed()
    async with asyncio.timeout(PATIENCE_S):
        await limit.take()

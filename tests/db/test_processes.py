from dataclasses import replace

from bot.db import processes
from bot.db.transaction import Database
from bot.domain.duties import Role
from bot.domain.shares import GONE_AFTER_MS, Process

WORKER = Process("w", "machine:7", Role.WORKER, None, "1.0", began_at_ms=5)
GATEWAY = Process("g", "machine:8", Role.GATEWAY, "0-3/16", "1.0", began_at_ms=9)


async def test_each_says_that_it_is_there_and_sees_the_others(either: Database) -> None:
    assert await either.write(processes.appear(WORKER, now_ms=10)) == [replace(WORKER, seen_at_ms=10)]
    both = [replace(WORKER, seen_at_ms=10), replace(GATEWAY, seen_at_ms=20)]
    assert await either.write(processes.appear(GATEWAY, now_ms=20)) == both
    await either.write(processes.appear(WORKER, now_ms=30))
    assert [one.seen_at_ms for one in await either.read(processes.live(now_ms=40))] == [30, 20]


async def test_one_that_ends_or_was_not_seen_for_long_is_there_no_more(either: Database) -> None:
    for process in (WORKER, GATEWAY):
        await either.write(processes.appear(process, now_ms=10))
    await either.write(processes.disappear("g"))
    assert [one.id for one in await either.read(processes.live(now_ms=10 + GONE_AFTER_MS))] == ["w"]
    assert await either.read(processes.live(now_ms=11 + GONE_AFTER_MS)) == []
    there = await either.write(processes.appear(GATEWAY, now_ms=11 + GONE_AFTER_MS))
    assert [one.id for one in there] == ["g"]
    assert [one.id for one in await either.read(processes.live(now_ms=0))] == ["g"]

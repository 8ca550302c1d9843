"""The cluster's verdict on delays can be a bad one."""

from collections.abc import AsyncIterator, Mapping

import pytest

from bot.db import jobs, lanes
from bot.db.postgres.database import PostgresDatabase
from bot.db.postgres.lines import Address
from bot.db.postgres.queue_tables import make_tables
from bot.domain.jobs import JobState
from tests import builders
from tests.cluster.delays import Delays, Seen, Step, Turn, look

DUE = Step(1, "RUNNING", 1, 0, due_s=100.0)
FREE = Turn("kling", served=3)
OTHERS = [Step(number, "RUNNING", 1, 0, due_s=100.0) for number in range(2, 40)]


def looked(
    delays: Delays, now_s: float, steps: Mapping[Step, int | None], workers: frozenset[int] = frozenset({1})
) -> None:
    delays.look(Seen(dict(steps), workers), now_s=now_s)


def free(delays: Delays, now_s: float, *turns: Turn, workers: frozenset[int] = frozenset({1})) -> None:
    delays.look(Seen({}, workers, frozenset(turns)), now_s=now_s)


def too_late(delays: Delays) -> list[int]:
    return [late.step.job_id for late in delays.too_late() if isinstance(late.step, Step)]


def ungiven(delays: Delays) -> list[Turn]:
    return [late.step for late in delays.too_late() if isinstance(late.step, Turn)]


def others_in_time() -> Delays:
    """Many steps are done in a second."""
    delays = Delays()
    looked(delays, 0, {})
    looked(delays, 100, dict.fromkeys(OTHERS))
    looked(delays, 101, {})
    return delays


def test_what_is_done_when_it_is_due_is_not_late() -> None:
    assert too_late(others_in_time()) == []


def test_a_step_that_hangs_is_late_though_nobody_died() -> None:
    delays = others_in_time()
    looked(delays, 100, {DUE: None})
    looked(delays, 600, {})
    assert too_late(delays) == [1]


def test_where_every_step_hangs_that_is_not_what_is_usual() -> None:
    delays = Delays()
    looked(delays, 100, {DUE: None})
    looked(delays, 600, {})
    assert too_late(delays) == [1]


def test_a_lost_step_is_late_however_many_die_with_others_in_hand() -> None:
    delays = others_in_time()
    for second in range(100, 380):
        elsewhere = Step(1000 + second // 13, "RUNNING", 1, 0, due_s=second // 13 * 13.0)
        looked(delays, second, {DUE: None, elsewhere: second // 13})
    looked(delays, 380, {})
    assert too_late(delays) == [1]


def test_who_dies_with_a_step_in_hand_delays_it_by_so_much_and_no_more() -> None:
    for done_s, late in ((139.0, []), (150.0, [1])):
        delays = others_in_time()
        looked(delays, 100, {DUE: None})
        looked(delays, 112, {DUE: 7})
        looked(delays, 115, {DUE: 7})
        looked(delays, 130, {DUE: None})
        looked(delays, done_s, {})
        assert too_late(delays) == late


def test_each_death_counts() -> None:
    delays = others_in_time()
    looked(delays, 112, {DUE: 7})
    looked(delays, 150, {DUE: 8})
    looked(delays, 165, {})
    assert too_late(delays) == []


def test_while_nobody_could_do_it_a_step_is_not_late() -> None:
    delays = others_in_time()
    looked(delays, 100, {DUE: None})
    delays.away(now_s=200)
    looked(delays, 300, {DUE: None}, workers=frozenset())
    looked(delays, 308, {})
    assert too_late(delays) == []
    delays = others_in_time()
    delays.away(now_s=200)
    looked(delays, 210, {DUE: None})
    looked(delays, 300, {})
    assert too_late(delays) == [1]


def test_who_has_just_begun_needs_time_to_notice_who_died() -> None:
    for done_s, late in ((165.0, []), (180.0, [1])):
        delays = others_in_time()
        looked(delays, 112, {DUE: 7})
        for second in (113, 132):
            looked(delays, second, {DUE: 7}, frozenset({2}))  # the last one that was there before has died
        looked(delays, done_s, {}, frozenset({2}))
        assert too_late(delays) == late


def test_a_slot_that_stays_free_although_somebody_waits_is_late() -> None:
    for second, late in ((108, []), (200, [FREE])):
        delays = others_in_time()
        free(delays, 100, FREE)
        free(delays, second, FREE)
        free(delays, second + 1)
        assert ungiven(delays) == late


def test_slots_that_are_given_away_one_after_the_other_are_not_one_that_stays_free() -> None:
    delays = others_in_time()
    for second in range(100, 300, 5):
        free(delays, second, Turn("kling", served=second))
    free(delays, 305)
    assert ungiven(delays) == []


def test_no_death_excuses_that_a_slot_stays_free() -> None:
    delays = others_in_time()
    for second in range(100, 130):
        lost = Step(1, "RUNNING", 1, 0, due_s=100.0)
        delays.look(Seen({lost: 7}, frozenset({1}), frozenset({FREE})), now_s=second)
    looked(delays, 130, {})
    assert (too_late(delays), ungiven(delays)) == ([], [FREE])


def test_while_nobody_could_give_it_away_a_slot_is_not_late() -> None:
    delays = others_in_time()
    free(delays, 100, FREE)
    free(delays, 200, FREE, workers=frozenset())
    free(delays, 208)
    assert ungiven(delays) == []


@pytest.fixture
async def db(postgres_url: str) -> AsyncIterator[PostgresDatabase]:
    await make_tables(Address.of(postgres_url))
    database = await PostgresDatabase.open(postgres_url)
    yield database
    await database.close()


async def test_a_slot_is_seen_to_be_free_only_while_somebody_waits_for_it(db: PostgresDatabase) -> None:
    async def turns() -> set[Turn]:
        return set((await db.read(look(slots=1))).turns)

    for provider in ("kling", "kkiai"):
        await db.write(lanes.open_pool(provider))
    assert await turns() == set()
    for _ in range(2):
        origin, choice = builders.origin(), builders.choice(provider="kling")
        accepting = jobs.accept(origin, builders.request(), choice, defaults=builders.NO_CAPS, now_ms=0)
        await db.write(accepting)
    assert await turns() == {Turn("kling", 0)}
    job = await db.write(jobs.admit("kling", slots=1, now_ms=0))
    assert job is not None
    assert await turns() == set()
    await db.write(jobs.move(job, JobState.FAILED, now_ms=0))
    assert await turns() == {Turn("kling", 1)}
    assert await db.write(jobs.admit("kling", slots=1, now_ms=0)) is not None
    assert await turns() == set()

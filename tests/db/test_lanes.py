import asyncio
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.db import jobs, lanes, limits
from bot.db.sqlite import SqliteDatabase
from bot.db.transaction import Database, Transaction
from bot.domain.jobs import Job, JobState
from bot.domain.limits import EVERYBODY, Limit, Limits, Measure
from bot.domain.money import Scope
from tests import builders

NOW_MS = 1_790_000_000_000


@pytest.fixture
async def db(either: Database) -> Database:
    await either.write(lanes.open_pool("local"))
    return either


async def queue(
    db: Database, guild_id: int, user_id: int = 100, *, times: int = 1, caps: Limits = builders.NO_CAPS
) -> list[Job]:
    accepted = await asyncio.gather(
        *(
            db.write(
                jobs.accept(
                    builders.origin(guild_id=guild_id, user_id=user_id),
                    builders.request(),
                    builders.choice(),
                    defaults=caps,
                    now_ms=NOW_MS,
                )
            )
            for _ in range(times)
        )
    )
    return [one.job for one in accepted]


async def admit(db: Database, *, slots: int = 1_000_000) -> Job | None:
    return await db.write(jobs.admit("local", slots=slots, now_ms=NOW_MS))


async def admit_some(db: Database, number: int) -> list[Job]:
    admitted = [await admit(db) for _ in range(number)]
    assert None not in admitted
    return [job for job in admitted if job]


async def admit_all(db: Database) -> list[Job]:
    admitted: list[Job] = []
    while job := await admit(db):
        admitted.append(job)
    return admitted


async def finish(db: Database, job: Job) -> None:
    await db.write(jobs.move(job, JobState.FAILED, now_ms=NOW_MS))


def set_weight(guild_id: int, weight: int) -> Transaction[None]:
    yield (
        "UPDATE guilds SET weight = :weight WHERE guild_id = :guild_id",
        {"weight": weight, "guild_id": guild_id},
    )


async def test_a_guild_with_a_pile_does_not_keep_the_others_waiting(db: Database) -> None:
    await queue(db, 1, times=32)
    await queue(db, 2, times=2)
    first_four = [job.origin.guild_id for job in await admit_some(db, 4)]
    assert Counter(first_four) == {1: 2, 2: 2}


async def test_members_of_a_guild_take_turns_whatever_each_has_queued(db: Database) -> None:
    await queue(db, 1, user_id=7, times=32)
    await queue(db, 1, user_id=8, times=2)
    served = [job.origin.user_id for job in await admit_some(db, 4)]
    assert served == [7, 8, 7, 8]


async def test_weights_are_shares(db: Database) -> None:
    await queue(db, 1, times=60)
    await queue(db, 2, times=60)
    await db.write(set_weight(1, 2))
    served = Counter(job.origin.guild_id for job in await admit_some(db, 60))
    assert served == {1: 40, 2: 20}


async def test_an_idle_guild_saves_no_credit(db: Database) -> None:
    await queue(db, 1, times=50)
    await queue(db, 2, times=1)
    for _ in range(31):
        await admit(db)
    await queue(db, 2, times=20)
    served = Counter(job.origin.guild_id for job in await admit_some(db, 10))
    assert served == {1: 5, 2: 5}


async def test_no_more_run_than_the_provider_has_slots(db: Database) -> None:
    await queue(db, 1, times=3)
    first = await admit(db, slots=2)
    await admit(db, slots=2)
    assert await admit(db, slots=2) is None
    assert first
    await finish(db, first)
    assert await admit(db, slots=2) is not None


async def test_a_guild_at_its_cap_lets_the_next_one_go(db: Database) -> None:
    await queue(db, 1, times=3, caps=builders.caps(guild_running=1))
    await queue(db, 2, times=1)
    assert [job.origin.guild_id for job in await admit_all(db)] == [1, 2]


async def test_a_member_at_the_cap_lets_the_next_one_go(db: Database) -> None:
    await queue(db, 1, user_id=7, times=3, caps=builders.caps(user_running=1))
    await queue(db, 1, user_id=8, times=3)
    await queue(db, 2, user_id=7, times=1)
    admitted = await admit_all(db)
    assert Counter((job.origin.guild_id, job.origin.user_id) for job in admitted) == {
        (1, 7): 1,
        (1, 8): 1,
        (2, 7): 1,
    }


async def test_counters_that_went_wrong_are_put_right(db: Database) -> None:
    await queue(db, 1, times=2)

    def disturb() -> Transaction[None]:
        yield "UPDATE lanes SET queued = 9", {}
        yield "UPDATE turns SET queued = 0", {}

    await db.write(disturb())
    assert await db.write(lanes.recount()) == 2
    assert len(await admit_all(db)) == 2


async def test_a_lane_that_counts_somebody_who_is_gone_keeps_nobody_waiting(db: Database) -> None:
    [gone] = await queue(db, 1)
    [next_] = await queue(db, 2)
    await db.write(ended(gone))
    assert [job.id for job in await admit_all(db)] == [next_.id]
    assert await db.write(lanes.recount()) == 0


def ended(job: Job) -> Transaction[None]:
    yield "UPDATE jobs SET state = 'failed' WHERE id = :id", {"id": job.id}


Piles = st.lists(
    st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 4), st.booleans()), min_size=1, max_size=12
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(piles=Piles, weights=st.tuples(*[st.integers(1, 3)] * 4))
def test_the_place_in_line_is_the_number_of_jobs_that_go_before(
    piles: list[tuple[int, int, int, bool]], weights: tuple[int, ...]
) -> None:
    async def scenario() -> None:
        with tempfile.TemporaryDirectory() as folder:
            db = await SqliteDatabase.open(Path(folder, "kinora.db"))
            await db.write(lanes.open_pool("local"))
            waiting: dict[int, Job] = {}
            for guild_id, user_id, times, serve_one in piles:
                for job in await queue(db, guild_id, user_id, times=times):
                    waiting[job.id] = job
                await db.write(set_weight(guild_id, weights[guild_id - 1]))
                if serve_one and (job := await admit(db)):
                    del waiting[job.id]
            promised = {id_: (await db.read(lanes.place_of(job))).ahead for id_, job in waiting.items()}
            came = [job.id for job in await admit_all(db)]
            await db.close()
        assert promised == {id_: place for place, id_ in enumerate(came)}

    asyncio.run(scenario())


async def test_a_cap_set_while_nothing_waited_counts_for_what_comes_back_into_line(
    db: Database,
) -> None:
    await db.write(lanes.open_pool("spare"))
    await queue(db, 1, caps=builders.caps(user_running=2))
    [job] = await admit_all(db)

    def forbid() -> Transaction[None]:
        yield from limits.put(1, Limit(Scope.MEMBER, EVERYBODY, Measure.RUNNING, 0))
        yield from lanes.recap(1, (yield from limits.all_of(1)))

    await db.write(forbid())
    await db.write(jobs.move_on(job, builders.choice(provider="spare"), now_ms=NOW_MS))
    assert await db.write(jobs.admit("spare", slots=9, now_ms=NOW_MS)) is None

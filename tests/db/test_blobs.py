"""Which jobs need which blobs: from acceptance to the last thing that names them."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.db import asks, audit, blobs, jobs, lanes, offers, retention
from bot.db.sqlite import SqliteDatabase
from bot.db.transaction import Database, Transaction
from bot.domain.errors import QuotaExceeded
from bot.domain.jobs import Job, JobState
from bot.domain.requests import Asked, MotionBrush, Options, Picture, Point, Stroke, VideoRequest
from tests import builders
from tests.db.test_plans import plan
from tests.db.test_upgrades import as_of

NOW_MS = 1_790_000_000_000
CLIP, OTHER_CLIP, FRAME = "c" * 64, "d" * 64, "f" * 64


@pytest.fixture
async def db(either: Database) -> AsyncIterator[Database]:
    await either.write(lanes.open_pool("local"))
    yield either
    assert await either.read(audit.discrepancies()) == 0


def picture(digit: str) -> Picture:
    return Picture(blob=digit * 64, media_type="image/png", width=640, height=360)


async def accepted(db: Database, request: VideoRequest | None = None, **origin: Any) -> Job:
    made = await db.write(
        jobs.accept(
            builders.origin(**origin),
            request or builders.request(image=picture("a")),
            builders.choice(),
            defaults=builders.NO_CAPS,
            now_ms=NOW_MS,
        )
    )
    return made.job


async def done(db: Database, request: VideoRequest | None = None, clip: str = CLIP) -> Job:
    await accepted(db, request)
    job = await db.write(jobs.admit("local", slots=99, now_ms=NOW_MS))
    assert job is not None
    job = await db.write(jobs.move(job, JobState.RENDERING, now_ms=NOW_MS))
    job = await db.write(jobs.move(job, JobState.FETCHING, now_ms=NOW_MS))
    job = await db.write(jobs.move(job, JobState.DELIVERING, now_ms=NOW_MS, clip=clip, clip_bytes=5))
    return await db.write(jobs.move(job, JobState.DONE, now_ms=NOW_MS))


def uses() -> Transaction[set[tuple[str, int]]]:
    rows = yield "SELECT blob, job_id FROM blob_uses", {}
    return {(row["blob"], row["job_id"]) for row in rows}


async def let_go(db: Database, before_ms: int = NOW_MS) -> list[str]:
    return await db.read(blobs.let_go(before_ms=before_ms, limit=10))


async def is_needed(db: Database, blob: str, now_ms: int = NOW_MS) -> bool:
    return await db.read(blobs.is_needed(blob, now_ms=now_ms))


async def test_a_job_needs_every_picture_of_its_request_once(db: Database) -> None:
    motion = MotionBrush(
        still=picture("b"),
        moving=(
            Stroke(mask=picture("e"), path=(Point(x=1, y=1),)),
            Stroke(mask=picture("e"), path=(Point(x=2, y=2),)),
        ),
    )
    request = builders.request(image=picture("a"), end_frame=picture("a"), motion=motion)
    job = await accepted(db, request)
    assert await db.read(uses()) == {("a" * 64, job.id), ("b" * 64, job.id), ("e" * 64, job.id)}


async def test_a_request_that_is_accepted_twice_needs_nothing_twice_and_a_refused_one_nothing(
    db: Database,
) -> None:
    origin = builders.origin(request_key="same")
    request = builders.request(image=picture("a"))
    for _ in range(2):
        await db.write(
            jobs.accept(origin, request, builders.choice(), defaults=builders.NO_CAPS, now_ms=NOW_MS)
        )
    with pytest.raises(QuotaExceeded):
        await db.write(
            jobs.accept(
                builders.origin(guild_id=2),
                builders.request(image=picture("b")),
                builders.choice(),
                defaults=builders.caps(user_day=0),
                now_ms=NOW_MS,
            )
        )
    assert await db.read(uses()) == {("a" * 64, 1)}


async def test_a_fetched_clip_is_needed_until_the_last_job_that_names_it_lets_it_go(
    db: Database,
) -> None:
    first, second = await done(db), await done(db)  # the same request can give the very same clip
    await db.write(jobs.move(first, first.state, now_ms=NOW_MS, clip=None, last_frame=FRAME))
    assert await let_go(db) == []
    assert (await is_needed(db, CLIP), await is_needed(db, FRAME)) == (True, True)
    await db.write(jobs.move(second, second.state, now_ms=NOW_MS + 5, clip=None, last_frame=FRAME))
    assert not await is_needed(db, CLIP)
    assert (await let_go(db), await let_go(db, NOW_MS + 5)) == ([], [CLIP])
    await db.write(blobs.settled(CLIP))
    assert await let_go(db, NOW_MS + 5) == []


async def test_another_clip_in_its_place_lets_the_first_go(db: Database) -> None:
    job = await done(db)
    job = await db.write(jobs.move(job, job.state, now_ms=NOW_MS, clip=OTHER_CLIP))
    assert (await is_needed(db, OTHER_CLIP), await let_go(db)) == (True, [CLIP])
    await db.write(jobs.move(job, job.state, now_ms=NOW_MS, clip=OTHER_CLIP, posted_bytes=1))
    assert await is_needed(db, OTHER_CLIP)


async def test_a_step_that_somebody_else_took_before_changes_nothing(db: Database) -> None:
    job = await done(db)
    await db.write(jobs.move(job, job.state, now_ms=NOW_MS, tries=1))
    with pytest.raises(jobs.Overtaken):
        await db.write(jobs.move(job, job.state, now_ms=NOW_MS, clip=None))
    assert await is_needed(db, CLIP)


async def test_a_forgotten_job_lets_go_of_everything_that_nobody_else_needs(db: Database) -> None:
    job = await done(db, builders.request(image=picture("a"), end_frame=picture("b")))
    await accepted(db, builders.request(image=picture("b")))
    await db.write(blobs.forget(job, now_ms=NOW_MS))
    assert await let_go(db) == ["a" * 64, CLIP]
    kept = await db.read(jobs.get(job.id))
    assert (kept.clip, kept.last_frame) == (None, None)
    assert kept.version == job.version + 1


async def test_a_job_that_has_not_ended_forgets_nothing(db: Database) -> None:
    job = await accepted(db)
    with pytest.raises(ValueError, match="needs its files"):
        await db.write(blobs.forget(job, now_ms=NOW_MS))
    assert await is_needed(db, "a" * 64)


async def test_an_offer_and_a_request_on_its_way_need_what_they_name_while_they_are_open(
    db: Database,
) -> None:
    await db.write(offers.make(1, 100, f'{{"image": "{FRAME}"}}', lapses_at_ms=NOW_MS + 10, now_ms=NOW_MS))
    assert (await is_needed(db, FRAME), await is_needed(db, FRAME, NOW_MS + 11)) == (True, False)
    asked = Asked(
        request_key="1",
        guild_id=1,
        channel_id=1,
        parent_id=None,
        user_id=1,
        upload_limit=1,
        options=Options(),
        image_url=f"https://example.com/{CLIP}",
        end_frame_url=None,
    )
    await db.write(asks.note(asked, now_ms=NOW_MS))
    assert await is_needed(db, CLIP)
    await db.write(asks.forget("1"))
    assert not await is_needed(db, CLIP)


async def test_what_was_kept_before_uses_were_is_known_to_be_used(tmp_path: Path) -> None:
    path = tmp_path / "kinora.db"
    request = builders.request(
        image=picture("a"),
        motion=MotionBrush(moving=(Stroke(mask=picture("b"), path=(Point(x=1, y=1),)),)),
    )
    with as_of(path, 3) as connection:
        connection.execute("INSERT INTO guilds (guild_id) VALUES (1)")
        for number, clip in ((1, CLIP), (2, None)):
            connection.execute(
                """INSERT INTO jobs (state, request_key, guild_id, channel_id, user_id, card_id, upload_limit, request,
                    provider, model, credits, run_at_ms, created_at_ms, clip, finished_at_ms, aftercare)
                VALUES ('done', ?, 1, 10, 100, 1000, 1, ?, 'local', 'local-camera', 0, 1, 1, ?, 5, 2)""",
                (f"k{number}", request.model_dump_json(exclude_defaults=True), clip),
            )
    connection.close()
    db = await SqliteDatabase.open(path)
    try:
        assert await db.read(uses()) == {
            *(("a" * 64, number) for number in (1, 2)),
            *(("b" * 64, number) for number in (1, 2)),
            (CLIP, 1),
        }
    finally:
        await db.close()


@pytest.mark.parametrize(
    ("sql", "index"),
    [
        (retention._AGED, "jobs_kept"),
        (retention._WITHDRAWN, "jobs_withdrawn"),
        (retention._OLDEST, "jobs_kept"),
    ],
)
async def test_what_is_due_is_found_without_reading_history(
    embedded: SqliteDatabase, sql: str, index: str
) -> None:
    found = await embedded.read(plan(sql))
    assert index in found
    assert "TEMP B-TREE" not in found
    assert not re.search(r"SCAN jobs(?! USING (COVERING )?INDEX jobs_(kept|withdrawn))", found)


async def test_letting_go_and_needing_are_found_by_key(embedded: SqliteDatabase) -> None:
    for sql in (blobs._USE, blobs._NOTE):
        assert "SCAN blob_uses" not in await embedded.read(plan(sql))

"""Claimed clips: whatever happens meanwhile, each message with one is known."""

from pathlib import Path

import pytest

from bot.db import erasures, jobs, privacy, withdrawals
from bot.domain.errors import DestinationForbidden
from bot.domain.jobs import Job, JobState
from bot.media.errors import CannotFit
from bot.services.claims import ClaimedBefore, Claims, ClipInDoubt, ClipLost, NothingToClaim, claimed
from bot.services.ports import Sent
from bot.services.privacy import Privacy
from tests.services.conftest import Engine
from tests.services.test_privacy import RecordingEraser

MIA, HERE, FIRST, SECOND = 100, 20, 9001, 9002


class Killed(BaseException):
    """The process ends here."""


def claims_of(engine: Engine) -> Claims:
    """As the next process would have them."""
    return Claims(
        db=engine.db,
        clock=engine.clock,
        delivery=engine.stages._delivery,
        publisher=engine.publisher,
        wake=lambda _: None,
        withdrawn=lambda: None,
    )


async def stranded(engine: Engine) -> Job:
    """A clip that no place took."""
    job = await engine.admitted(user_id=MIA)
    closed = DestinationForbidden("closed")
    engine.publisher.thread_fault = closed
    engine.publisher.closed = {10: closed, 777: closed}
    return await engine.until(job, JobState.UNDELIVERABLE)


async def claim(engine: Engine, message_id: int, *, dies: BaseException | None = None) -> None:
    async def send(clip: Path) -> Sent:
        if dies is not None:
            raise dies
        return Sent(message_id, len(clip.name))

    claims = claims_of(engine)
    async with claims.newest(1, MIA, among_adults=False) as found:
        await claims.post(found.job, HERE, message_id, claimed_limit=10**7, send=send)


async def deleted_when_forgotten(engine: Engine) -> set[tuple[int, int]]:
    eraser = RecordingEraser()
    erasing = Privacy(
        db=engine.db,
        clock=engine.clock,
        publisher=engine.publisher,
        eraser=eraser,
        wake=lambda _: None,
        let_go=lambda: None,
    )
    await erasing.forget(MIA)
    await erasing.carry_on()
    return {erased for erased in eraser.deleted if erased[0] == HERE}


async def test_a_claim_that_a_crash_cut_short_is_deleted_with_the_other(engine: Engine) -> None:
    await stranded(engine)
    with pytest.raises(Killed):
        await claim(engine, FIRST, dies=Killed())
    await claim(engine, SECOND)
    assert await deleted_when_forgotten(engine) == {(HERE, FIRST), (HERE, SECOND)}


async def test_a_message_that_a_clip_did_not_fit_is_not_its_own(engine: Engine) -> None:
    job = await stranded(engine)
    with pytest.raises(CannotFit):
        await claim(engine, FIRST, dies=CannotFit(smallest_bytes=2, max_bytes=1))
    await claim(engine, SECOND)
    assert (await engine.job(job)).message_id == SECOND
    assert await deleted_when_forgotten(engine) == {(HERE, SECOND)}


async def test_the_clip_of_a_member_who_is_forgotten_meanwhile_is_not_sent(engine: Engine) -> None:
    await stranded(engine)
    claims, sent = claims_of(engine), list[Path]()

    async def send(clip: Path) -> Sent:
        sent.append(clip)
        return Sent(FIRST, 1)

    async with claims.newest(1, MIA, among_adults=False) as found:
        await engine.db.write(privacy.forget(MIA, now_ms=engine.clock.now_ms()))
        with pytest.raises(NothingToClaim):
            await claims.post(found.job, HERE, FIRST, claimed_limit=10**7, send=send)
    assert not sent


async def test_a_clip_that_lapses_as_it_is_claimed_is_not_sent(engine: Engine) -> None:
    job = await stranded(engine)
    claims = claims_of(engine)

    async def send(_clip: Path) -> Sent:
        raise AssertionError("sent")

    async with claims.newest(1, MIA, among_adults=False) as found:
        await engine.db.write(jobs.let_go(job, now_ms=engine.clock.now_ms()))
        with pytest.raises(NothingToClaim):
            await claims.post(found.job, HERE, FIRST, claimed_limit=10**7, send=send)
    assert await engine.db.read(erasures.shared(job.id)) == []


async def test_a_claim_that_died_after_its_post_is_found_and_paid_and_not_posted_again(
    engine: Engine,
) -> None:
    job = await stranded(engine)
    with pytest.raises(Killed):
        await claim(engine, FIRST, dies=Killed())
    engine.publisher.standing.add((HERE, FIRST))
    with pytest.raises(ClaimedBefore) as found:
        await claim(engine, SECOND, dies=AssertionError("sent again"))
    assert (found.value.job.id, found.value.job.message_id) == (job.id, FIRST)
    balance = await engine.balance()
    assert (balance.reserved, balance.used) == (0, 5)
    with pytest.raises(NothingToClaim):
        await claim(engine, SECOND)


async def test_a_claim_that_may_have_posted_where_the_bot_cannot_look_is_not_made_twice(
    engine: Engine,
) -> None:
    job = await stranded(engine)
    with pytest.raises(Killed):
        await claim(engine, FIRST, dies=Killed())
    engine.publisher.closed[HERE] = DestinationForbidden("hidden")
    with pytest.raises(ClipInDoubt) as doubt:
        await claim(engine, SECOND, dies=AssertionError("sent again"))
    assert (doubt.value.job_id, doubt.value.channel_id) == (job.id, HERE)
    del engine.publisher.closed[HERE]
    engine.publisher.closed[10] = DestinationForbidden("closed")
    await claim(engine, SECOND)
    assert (await engine.job(job)).message_id == SECOND


async def test_a_claim_that_is_found_while_it_is_written_down_keeps_its_message(engine: Engine) -> None:
    job = await stranded(engine)
    claims = claims_of(engine)

    async def send(_clip: Path) -> Sent:
        found = claimed(job.id, HERE, Sent(FIRST, 7), now_ms=engine.clock.now_ms())
        await engine.db.write(found)
        return Sent(FIRST, 7)

    async with claims.newest(1, MIA, among_adults=False) as found:
        await claims.post(found.job, HERE, FIRST, claimed_limit=10**7, send=send)
    assert (await engine.job(job)).message_id == FIRST
    assert await engine.db.read(erasures.due(now_ms=engine.clock.now_ms(), limit=9)) == []


async def test_a_clip_is_paid_when_it_is_claimed(engine: Engine) -> None:
    job = await stranded(engine)
    assert (await engine.balance()).reserved == 5
    await claim(engine, FIRST)
    balance = await engine.balance()
    assert (balance.reserved, balance.used) == (0, 5)
    job = await engine.job(job)
    assert (job.state, job.aftercare, job.finished_at_ms) == (JobState.DONE, 0, engine.clock.now_ms())


async def test_a_clip_that_is_deleted_while_it_is_claimed_is_taken_back(engine: Engine) -> None:
    job = await stranded(engine)
    claims = claims_of(engine)

    async def send(_clip: Path) -> Sent:
        current = await engine.job(job)
        await engine.db.write(withdrawals.give_up(current, MIA, now_ms=engine.clock.now_ms()))
        return Sent(FIRST, 7)

    async with claims.newest(1, MIA, among_adults=False) as found:
        with pytest.raises(NothingToClaim):
            await claims.post(found.job, HERE, FIRST, claimed_limit=10**7, send=send)
    due = await engine.db.read(erasures.due(now_ms=engine.clock.now_ms(), limit=9))
    assert [(one.channel_id, one.message_id) for one in due] == [(HERE, FIRST)]
    balance = await engine.balance()
    assert (balance.reserved, balance.used) == (0, 0)


async def test_a_clip_whose_file_is_lost_is_given_back(engine: Engine) -> None:
    job = await stranded(engine)
    assert job.clip is not None
    await engine.delivery._blobs.delete(job.clip)
    with pytest.raises(ClipLost):
        await claim(engine, FIRST)
    assert (await engine.job(job)).state is JobState.FAILED
    balance = await engine.balance()
    assert (balance.reserved, balance.used) == (0, 0)

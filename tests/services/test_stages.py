import pytest

from bot.db import jobs
from bot.domain.errors import ClipTooLarge, DestinationForbidden, DestinationGone, DiscordUnavailable
from bot.domain.jobs import Aftercare, Job, JobState
from bot.domain.provider import (
    Absent,
    Accepted,
    Failed,
    Pending,
    ProviderFault,
    Ready,
    Recovery,
    Rejected,
    Unknown,
)
from bot.media.errors import StoreUnavailable
from bot.services.gate import Closure
from bot.services.stages import LEFT_TO_OTHERS_MS
from tests.services.conftest import Engine

DONE, FAILED, CANCELLED = JobState.DONE, JobState.FAILED, JobState.CANCELLED


async def test_a_job_is_made_posted_once_and_settled(engine: Engine, clip: bytes) -> None:
    job = await engine.until(await engine.admitted(), DONE)
    assert [(post.channel_id, post.data) for post in engine.publisher.posted] == [(777, clip)]
    assert (job.message_channel_id, job.message_id, job.thread_id) == (777, 5000, 777)
    balance = await engine.balance()
    assert (balance.used, balance.reserved) == (5, 0)
    assert engine.slots_freed.is_set()


async def test_the_end_is_shown_at_once_and_the_thread_put_away_later(engine: Engine) -> None:
    job = await engine.until(await engine.admitted(), DONE)
    job = await engine.step(job)
    assert engine.publisher.shown[-1].job.state is DONE
    assert engine.publisher.archived == []
    assert job.run_at_ms - engine.clock.now_ms() == 300_000
    job = await engine.step(job)
    assert engine.publisher.archived == [(777, False)]
    assert job.aftercare is Aftercare.NONE
    assert await engine.stages.advance(job.id) is None


async def test_the_attempt_is_written_down_before_the_provider_is_asked(engine: Engine) -> None:
    job = await engine.admitted()
    job = await engine.step(job)
    assert job.marked_at_ms is not None
    assert engine.provider.keys == [f"kinora-abc123-{job.id}-1"]


async def test_a_rejection_is_refunded_in_the_providers_words(engine: Engine) -> None:
    engine.provider.submits.appendleft(Rejected("The prompt was refused."))
    job = await engine.until(await engine.admitted(), FAILED)
    assert job.error == "The prompt was refused."
    balance = await engine.balance()
    assert (balance.used, balance.reserved) == (0, 0)


async def test_a_passing_rejection_is_tried_again_under_a_new_key(engine: Engine) -> None:
    engine.provider.submits.appendleft(Rejected("Too many at once.", retry_after_s=5))
    job = await engine.until(await engine.admitted(), DONE)
    assert engine.provider.keys == [f"kinora-abc123-{job.id}-{attempt}" for attempt in (1, 2)]


async def test_an_unknown_create_is_sent_again_only_where_the_key_is_honoured(engine: Engine) -> None:
    engine.provider.submits.extendleft([Unknown("cut off"), Unknown("cut off")])
    await engine.until(await engine.admitted(), DONE)
    assert len(set(engine.provider.keys)) == 1
    assert len(engine.provider.keys) == 3


async def test_an_unknown_create_that_is_found_is_adopted(engine: Engine) -> None:
    engine.provider.recovery = Recovery.LOOK_UP
    engine.provider.submits.appendleft(Unknown("cut off"))
    engine.provider.look_ups.appendleft(Accepted("task"))
    await engine.until(await engine.admitted(), DONE)
    assert engine.provider.keys == engine.provider.looked_up
    assert len(engine.provider.keys) == 1


async def test_an_absent_create_is_believed_only_after_the_grace(engine: Engine) -> None:
    engine.provider.recovery = Recovery.LOOK_UP
    engine.provider.submits.appendleft(Unknown("cut off"))
    engine.provider.look_ups.appendleft(Absent())
    job = await engine.admitted()
    begun_ms = engine.clock.now_ms()
    await engine.until(job, DONE)
    assert engine.clock.now_ms() - begun_ms >= 90_000
    assert len(engine.provider.looked_up) == 2
    assert engine.provider.keys == [f"kinora-abc123-{job.id}-{attempt}" for attempt in (1, 2)]


async def test_a_create_that_can_never_be_cleared_up_is_refunded_and_never_sent_again(engine: Engine) -> None:
    engine.provider.recovery = Recovery.NEITHER
    engine.provider.submits.appendleft(Unknown("cut off"))
    job = await engine.until(await engine.admitted(), FAILED)
    assert len(engine.provider.keys) == 1
    assert job.error
    assert (await engine.balance()).reserved == 0


@pytest.mark.parametrize(
    ("recovery", "sent"), [(Recovery.KEY_HONOURED, 1), (Recovery.LOOK_UP, 0), (Recovery.NEITHER, 0)]
)
async def test_after_a_crash_a_marked_attempt_is_in_doubt(
    engine: Engine, recovery: Recovery, sent: int
) -> None:
    engine.provider.recovery = recovery
    engine.provider.look_ups.appendleft(Accepted("task"))
    job = await engine.admitted()
    now_ms = engine.clock.now_ms()
    await engine.db.write(jobs.move(job, job.state, now_ms=now_ms, marked_at_ms=now_ms))
    job = await engine.until(job, DONE, FAILED)
    assert len(engine.provider.keys) == sent
    assert job.state is (FAILED if recovery is Recovery.NEITHER else DONE)


async def test_an_end_that_another_edit_may_come_after_is_shown_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await engine.until(await engine.admitted(), DONE)
    later_ms = engine.clock.now_ms() + 15_000
    shown_at_ms: list[int] = []

    async def finish(_: Job) -> int | None:
        shown_at_ms.append(engine.clock.now_ms())
        return later_ms if len(shown_at_ms) == 1 else None

    monkeypatch.setattr(engine.stages._cards, "finish", finish)
    job = await engine.step(job)
    assert (job.aftercare, job.run_at_ms) == (Aftercare.CARD, later_ms)
    job = await engine.step(job)
    assert job.aftercare is not Aftercare.CARD
    assert shown_at_ms[1] == later_ms


async def test_progress_is_kept_and_the_next_moment_follows_the_provider(engine: Engine) -> None:
    engine.provider.polls.appendleft(Pending(0.4, ask_again_s=3))
    job = await engine.step(await engine.step(await engine.admitted()))
    assert job.progress == 0.4
    assert job.run_at_ms - engine.clock.now_ms() == 3_000


async def test_a_failed_render_is_refunded(engine: Engine) -> None:
    engine.provider.polls.appendleft(Failed("The picture could not be read."))
    job = await engine.until(await engine.admitted(), FAILED)
    assert job.error == "The picture could not be read."
    assert (await engine.balance()).used == 0


async def test_a_provider_that_is_out_for_an_hour_is_waited_for(engine: Engine) -> None:
    engine.provider.polls.extendleft([ProviderFault("503")] * 66)
    begun_ms = engine.clock.now_ms()
    await engine.until(await engine.admitted(), DONE, steps=100)
    assert engine.clock.now_ms() - begun_ms > 3_600_000
    assert len(engine.provider.keys) == 1


async def test_a_provider_that_never_finishes_has_its_deadline(engine: Engine) -> None:
    engine.provider.polls.clear()
    engine.provider.polls.append(Pending())
    begun_ms = engine.clock.now_ms()
    await engine.until(await engine.admitted(), FAILED, steps=1000)
    assert engine.clock.now_ms() - begun_ms >= 70 * 60_000


async def test_a_result_that_cannot_be_fetched_is_asked_for_again(engine: Engine) -> None:
    engine.provider.opens.extendleft([b"<html>504</html>", ProviderFault("504")])
    await engine.until(await engine.admitted(), DONE)
    assert len(engine.provider.keys) == 1
    assert len(engine.publisher.posted) == 1


async def test_a_result_that_is_never_a_video_is_refunded(engine: Engine) -> None:
    engine.provider.opens.clear()
    engine.provider.opens.append(b"not a video")
    await engine.until(await engine.admitted(), FAILED)
    assert engine.publisher.posted == []
    assert (await engine.balance()).used == 0


@pytest.mark.parametrize("fault", [DestinationGone(), DestinationForbidden()])
async def test_without_a_thread_the_clip_goes_to_the_channel(engine: Engine, fault: Exception) -> None:
    engine.publisher.thread_fault = fault
    job = await engine.until(await engine.admitted(), DONE)
    assert [post.channel_id for post in engine.publisher.posted] == [10]
    assert job.thread_id is None
    await engine.step(job)
    assert engine.publisher.archived == []


async def test_a_thread_that_vanishes_before_the_post_leaves_the_channel(engine: Engine) -> None:
    engine.publisher.faults.append((DestinationGone(), False))
    await engine.until(await engine.admitted(), DONE)
    assert engine.publisher.tried == [777, 10]


async def test_asked_in_a_thread_it_stays_there_and_the_thread_is_left_open(engine: Engine) -> None:
    job = await engine.until(await engine.admitted(channel_id=55, parent_id=10), DONE)
    assert engine.publisher.tried == [55]
    job = await engine.step(job)
    assert engine.publisher.archived == []
    assert job.aftercare is Aftercare.NONE


async def test_a_thread_that_closes_on_the_way_leaves_the_channel_above(engine: Engine) -> None:
    engine.publisher.faults.append((DestinationGone(), False))
    await engine.until(await engine.admitted(channel_id=55, parent_id=10), DONE)
    assert engine.publisher.tried == [55, 10]


async def test_a_clip_that_no_place_takes_is_kept_and_stays_reserved(engine: Engine) -> None:
    engine.publisher.faults.extend([(DestinationGone(), False), (DestinationForbidden(), False)])
    job = await engine.until(await engine.admitted(), JobState.UNDELIVERABLE)
    assert job.clip
    balance = await engine.balance()
    assert (balance.reserved, balance.used) == (5, 0)


async def test_a_post_in_doubt_is_repeated_within_the_minute(engine: Engine) -> None:
    engine.publisher.faults.append((DiscordUnavailable(), True))
    await engine.until(await engine.admitted(), DONE)
    assert engine.publisher.tried == [777, 777]
    assert len(engine.publisher.posted) == 1


async def test_after_the_minute_a_post_in_doubt_is_looked_for_first(engine: Engine) -> None:
    engine.publisher.remembers_nonces = False
    engine.publisher.faults.append((DiscordUnavailable(), True))
    job = await engine.until(await engine.admitted(), JobState.DELIVERING)
    await engine.step(job)
    engine.clock.turn(61)
    await engine.until(job, DONE)
    assert len(engine.publisher.posted) == 1
    assert engine.publisher.tried == [777]


async def test_after_the_minute_a_post_that_never_was_is_made(engine: Engine) -> None:
    engine.publisher.faults.append((DiscordUnavailable(), False))
    job = await engine.until(await engine.admitted(), JobState.DELIVERING)
    await engine.step(job)
    engine.clock.turn(61)
    await engine.until(job, DONE)
    assert len(engine.publisher.posted) == 1


async def test_a_clip_above_the_limit_is_made_smaller(engine: Engine, clip: bytes) -> None:
    engine.publisher.limit = len(clip) // 2
    await engine.until(await engine.admitted(), DONE)
    assert len(engine.publisher.posted[0].data) <= len(clip) // 2


async def test_a_limit_that_was_only_claimed_is_learnt(engine: Engine, clip: bytes) -> None:
    engine.publisher.faults.append((ClipTooLarge(), False))
    job = await engine.until(await engine.admitted(), DONE)
    assert len(engine.publisher.posted[0].data) <= len(clip) * 0.8
    assert job.origin.upload_limit <= len(clip) * 0.8


async def test_a_job_cancelled_before_the_mark_is_never_sent(engine: Engine) -> None:
    job = await engine.admitted()
    await engine.db.write(jobs.cancel(job.id, guild_id=1, owner_id=100, now_ms=engine.clock.now_ms()))
    await engine.until(job, CANCELLED)
    assert engine.provider.keys == []
    assert (await engine.balance()).reserved == 0


@pytest.mark.parametrize(("stops", "end"), [(True, CANCELLED), (False, DONE)])
async def test_a_running_job_ends_as_the_provider_allows(
    engine: Engine, *, stops: bool, end: JobState
) -> None:
    engine.provider.stops = stops
    job = await engine.until(await engine.admitted(), JobState.RENDERING)
    await engine.db.write(jobs.cancel(job.id, guild_id=1, owner_id=None, now_ms=engine.clock.now_ms()))
    await engine.until(job, end)
    assert engine.provider.cancelled == ["task"]


async def test_a_job_nobody_can_carry_on_is_given_up_and_refunded(engine: Engine) -> None:
    job = await engine.admitted()
    await engine.stages.give_up(job.id)
    assert (await engine.job(job)).state is FAILED
    assert (await engine.balance()).reserved == 0


async def test_two_carriers_of_one_job_never_both_move_it(engine: Engine) -> None:
    engine.provider.polls.appendleft(Ready("clip"))
    job = await engine.until(await engine.admitted(), JobState.DELIVERING)
    for _ in range(2):
        await engine.stages.advance(job.id)
    assert len(engine.publisher.posted) == 1


async def test_time_in_which_the_bot_was_down_is_not_held_against_a_render(engine: Engine) -> None:
    engine.provider.polls.appendleft(Pending(0.5, ask_again_s=1))
    job = await engine.until(await engine.admitted(), JobState.RENDERING)
    engine.clock.turn(2 * 3600)
    engine.restart()
    await engine.until(job, DONE)


async def test_a_render_that_is_given_up_is_stopped(engine: Engine) -> None:
    engine.provider.polls.clear()
    engine.provider.polls.append(Pending())
    await engine.until(await engine.admitted(), FAILED, steps=1000)
    assert engine.provider.cancelled == ["task"]


async def test_a_provider_without_room_is_not_asked_for_ever(engine: Engine) -> None:
    engine.provider.submits.clear()
    engine.provider.submits.append(Rejected("Too many at once.", retry_after_s=3600))
    job = await engine.until(await engine.admitted(), FAILED, steps=60)
    assert "no room" in (job.error or "")


async def test_a_store_that_is_away_is_waited_for(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    job = await engine.until(await engine.admitted(), JobState.DELIVERING)

    def away(_blob: str) -> object:
        raise StoreUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(engine.stages._blobs, "path", away)
        for _ in range(9):
            job = await engine.step(job)
    assert (job.state, job.tries) == (JobState.DELIVERING, 9)
    await engine.until(job, DONE)


async def test_a_clip_that_is_no_longer_kept_ends_the_job(engine: Engine) -> None:
    job = await engine.until(await engine.admitted(), JobState.DELIVERING)
    assert job.clip
    await engine.stages._blobs.delete(job.clip)
    job = await engine.until(job, FAILED)
    assert job.error == "The clip is not kept any more."
    assert (await engine.balance()).reserved == 0


async def test_a_delivery_nobody_can_carry_on_is_given_up_with_the_clip_kept(engine: Engine) -> None:
    job = await engine.until(await engine.admitted(), JobState.DELIVERING)
    await engine.stages.give_up(job.id)
    job = await engine.job(job)
    assert (job.state, (await engine.balance()).reserved) == (JobState.UNDELIVERABLE, 5)
    assert job.clip


async def test_an_hour_without_discord_does_not_leave_the_card_of_a_failed_job(engine: Engine) -> None:
    engine.provider.polls.appendleft(Failed("No."))
    job = await engine.until(await engine.admitted(), FAILED)
    engine.publisher.show_faults = 70
    for _ in range(72):
        job = await engine.step(job)
    assert engine.publisher.shown[-1].job.state is FAILED
    assert job.aftercare is Aftercare.NONE


async def test_a_cancellation_during_a_failing_step_is_seen_next(engine: Engine) -> None:
    job = await engine.until(await engine.admitted(), JobState.RENDERING)
    engine.provider.before_poll = lambda: engine.db.write(
        jobs.cancel(job.id, guild_id=1, owner_id=100, now_ms=engine.clock.now_ms())
    )
    engine.provider.polls.appendleft(ProviderFault("503"))
    await engine.step(job)
    await engine.until(job, CANCELLED)


async def test_a_post_in_doubt_is_looked_for_where_it_was_tried(engine: Engine) -> None:
    engine.publisher.remembers_nonces = False
    engine.publisher.faults.append((DiscordUnavailable(), True))
    job = await engine.until(await engine.admitted(), JobState.DELIVERING)
    await engine.step(job)
    engine.clock.turn(61)
    engine.publisher.thread_fault = DestinationForbidden()
    job = await engine.until(job, DONE)
    assert [post.channel_id for post in engine.publisher.posted] == [777]
    assert job.message_channel_id == 777


async def test_a_task_accepted_while_it_was_cancelled_is_not_forgotten(engine: Engine) -> None:
    job = await engine.admitted()
    engine.provider.before_submit = lambda: engine.db.write(
        jobs.cancel(job.id, guild_id=1, owner_id=100, now_ms=engine.clock.now_ms())
    )
    await engine.until(job, CANCELLED)
    assert len(engine.provider.keys) == 1
    assert engine.provider.cancelled == ["task"]


async def test_a_process_whose_disk_is_full_leaves_what_needs_room_to_others_for_a_while(
    engine: Engine,
) -> None:
    job = await engine.admitted()
    job = await engine.until(job, JobState.FETCHING)
    engine.gate.shut(Closure.DISK_FULL)
    assert (await engine.step(job)).state is JobState.FETCHING
    assert engine.publisher.posted == []
    began_ms = engine.clock.now_ms()
    await engine.until(job, JobState.DONE)  # what it keeps in reserve is for this
    assert engine.clock.now_ms() - began_ms >= LEFT_TO_OTHERS_MS - 10_000


async def test_a_process_whose_disk_is_full_goes_on_with_what_needs_no_room(engine: Engine) -> None:
    engine.gate.shut(Closure.DISK_FULL)
    job = await engine.admitted()
    assert (await engine.until(job, JobState.FETCHING)).state is JobState.FETCHING

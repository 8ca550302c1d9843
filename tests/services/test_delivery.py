"""Where a clip goes, and what is learnt on the way."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.db import guilds, places
from bot.domain.errors import ClipTooLarge, DestinationForbidden, DestinationGone, DiscordUnavailable
from bot.domain.jobs import Job, JobState
from bot.domain.places import ThreadStyle
from bot.media.clips import Clips
from bot.services.ports import Place, PlaceKind
from bot.services.uploads import LEARNT_FOR_MS, SURE_LIMIT, UploadLimits
from tests import builders
from tests.patience import PATIENCE_S
from tests.services.conftest import Engine
from tests.services.doubles import TurnedClock

DONE, UNDELIVERABLE = JobState.DONE, JobState.UNDELIVERABLE
CHANNEL, THREAD, CARD, GALLERY, LOG, MEMBER = 10, 55, 777, 90, 91, 100
DIRECT = MEMBER + 1_000_000
GONE, FORBIDDEN = DestinationGone("It is gone."), DestinationForbidden("It may not be.")


async def prefers(engine: Engine, style: ThreadStyle = ThreadStyle.REQUEST, **known: Any) -> None:
    columns = {"thread_style": int(style), **known}
    await engine.db.write(guilds.prefer(1, columns, defaults=builders.NO_CAPS))


async def ended(engine: Engine, *states: JobState, **origin: Any) -> Job:
    return await engine.until(await engine.admitted(**origin), *(states or (DONE,)))


async def running(engine: Engine, user_id: int = MEMBER) -> int:
    origin = builders.origin(channel_id=CHANNEL, user_id=user_id, card_id=-1)
    return await engine.db.write(places.member_thread(origin))


@pytest.mark.parametrize(
    ("style", "first"),
    [
        (ThreadStyle.REQUEST, CARD),
        (ThreadStyle.MEMBER, CARD),
        (ThreadStyle.NONE, CHANNEL),
        (ThreadStyle.GALLERY, GALLERY),
    ],
)
async def test_a_server_says_where_its_clips_go(engine: Engine, style: ThreadStyle, first: int) -> None:
    await prefers(engine, style, gallery_channel_id=GALLERY)
    job = await ended(engine)
    assert engine.publisher.tried == [first]
    assert job.message_channel_id == first
    assert job.thread_id == (CARD if first == CARD else None)


async def test_a_style_of_another_version_is_the_usual_one(engine: Engine) -> None:
    await prefers(engine, 9)  # pyright: ignore[reportArgumentType]
    await ended(engine)
    assert engine.publisher.tried == [CARD]


async def test_a_thread_is_opened_only_where_it_is_needed(engine: Engine) -> None:
    await prefers(engine, ThreadStyle.NONE)
    await ended(engine)
    assert engine.publisher.opened == []


async def test_in_place_a_thread_is_what_remains_where_only_threads_may_be_written_in(engine: Engine) -> None:
    await prefers(engine, ThreadStyle.NONE)
    engine.publisher.closed[CHANNEL] = FORBIDDEN
    job = await ended(engine)
    assert (engine.publisher.tried, job.thread_id) == ([CHANNEL, CARD], CARD)


# ---- One running thread for each member


async def test_a_member_has_one_running_thread_below_a_channel(engine: Engine) -> None:
    await prefers(engine, ThreadStyle.MEMBER)
    for card_id in (701, 702, 703):
        job = await ended(engine, card_id=card_id)
        assert job.thread_id == 701
    assert engine.publisher.tried == [701, 701, 701]
    assert engine.publisher.opened[-1] == Place(701, PlaceKind.RUNNING)


async def test_members_and_channels_have_running_threads_of_their_own(engine: Engine) -> None:
    await prefers(engine, ThreadStyle.MEMBER)
    await ended(engine, card_id=701)
    await ended(engine, card_id=702, user_id=200)
    await ended(engine, card_id=703, channel_id=11)
    assert engine.publisher.tried == [701, 702, 703]


async def test_a_running_thread_that_is_gone_makes_way_for_a_new_one(engine: Engine) -> None:
    await prefers(engine, ThreadStyle.MEMBER)
    await ended(engine, card_id=701)
    engine.publisher.closed[701] = GONE
    job = await ended(engine, card_id=702)
    assert job.thread_id == 702
    await ended(engine, card_id=703)
    assert engine.publisher.tried == [701, 701, 702, 702]
    assert await running(engine) == 702


async def test_a_running_thread_that_refuses_for_now_is_kept(engine: Engine) -> None:
    await prefers(engine, ThreadStyle.MEMBER)
    await ended(engine, card_id=701)
    engine.publisher.thread_fault = FORBIDDEN
    job = await ended(engine, card_id=702)
    assert job.message_channel_id == CHANNEL
    assert await running(engine) == 701


async def test_a_running_thread_is_put_away_only_if_it_is_quiet(engine: Engine) -> None:
    await prefers(engine, ThreadStyle.MEMBER)
    job = await ended(engine, card_id=701)
    await engine.step(await engine.step(job))
    assert engine.publisher.archived == [(701, True)]


async def test_asked_in_a_thread_a_style_changes_nothing(engine: Engine) -> None:
    await prefers(engine, ThreadStyle.MEMBER)
    await ended(engine, channel_id=THREAD, parent_id=CHANNEL)
    assert (engine.publisher.tried, engine.publisher.opened) == ([THREAD], [])


# ---- The gallery


async def gallery(engine: Engine) -> None:
    await prefers(engine, ThreadStyle.GALLERY, gallery_channel_id=GALLERY, log_channel_id=LOG)


async def test_also_what_was_asked_for_in_a_thread_goes_to_the_gallery(engine: Engine) -> None:
    await gallery(engine)
    await ended(engine, channel_id=THREAD, parent_id=CHANNEL)
    assert engine.publisher.tried == [GALLERY]


async def test_a_gallery_that_cannot_be_used_is_passed_by_and_the_moderators_hear_of_it_once(
    engine: Engine,
) -> None:
    await gallery(engine)
    engine.publisher.gallery_fault = DestinationForbidden("I lack **Attach Files** there.")
    for _ in range(2):
        await ended(engine)
    assert engine.publisher.tried == [CARD, CARD]
    [(guild_id, channel_id, text)] = engine.publisher.told
    assert (guild_id, channel_id) == (1, LOG)
    assert "<#90>. I lack **Attach Files** there. They go" in text
    engine.clock.turn(24 * 3600 + 1)
    await ended(engine)
    assert len(engine.publisher.told) == 2


async def test_a_gallery_that_refuses_the_post_is_passed_by_as_well(engine: Engine) -> None:
    await gallery(engine)
    engine.publisher.closed[GALLERY] = GONE
    await ended(engine)
    assert engine.publisher.tried == [GALLERY, CARD]
    assert len(engine.publisher.told) == 1


async def test_a_log_channel_that_hears_nothing_does_not_keep_the_clip_away(engine: Engine) -> None:
    await gallery(engine)
    engine.publisher.gallery_fault = GONE
    engine.publisher.tell_faults.append(DiscordUnavailable())
    await ended(engine)


@pytest.mark.parametrize(("for_adults", "first"), [(False, CARD), (True, GALLERY)])
async def test_what_was_asked_for_among_adults_stays_among_them(
    engine: Engine, *, for_adults: bool, first: int
) -> None:
    await gallery(engine)
    engine.publisher.gallery_is_for_adults = for_adults
    await ended(engine, is_age_restricted=True)
    assert engine.publisher.tried == [first]
    assert engine.publisher.told == []


async def test_what_was_asked_for_in_a_private_thread_is_shown_nowhere_else(engine: Engine) -> None:
    await gallery(engine)
    engine.publisher.closed[THREAD] = GONE
    job = await ended(engine, UNDELIVERABLE, channel_id=THREAD, parent_id=CHANNEL, is_private=True)
    assert engine.publisher.tried == [THREAD]
    assert job.clip


# ---- Direct messages


async def allows(engine: Engine) -> None:
    await engine.db.write(places.allow_direct(MEMBER, True))


async def nowhere(engine: Engine) -> None:
    engine.publisher.closed |= {CARD: GONE, CHANNEL: FORBIDDEN}


async def test_a_direct_message_is_the_last_resort_of_who_allows_it(engine: Engine) -> None:
    await allows(engine)
    await nowhere(engine)
    job = await ended(engine)
    assert engine.publisher.tried == [CARD, CHANNEL, DIRECT]
    assert (job.message_channel_id, job.is_direct) == (DIRECT, True)
    assert (await engine.balance()).used == 5


async def test_nobody_gets_a_direct_message_who_has_not_allowed_it(engine: Engine) -> None:
    await nowhere(engine)
    await ended(engine, UNDELIVERABLE)
    assert engine.publisher.tried == [CARD, CHANNEL]
    await engine.db.write(places.allow_direct(MEMBER, True))
    await engine.db.write(places.allow_direct(MEMBER, False))
    await ended(engine, UNDELIVERABLE)
    assert DIRECT not in engine.publisher.tried


async def test_who_takes_no_direct_messages_after_all_can_claim_the_clip(engine: Engine) -> None:
    await allows(engine)
    await nowhere(engine)
    engine.publisher.closed[DIRECT] = FORBIDDEN
    job = await ended(engine, UNDELIVERABLE)
    assert [job.id] == [one.id for one in await engine.db.read(places.undelivered(1, MEMBER))]
    assert (await engine.balance()).used == 0


async def test_a_direct_message_in_doubt_is_looked_for_where_it_was_tried(engine: Engine) -> None:
    await allows(engine)
    await nowhere(engine)
    engine.publisher.remembers_nonces = False
    job = await engine.until(await engine.admitted(), JobState.DELIVERING)
    engine.publisher.faults.append((DiscordUnavailable(), True))
    await engine.step(job)
    engine.clock.turn(61)
    engine.publisher.closed.clear()
    job = await engine.until(job, DONE)
    assert [post.channel_id for post in engine.publisher.posted] == [DIRECT]
    assert job.is_direct


# ---- Doubts


@pytest.mark.parametrize("style", list(ThreadStyle))
@pytest.mark.parametrize("pause_s", [1, 61])
async def test_a_clip_is_posted_once_in_every_style_though_the_answer_was_lost(
    engine: Engine, style: ThreadStyle, pause_s: int
) -> None:
    await prefers(engine, style, gallery_channel_id=GALLERY)
    engine.publisher.remembers_nonces = pause_s == 1
    job = await engine.until(await engine.admitted(), JobState.DELIVERING)
    engine.publisher.faults.append((DiscordUnavailable(), True))
    await engine.step(job)
    engine.restart()
    await prefers(engine, ThreadStyle((style + 1) % 4), gallery_channel_id=GALLERY)
    engine.clock.turn(pause_s)
    job = await engine.until(job, DONE)
    assert len(engine.publisher.posted) == 1
    assert job.message_channel_id == engine.publisher.posted[0].channel_id
    assert job.posted_bytes == len(engine.publisher.posted[0].data)


async def test_a_place_in_doubt_that_closed_is_followed_by_the_others(engine: Engine) -> None:
    job = await engine.until(await engine.admitted(), JobState.DELIVERING)
    engine.publisher.faults.append((DiscordUnavailable(), False))
    await engine.step(job)
    engine.publisher.closed[CARD] = GONE
    await engine.until(job, DONE)
    assert [post.channel_id for post in engine.publisher.posted] == [CHANNEL]


async def test_a_post_that_arrived_before_its_place_closed_is_not_made_again_elsewhere(
    engine: Engine,
) -> None:
    job = await engine.until(await engine.admitted(), JobState.DELIVERING)
    engine.publisher.faults.append((DiscordUnavailable(), True))
    await engine.step(job)
    engine.publisher.closed[CARD] = GONE
    job = await engine.until(job, DONE)
    assert [post.channel_id for post in engine.publisher.posted] == [CARD]
    assert job.message_channel_id == CARD


# ---- Upload limits


async def until_true(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():  # noqa: ASYNC110 - what it waits for tells nobody
            await asyncio.sleep(0.005)


async def test_what_a_server_does_not_take_is_not_sent_to_it_again(engine: Engine, clip: bytes) -> None:
    engine.publisher.faults.append((ClipTooLarge(), False))
    first = await ended(engine)
    second = await ended(engine)
    sizes = [len(post.data) for post in engine.publisher.posted]
    assert len(engine.publisher.tried) == 3
    assert max(sizes) <= len(clip) * 0.8
    assert [first.posted_bytes, second.posted_bytes] == sizes


@pytest.fixture
def encodings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The limits for which clips were re-encoded, in order."""
    honest, begun = Clips.fit, list[int]()

    async def fit(clips: Clips, path: Path, max_bytes: int, out: Path) -> Any:
        begun.append(max_bytes)
        return await honest(clips, path, max_bytes, out)

    monkeypatch.setattr(Clips, "fit", fit)
    return begun


async def test_a_clip_that_cannot_be_posted_for_long_is_made_smaller_once(
    engine: Engine, clip: bytes, encodings: list[int]
) -> None:
    engine.publisher.faults.append((ClipTooLarge(), False))
    job = await engine.until(await engine.admitted(), JobState.DELIVERING)
    engine.publisher.faults.extend((DiscordUnavailable(), False) for _ in range(4))
    for _ in range(5):
        job = await engine.step(job)
    job = await engine.until(job, DONE)
    assert len(encodings) == 1
    assert len(engine.publisher.posted[-1].data) <= len(clip) * 0.8


async def test_a_new_clip_is_made_smaller_before_those_that_are_looked_at_again(
    engine: Engine, clip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is one encoder; who looks at eight clips again keeps nobody's new one waiting for eight encodings."""
    honest, begun, may_go_on = Clips.fit, list[int](), asyncio.Event()

    async def slow(clips: Clips, path: Path, max_bytes: int, out: Path) -> Any:
        begun.append(max_bytes)
        await may_go_on.wait()
        return await honest(clips, path, max_bytes, out)

    monkeypatch.setattr(Clips, "fit", slow)
    job = await ended(engine)
    made: list[int] = []
    limit = len(clip) * 8 // 10

    async def fitted(limit: int, *, can_wait: bool) -> None:
        async with engine.delivery.fitted(job, limit, can_wait=can_wait) as smaller:
            assert smaller.stat().st_size <= limit
            made.append(limit)

    again = [asyncio.ensure_future(fitted(limit - number, can_wait=True)) for number in range(1, 9)]
    await until_true(lambda: len(begun) == 1)
    new = asyncio.ensure_future(fitted(limit, can_wait=False))
    await until_true(lambda: limit in begun)
    assert begun[1:] == [limit]
    may_go_on.set()
    await asyncio.gather(new, *again)
    assert limit in made[:2]


async def test_what_is_posted_whole_has_the_size_of_the_clip(engine: Engine, clip: bytes) -> None:
    assert (await ended(engine)).posted_bytes == len(clip)


async def test_a_limit_that_was_learnt_is_forgotten_after_hours_or_when_discord_says_another_one() -> None:
    clock = TurnedClock()
    limits = UploadLimits(clock)
    claimed = 2 * SURE_LIMIT
    assert limits.refused(1, claimed, claimed - 1) == SURE_LIMIT
    assert limits.known(1, claimed) == SURE_LIMIT
    assert limits.known(1, 5 * SURE_LIMIT) == 5 * SURE_LIMIT
    assert limits.known(2, claimed) == claimed
    clock.turn(LEARNT_FOR_MS / 1000 + 1)
    assert limits.known(1, claimed) == claimed


async def test_limits_are_learnt_of_so_many_servers_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.services.uploads._SERVERS", 3)
    limits = UploadLimits(TurnedClock())
    for guild_id in range(5):
        limits.refused(guild_id, 100, 100)
    assert [limits.known(guild_id, 100) for guild_id in range(5)] == [100, 100, 80, 80, 80]

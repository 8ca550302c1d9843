"""What a server lets be asked: where, about what; and how it wants that made."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from bot.db import guilds
from bot.db.sqlite import SqliteDatabase
from bot.domain.content import Rule
from bot.domain.errors import Refused
from bot.domain.jobs import Asker, Lineage, Relation
from bot.domain.places import ThreadStyle
from bot.domain.requests import Asked, Options, Shot
from bot.services.policy import ContentRefused, NotAgeRestricted, NotInThisChannel, Policy, RefusedRequest
from tests import builders

GUILD, CHANNEL, THREAD, ADA, CREW = 1, 10, 11, 100, 7
BOAT = Options(prompt="a boat")


@pytest.fixture
async def db(tmp_path: Path) -> AsyncGenerator[SqliteDatabase]:
    database = await SqliteDatabase.open(tmp_path / "kinora.db")
    yield database
    await database.close()


@pytest.fixture
def refused() -> list[RefusedRequest]:
    return []


@pytest.fixture
def policy(db: SqliteDatabase, refused: list[RefusedRequest]) -> Policy:
    return Policy(db=db, refused=refused.append)


async def choose(db: SqliteDatabase, **columns: Any) -> None:
    await db.write(guilds.prefer(GUILD, columns, defaults=builders.NO_CAPS))


def asked(**known: Any) -> Asked:
    usual: dict[str, Any] = {
        "request_key": "1",
        "guild_id": GUILD,
        "channel_id": CHANNEL,
        "parent_id": None,
        "user_id": ADA,
        "upload_limit": 1,
        "options": BOAT,
        "image_url": None,
        "end_frame_url": None,
    }
    return Asked(**usual | known)


async def test_a_server_that_has_chosen_nothing_takes_a_request_as_it_is(policy: Policy) -> None:
    assert await policy.check(asked(language="de")) == asked(language="de")
    origin = builders.origin(language="de")
    assert await policy.accept(origin, BOAT, Asker()) == (origin, BOAT)


@pytest.mark.parametrize(
    ("channel_id", "parent_id", "may"),
    [
        (CHANNEL, None, True),
        (THREAD, CHANNEL, True),
        (CHANNEL, 99, True),
        (12, None, False),
        (THREAD, 12, False),
    ],
)
async def test_clips_are_asked_for_in_the_chosen_channels_and_their_threads(
    db: SqliteDatabase, policy: Policy, channel_id: int, parent_id: int | None, *, may: bool
) -> None:
    await choose(db, allowed_channels=f"{CHANNEL},500")
    origin = builders.origin(channel_id=channel_id, parent_id=parent_id)
    if may:
        await policy.check(asked(channel_id=channel_id, parent_id=parent_id))
        await policy.accept(origin, BOAT, Asker())
        return
    with pytest.raises(NotInThisChannel, match="asked for in <#10>, <#500>, and not here"):
        await policy.check(asked(channel_id=channel_id, parent_id=parent_id))
    with pytest.raises(NotInThisChannel):
        await policy.accept(origin, BOAT, Asker(manages=True))


async def test_what_is_in_the_gallery_may_be_gone_on_with_there_and_nothing_else(
    db: SqliteDatabase, policy: Policy
) -> None:
    gallery = {"thread_style": int(ThreadStyle.GALLERY), "gallery_channel_id": 20}
    await choose(db, allowed_channels=str(CHANNEL), **gallery)
    lineage = Lineage(5, Relation.AGAIN)
    await policy.check(asked(channel_id=20, from_job_id=5, relation="again"))
    await policy.check(asked(channel_id=20, offer_id=3))
    await policy.accept(builders.origin(channel_id=20, lineage=lineage), BOAT, Asker())
    with pytest.raises(NotInThisChannel):
        await policy.check(asked(channel_id=20))
    with pytest.raises(NotInThisChannel):
        await policy.accept(builders.origin(channel_id=20), BOAT, Asker())
    with pytest.raises(NotInThisChannel):
        await policy.check(asked(channel_id=21, from_job_id=5, relation="again"))
    await choose(db, thread_style=int(ThreadStyle.REQUEST))
    with pytest.raises(NotInThisChannel):
        await policy.check(asked(channel_id=20, from_job_id=5, relation="again"))


async def test_clips_can_be_for_age_restricted_channels_alone(db: SqliteDatabase, policy: Policy) -> None:
    await choose(db, age_restricted_only=1)
    await policy.check(asked(is_age_restricted=True))
    await policy.accept(builders.origin(is_age_restricted=True), BOAT, Asker())
    with pytest.raises(NotAgeRestricted, match="ask in one"):
        await policy.check(asked())
    with pytest.raises(NotAgeRestricted):
        await policy.accept(builders.origin(), BOAT, Asker(manages=True))


@pytest.mark.parametrize(
    "options",
    [
        Options(prompt="a bloody boat"),
        Options(prompt="a boat", negative_prompt="blood"),
        Options(
            duration_s=3, shots=(Shot(prompt="a boat", duration_s=1), Shot(prompt="Bl00d", duration_s=2))
        ),
    ],
    ids=["prompt", "negative prompt", "shots"],
)
@pytest.mark.parametrize("manages", [True, False])
async def test_content_rules_hold_for_all_that_is_written_and_for_everybody(
    db: SqliteDatabase, policy: Policy, refused: list[RefusedRequest], options: Options, *, manages: bool
) -> None:
    await choose(db, blocked_words="blood* | No violence", language="de")
    with pytest.raises(ContentRefused) as first:
        await policy.check(asked(options=options, manages=manages))
    with pytest.raises(ContentRefused) as second:
        await policy.accept(builders.origin(), options, Asker(manages=manages))
    rule = Rule("blood*", "No violence")
    assert [(one.value.rule, one.value.is_moderators) for one in (first, second)] == [(rule, manages)] * 2
    assert [(one.user_id, one.channel_id, one.rule, one.language) for one in refused] == [
        (ADA, CHANNEL, rule, "de")
    ] * 2


async def test_nobody_is_told_of_words_that_may_ask_for_nothing(
    db: SqliteDatabase, policy: Policy, refused: list[RefusedRequest]
) -> None:
    await choose(db, blocked_words="vile")
    with pytest.raises(ContentRefused):
        await policy.check(asked(options=Options(prompt="haha, how vile")), is_doubtful=True)
    assert not refused


async def test_patterns_that_take_their_time_are_applied_as_well(db: SqliteDatabase, policy: Policy) -> None:
    await choose(db, blocked_patterns="[ab]{300}c | Too long\nboat")
    with pytest.raises(ContentRefused) as refusal:
        await policy.check(asked())
    assert refusal.value.rule == Rule("boat", is_pattern=True)
    await policy.check(asked(options=Options(prompt="a gull")))


async def test_a_rule_that_is_changed_counts_from_then_on(db: SqliteDatabase, policy: Policy) -> None:
    for words, is_refused in [("boat", True), ("gull", False), ("b*", True), (None, False)]:
        await choose(db, blocked_words=words)
        try:
            await policy.check(asked())
        except Refused:
            assert is_refused
        else:
            assert not is_refused


@pytest.mark.parametrize(
    ("columns", "roles", "spoiler"),
    [
        ({}, (), False),
        ({"spoilers": 1}, (), True),
        ({"spoilers": 1}, (CREW,), True),
        ({"spoilers": 1, "unhidden_role_id": CREW}, (), True),
        ({"spoilers": 1, "unhidden_role_id": CREW}, (CREW,), False),
        ({"unhidden_role_id": CREW}, (), False),
    ],
)
async def test_clips_are_hidden_unless_their_member_has_the_role_for_it(
    db: SqliteDatabase, policy: Policy, columns: dict[str, int], roles: tuple[int, ...], *, spoiler: bool
) -> None:
    if columns:
        await choose(db, **columns)
    asker = Asker(frozenset(roles), manages=True)
    _, options = await policy.accept(builders.origin(), BOAT, asker)
    assert options.spoiler is spoiler
    _, options = await policy.accept(builders.origin(), BOAT.model_copy(update={"spoiler": True}), asker)
    assert options.spoiler


@pytest.mark.parametrize(("chosen", "spoken"), [("en", "en"), ("de", "de"), (None, "de"), ("tlh", "de")])
async def test_the_language_that_a_server_has_chosen_is_spoken(
    db: SqliteDatabase, policy: Policy, chosen: str | None, spoken: str
) -> None:
    await choose(db, language=chosen)
    assert (await policy.check(asked(language="de"))).language == spoken
    origin, _ = await policy.accept(builders.origin(language="de"), BOAT, Asker())
    assert origin.language == spoken

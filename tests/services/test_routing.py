from collections.abc import AsyncGenerator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.db import guilds, jobs, lanes, limits
from bot.db.sqlite import SqliteDatabase
from bot.domain.breaker import AVOIDED_MS
from bot.domain.catalogue import Catalogue
from bot.domain.errors import NotExpressible
from bot.domain.jobs import Job
from bot.domain.models import Price
from bot.domain.provider import ProviderFault, Refusal, Rejected
from bot.services.health import Health
from bot.services.routing import Routes
from tests import builders
from tests.services.doubles import TurnedClock, routes
from tests.ui.conftest import make_job

FIRST = builders.LOCAL.model_copy(
    update={"provider": "first", "price": Price(per_second={"std": Decimal(3), "pro": Decimal(4)})}
)
SECOND = builders.LOCAL.model_copy(
    update={"provider": "second", "price": Price(per_second={"std": Decimal(2), "pro": Decimal(3)})}
)
LOCAL = builders.LOCAL


@pytest.fixture
async def db(tmp_path: Path) -> AsyncGenerator[SqliteDatabase]:
    database = await SqliteDatabase.open(tmp_path / "kinora.db")
    yield database
    await database.close()


async def refused(
    db: SqliteDatabase, provider: str, price: int, *, worth: int | None = None, **known: Any
) -> Job:
    """A job that this provider does not make."""
    await db.write(lanes.open_pool(provider))
    choice = replace(builders.choice(price, provider=provider), worth=price if worth is None else worth)
    accepted = jobs.accept(builders.origin(), builders.request(), choice, defaults=builders.NO_CAPS, now_ms=1)
    return replace((await db.write(accepted)).job, **known)


async def test_the_operators_order_counts_unless_a_server_wants_the_cheapest(db: SqliteDatabase) -> None:
    chosen = routes(db, FIRST, SECOND)
    assert (await chosen.choose(1, builders.request())).spec.provider == "first"
    await db.write(guilds.prefer(1, {"cheapest_first": 1}, defaults=builders.NO_CAPS))
    assert (await chosen.choose(1, builders.request())).spec.provider == "second"
    assert (await chosen.choose(2, builders.request())).spec.provider == "first"
    await db.write(guilds.prefer(1, {"cheapest_first": 0}, defaults=builders.NO_CAPS))
    assert (await chosen.choose(1, builders.request())).spec.provider == "first"


async def test_a_server_that_says_what_it_prefers_keeps_its_caps(db: SqliteDatabase) -> None:
    await db.write(guilds.prefer(1, {"cheapest_first": 1}, defaults=builders.caps(user_queued=3)))
    assert await db.read(limits.all_of(1)) == builders.caps(user_queued=3)


@pytest.mark.parametrize("cheapest_first", [False, True])
async def test_an_account_that_is_not_well_comes_last_for_a_while(
    db: SqliteDatabase, *, cheapest_first: bool
) -> None:
    clock = TurnedClock()
    health = Health(clock, changed=lambda: None)
    chosen = routes(db, FIRST, SECOND, health=health)
    await db.write(guilds.prefer(1, {"cheapest_first": int(cheapest_first)}, defaults=builders.NO_CAPS))
    usual = (await chosen.choose(1, builders.request())).spec.provider
    health.heard(builders.LOCAL.model_copy(update={"provider": usual}), Rejected("no", Refusal.PAYMENT))
    assert (await chosen.choose(1, builders.request())).spec.provider != usual
    assert (await chosen.choose(1, builders.request(provider=usual))).spec.provider == usual
    clock.turn(AVOIDED_MS / 1000)
    assert (await chosen.choose(1, builders.request())).spec.provider == usual


async def test_what_was_refused_goes_to_one_that_was_not_asked_yet(db: SqliteDatabase) -> None:
    chosen = routes(db, FIRST, SECOND, LOCAL)
    job = await refused(db, "first", 15)
    following = await chosen.next_for(job)
    assert following is not None
    assert (following.spec.provider, following.price) == ("second", 10)
    assert await chosen.next_for(await refused(db, "second", 15, tried=("first",))) is None


async def test_no_more_is_taken_than_was_reserved(db: SqliteDatabase) -> None:
    chosen = routes(db, SECOND, FIRST)
    assert await chosen.next_for(await refused(db, "second", 14)) is None
    assert await chosen.next_for(await refused(db, "second", 15)) is not None


async def test_no_more_of_the_operators_ceiling_is_taken_than_was_reserved(db: SqliteDatabase) -> None:
    chosen = routes(db, SECOND, FIRST)
    await db.write(guilds.settle_in(1, defaults=builders.NO_CAPS))
    await db.write(guilds.set_price(1, builders.LOCAL.id, 0))
    assert await chosen.next_for(await refused(db, "second", 0, worth=14)) is None
    following = await chosen.next_for(await refused(db, "second", 0, worth=15))
    assert following is not None
    assert (following.price, following.worth) == (0, 15)


async def test_who_names_the_provider_stays_with_it(db: SqliteDatabase) -> None:
    pinned = make_job(provider="first", credits=99, request=builders.request(provider="first"))
    assert await routes(db, FIRST, SECOND).next_for(pinned) is None


async def test_a_draft_is_not_paid_for_elsewhere(db: SqliteDatabase) -> None:
    draft = make_job(provider="local", credits=0, request=builders.request(draft=True))
    assert await routes(db, LOCAL, FIRST).next_for(draft) is None


async def test_nothing_meant_for_a_video_model_ends_as_a_camera_move(db: SqliteDatabase) -> None:
    assert await routes(db, FIRST, LOCAL).next_for(await refused(db, "first", 99)) is None


async def test_what_nobody_can_make_is_refused_before_anything_else(db: SqliteDatabase) -> None:
    with pytest.raises(NotExpressible, match="7"):
        routes(db, FIRST).check(builders.request(duration_s=7))


async def test_a_job_whose_provider_left_the_catalogue_waits_for_it(db: SqliteDatabase) -> None:
    gone = make_job(provider="gone", model="gone-1")
    with pytest.raises(ProviderFault, match="gone"):
        routes(db, FIRST).spec(gone)
    assert routes(db, FIRST).cautions(gone) == ()


async def test_a_model_that_left_the_catalogue_is_still_spoken_to_as_its_provider_is(
    db: SqliteDatabase,
) -> None:
    job = make_job(provider="first", model="first-old")
    assert (routes(db, FIRST).spec(job).id, routes(db, FIRST).spec(job).wire) == ("first-old", FIRST.wire)
    assert "first-old is not a model that this bot knows" in routes(db, FIRST).cautions(job)[0]


async def test_a_job_does_not_end_at_a_model_of_an_earlier_generation(db: SqliteDatabase) -> None:
    newest = FIRST.model_copy(update={"name": "Kling 2.5 Turbo"})
    older = SECOND.model_copy(update={"name": "Kling 1.6"})
    newer = SECOND.model_copy(update={"name": "Kling 3.0", "id": "newer"})
    job = await refused(db, "first", 15, model=newest.id)
    assert await routes(db, newest, older).next_for(job) is None
    following = await routes(db, newest, older, newer).next_for(job)
    assert following is not None
    assert following.spec == newer


async def test_not_even_when_its_provider_has_left(db: SqliteDatabase) -> None:
    newest = FIRST.model_copy(update={"provider": "gone", "name": "Kling 3.0"})
    older = SECOND.model_copy(update={"name": "Kling 1.6"})
    catalogue = Catalogue([newest, older], providers=("second",))
    health = Health(TurnedClock(), changed=lambda: None)
    left = Routes(db=db, catalogue=catalogue, health=health)
    assert await left.next_for(await refused(db, "gone", 99, model=newest.id)) is None


async def test_what_a_server_prefers_is_chosen_and_a_quality_of_another_version_is_none(
    db: SqliteDatabase,
) -> None:
    chosen = routes(db, FIRST, SECOND)
    preferred = {"default_provider": "second", "default_model": SECOND.id, "default_quality": "pro"}
    await db.write(guilds.prefer(1, preferred, defaults=builders.NO_CAPS))
    choice = await chosen.choose(1, builders.request(quality=None))
    assert (choice.spec.provider, choice.quality, choice.price) == ("second", "pro", 15)
    assert (await chosen.choose(2, builders.request(quality=None))).spec.provider == "first"
    await db.write(guilds.prefer(1, {"default_quality": "8k"}, defaults=builders.NO_CAPS))
    assert (await chosen.choose(1, builders.request(quality=None))).quality == "std"

"""What several processes know of providers."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.db import breakers
from bot.db.errors import DatabaseUnavailable
from bot.db.transaction import Database, Transaction
from bot.domain.breaker import FIRST_PAUSE_MS, OPENS_AFTER
from bot.domain.provider import Accepted, Refusal, Rejected, Unknown
from bot.services.health import Health
from tests import builders
from tests.services.databases import KINDS, processes
from tests.services.doubles import TurnedClock

SPEC = builders.LOCAL.model_copy(update={"provider": "scripted"})
DOWN = Rejected("down", Refusal.UNREACHABLE)


@dataclass
class Clinic:
    """Two processes that hear of one provider."""

    db: Database
    clock: TurnedClock
    one: Health
    other: Health
    changes: list[str] = field(default_factory=list[str])

    async def shared(self) -> None:
        """Both have looked, so that each knows what the other has learnt."""
        for health in (self.one, self.other, self.one):
            await health.share()

    def admitted(self, health: Health) -> Transaction[int]:
        """As a worker begins jobs."""
        most = yield from health.admitting("scripted", 5)
        if most:
            yield from health.probing("scripted")
        return most


@pytest.fixture(params=KINDS)
async def clinic(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Clinic]:
    async with processes(request.param, tmp_path, request) as opened:
        clock, changes = TurnedClock(), list[str]()
        one, other = (
            Health(clock, changed=lambda name=name: changes.append(name), shared=db)
            for name, db in zip(("one", "other"), opened, strict=True)
        )
        yield Clinic(opened[0], clock, one, other, changes)


async def test_failures_of_both_together_open_the_breaker_for_both(clinic: Clinic) -> None:
    for number in range(OPENS_AFTER):
        (clinic.one, clinic.other)[number % 2].heard(SPEC, DOWN)
    assert clinic.other.is_healthy("scripted")
    await clinic.shared()
    assert not clinic.one.is_healthy("scripted")
    assert not clinic.other.is_healthy("scripted")
    assert sorted(clinic.changes) == ["one", "other"]


async def test_after_a_pause_one_job_of_all_processes_sees_how_things_are(clinic: Clinic) -> None:
    for _ in range(OPENS_AFTER):
        clinic.one.heard(SPEC, DOWN)
    await clinic.shared()
    clinic.clock.turn(FIRST_PAUSE_MS / 1000)
    assert await clinic.db.write(clinic.admitted(clinic.one)) == 1
    assert await clinic.db.write(clinic.admitted(clinic.other)) == 0


async def test_who_has_not_looked_yet_begins_nothing_all_the_same(clinic: Clinic) -> None:
    for _ in range(OPENS_AFTER):
        clinic.one.heard(SPEC, DOWN)
    await clinic.one.share()
    assert clinic.other.admits("scripted", 5) == 5
    assert await clinic.db.write(clinic.admitted(clinic.other)) == 0


async def test_one_create_that_goes_well_anywhere_ends_it_everywhere(clinic: Clinic) -> None:
    for _ in range(OPENS_AFTER):
        clinic.one.heard(SPEC, Unknown("cut"))
    await clinic.shared()
    clinic.other.heard(SPEC, Accepted("task"))
    await clinic.shared()
    assert clinic.one.admits("scripted", 5) == 5
    assert await clinic.db.read(breakers.known()) == {}


async def test_an_account_that_needs_its_operator_is_chosen_last_everywhere(clinic: Clinic) -> None:
    clinic.one.heard(SPEC, Rejected("no", Refusal.PAYMENT))
    await clinic.shared()
    assert not clinic.other.is_healthy("scripted")
    assert clinic.other.admits("scripted", 5) == 5


async def test_what_is_learnt_while_the_database_is_away_is_shared_later(clinic: Clinic) -> None:
    class Away:
        async def write(self, transaction: Transaction[object]) -> object:
            transaction.close()
            raise DatabaseUnavailable

    clinic.one._shared, db = Away(), clinic.one._shared  # pyright: ignore[reportAttributeAccessIssue]
    clinic.one.heard(SPEC, Rejected("no", Refusal.ACCOUNT))
    with pytest.raises(DatabaseUnavailable):
        await clinic.one.share()
    clinic.one._shared = db
    await clinic.shared()
    assert not clinic.other.is_healthy("scripted")


async def test_nothing_is_written_while_all_goes_well(clinic: Clinic) -> None:
    for _ in range(3):
        clinic.one.heard(SPEC, Accepted("task"))
    assert not clinic.one._unshared

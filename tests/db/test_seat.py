"""Who leads, on a real PostgreSQL."""

from collections.abc import AsyncIterator

import pytest

from bot.db.errors import DatabaseUnavailable
from bot.db.postgres.seat import Seat
from tests.postgres import PostgresServer

PASSWORD = "do-not-show"


@pytest.fixture
async def seats(bare_postgres_url: str) -> AsyncIterator[tuple[Seat, Seat]]:
    both = Seat(bare_postgres_url), Seat(bare_postgres_url)
    yield both
    for seat in both:
        await seat.leave()


async def test_one_of_two_has_it_until_it_leaves(seats: tuple[Seat, Seat]) -> None:
    one, other = seats
    assert await one.take()
    assert not await other.take()
    assert await one.take()
    await one.leave()
    assert await other.take()


async def test_who_has_it_hears_what_others_ring_for(seats: tuple[Seat, Seat]) -> None:
    one, other = seats
    await one.take()
    await other.ring("retention/", "request log/7")
    heard = await one.rung(within_s=30)
    while len(heard) < 2:
        heard |= await one.rung(within_s=30)
    assert heard == {"retention/", "request log/7"}
    assert await one.rung(within_s=0.01) == set()


async def test_whoever_is_cut_off_from_the_database_learns_it_and_another_may_have_it(
    seats: tuple[Seat, Seat], postgres: PostgresServer
) -> None:
    one, other = seats
    assert await one.take()
    assert one._session is not None
    postgres.execute(f"SELECT pg_terminate_backend({one._session.info.backend_pid})")
    with pytest.raises(DatabaseUnavailable):
        await one.rung(within_s=0.01)
    assert await other.take()
    assert not await one.take()


async def test_a_process_that_says_nothing_any_more_is_put_out(seats: tuple[Seat, Seat]) -> None:
    one, other = seats
    await one.take()
    assert one._session is not None
    await one._session.execute("SET idle_session_timeout = '100ms'")
    while not await other.take():
        pass
    with pytest.raises(DatabaseUnavailable):
        await one.rung(within_s=0.01)


async def test_nobody_leads_from_a_standby(own_postgres: PostgresServer) -> None:
    own_postgres.execute("CREATE DATABASE kinora")
    own_postgres.execute("ALTER DATABASE kinora SET default_transaction_read_only = on")
    seat = Seat(own_postgres.url("kinora"))
    with pytest.raises(DatabaseUnavailable, match="read-only"):
        await seat.take()
    own_postgres.execute("ALTER DATABASE kinora RESET default_transaction_read_only")
    assert await seat.take()
    await seat.leave()


async def test_whoever_is_not_let_in_does_not_lead_and_says_why(own_postgres: PostgresServer) -> None:
    own_postgres.execute("CREATE ROLE bot")
    with pytest.raises(DatabaseUnavailable) as caught:
        await Seat(own_postgres.url("postgres", user="bot")).take()
    assert "not permitted to log in" in str(caught.value.__cause__)


async def test_a_server_that_is_not_there_says_nothing_of_the_password() -> None:
    with pytest.raises(DatabaseUnavailable) as caught:
        await Seat(f"postgresql://kinora:{PASSWORD}@127.0.0.1:1/kinora").take()
    assert PASSWORD not in f"{caught.value!r} {caught.value.__cause__!r}"

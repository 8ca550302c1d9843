"""What Discord's refusals are turned into; the publisher itself is driven in tests/e2e."""

import re
from types import SimpleNamespace
from typing import Any

import aiohttp
import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import (
    ClipTooLarge,
    DeliveryFault,
    DestinationForbidden,
    DestinationGone,
    DiscordUnavailable,
)
from bot.ui.directory import Directory
from bot.ui.faults import translated
from bot.ui.places import base36, snowflake
from bot.ui.threads import DiscordPublisher
from tests.ui.conftest import make_job


def http(kind: type[discord.HTTPException], status: int, code: int = 0) -> discord.HTTPException:
    response: Any = SimpleNamespace(status=status, reason="?")
    return kind(response, {"code": code, "message": "What Discord said"})


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (http(discord.HTTPException, 400, 40005), ClipTooLarge),
        (http(discord.HTTPException, 413, 40005), ClipTooLarge),
        (http(discord.HTTPException, 413), ClipTooLarge),
        (http(discord.HTTPException, 400, 50045), ClipTooLarge),
        (http(discord.NotFound, 404, 10003), DestinationGone),
        (http(discord.NotFound, 404, 10008), DestinationGone),
        (http(discord.NotFound, 404), DestinationGone),
        (http(discord.HTTPException, 400, 50083), DestinationGone),
        (http(discord.Forbidden, 403, 50001), DestinationForbidden),
        (http(discord.Forbidden, 403, 50013), DestinationForbidden),
        (http(discord.HTTPException, 400, 50035), DestinationForbidden),
        (http(discord.DiscordServerError, 500), DiscordUnavailable),
        (http(discord.DiscordServerError, 503), DiscordUnavailable),
        (http(discord.HTTPException, 429), DiscordUnavailable),
        (discord.RateLimited(99), DiscordUnavailable),
        (aiohttp.ServerDisconnectedError(), DiscordUnavailable),
        (TimeoutError(), DiscordUnavailable),
        (ConnectionResetError(), DiscordUnavailable),
    ],
)
async def test_what_discord_refuses_is_a_fault_of_ours(error: Exception, fault: type[DeliveryFault]) -> None:
    with pytest.raises(DeliveryFault) as found:
        async with translated():
            raise error
    assert type(found.value) is fault
    assert found.value.__cause__ is error


async def test_a_bug_stays_what_it_is() -> None:
    with pytest.raises(ZeroDivisionError):
        async with translated():
            raise ZeroDivisionError


@given(st.integers(0, 10**15), st.integers(2**40, 2**63 - 1))
def test_a_nonce_is_short_enough_and_the_jobs_and_the_places_own(job_id: int, channel_id: int) -> None:
    client: Any = object()
    publisher = DiscordPublisher(client, directory=Directory(client), installation="abc123")
    nonce = publisher._nonce(make_job(id=job_id), channel_id)
    assert len(nonce) <= 25
    found = re.fullmatch(r"abc123\.([0-9a-z]+)\.[0-9a-z]{1,6}", nonce)
    assert found
    assert int(found[1], 36) == job_id
    assert nonce != publisher._nonce(make_job(id=job_id), channel_id - 1)
    assert nonce == publisher._nonce(make_job(id=job_id), channel_id)


def test_numbers_are_written_in_letters_and_digits() -> None:
    assert [base36(number) for number in (0, 35, 36, 36**3 - 1)] == ["0", "z", "10", "zzz"]


@given(st.integers(1_420_070_400_000, 4_000_000_000_000))
def test_a_moment_is_the_first_id_of_its_millisecond(at_ms: int) -> None:
    made = discord.utils.snowflake_time(snowflake(at_ms))
    assert abs(made.timestamp() * 1000 - at_ms) < 1
    assert snowflake(0) == 0

"""Clients of one token, each with its share of what Discord allows that token."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack

import aiohttp
import discord
import pytest
from discord.http import Route
from yarl import URL

from bot.client import point_discord_at
from bot.db.postgres.database import PostgresDatabase
from bot.domain.duties import Duty, Role
from bot.sandbox import Hold, Sandbox
from bot.services.processes import Processes
from bot.services.rate_limit import RateLimit
from bot.web.rate_limit import counts, paced
from tests.patience import PATIENCE_S
from tests.services.databases import ServersClock
from tests.services.doubles import TurnedClock

TOKEN = "a-token-for-tests"
BASE = URL("https://discord.com/api/v10")


@pytest.fixture(autouse=True)
def _here(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Route, "BASE", Route.BASE)
    point_discord_at(sandbox.api_url, sandbox.gateway_url)


def client(limit: RateLimit | None) -> discord.Client:
    trace = aiohttp.TraceConfig()
    if limit is not None:
        paced(trace, limit, api_url=Route.BASE)
    return discord.Client(intents=discord.Intents.none(), http_trace=trace)


async def ask(sandbox: Sandbox, limits: list[RateLimit | None], *, each: int) -> Counter[int]:
    """What becomes of so many questions of each of some clients, all at once."""
    app = sandbox.add_application("Kinora", token=TOKEN)
    channels = [sandbox.add_guild(f"Club {n}", app=app).add_channel("general") for n in range(4)]
    clients = [client(limit) for limit in limits]
    for one in clients:
        await one.login(TOKEN)
    sandbox.requests.clear()
    sandbox.rate_limits.enforce_global(limit=10, per_s=1.0)
    async with asyncio.timeout(PATIENCE_S):
        asked = [one.fetch_channel(channels[n % 4].id) for one in clients for n in range(each)]
        await asyncio.gather(*asked)
    for one in clients:
        await one.close()
    return Counter(request.status for request in sandbox.requests)


async def test_clients_that_keep_to_their_shares_are_never_refused(sandbox: Sandbox) -> None:
    assert await ask(sandbox, [RateLimit(5), RateLimit(5)], each=15) == {200: 30}


async def test_clients_that_do_not_are(sandbox: Sandbox) -> None:
    assert (await ask(sandbox, [None, None], each=15))[429] > 0


async def looked(clock: TurnedClock, there: list[Processes]) -> None:
    """All look again, and what they have just sent is no longer counted."""
    clock.turn(4)
    for process in there:
        await process._look()
    await asyncio.sleep(1.1)


async def test_processes_that_share_a_database_share_the_limit_while_they_come_and_go(
    sandbox: Sandbox, postgres_url: str
) -> None:
    app = sandbox.add_application("Kinora", token=TOKEN)
    channel = sandbox.add_guild("Club", app=app).add_channel("general")
    clock, there, clients = ServersClock(postgres_url), list[Processes](), list[discord.Client]()
    async with AsyncExitStack() as stack:

        async def join() -> None:
            db = await PostgresDatabase.open(postgres_url)
            stack.push_async_callback(db.close)
            limit = RateLimit(20)
            one = Processes(db=db, clock=clock, duty=Duty(Role.WORKER), limit=limit, per_s=20)
            await one.begin()
            there.append(one)
            clients.append(await stack.enter_async_context(client(limit)))
            await clients[-1].login(TOKEN)

        async def all_ask(*counts: int) -> None:
            pairs = zip(clients, counts, strict=True)
            asked = [one.fetch_channel(channel.id) for one, count in pairs for _ in range(count)]
            async with asyncio.timeout(PATIENCE_S):
                await asyncio.gather(*asked)

        sandbox.rate_limits.enforce_global(limit=20, per_s=1.0)
        await join()
        await all_ask(30)
        await join()
        await all_ask(30, 3)
        for _ in range(2):
            await looked(clock, there)
        await all_ask(15, 15)
        await there[1].end()
        del there[1]
        for _ in range(2):
            await looked(clock, there)
        await all_ask(30, 0)
    assert Counter(request.status for request in sandbox.requests).keys() == {200}


async def test_an_answer_to_an_interaction_waits_for_nothing(sandbox: Sandbox) -> None:
    app = sandbox.add_application("Kinora", token=TOKEN)
    channel = sandbox.add_guild("Club", app=app).add_channel("general")
    limit = RateLimit(1)
    async with client(limit) as one:
        held = sandbox.faults.add("GET", "/channels/{channel_id}", Hold())
        await one.login(TOKEN)
        asking = [asyncio.ensure_future(one.fetch_channel(channel.id)) for _ in range(2)]
        await asyncio.wait_for(held.struck.wait(), PATIENCE_S)
        webhook = discord.Webhook.partial(1, "x" * 60, client=one)
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(discord.NotFound):
                await webhook.fetch_message(1)
        assert not any(task.done() for task in asking)
        held.release()
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*asking)


@pytest.mark.parametrize("path", ["channels/1/messages", "users/@me", "applications/1/commands"])
def test_what_discord_counts_for_the_token_is_counted(path: str) -> None:
    assert counts(BASE / path, BASE)


@pytest.mark.parametrize(
    "url",
    [
        "https://discord.com/api/v10/interactions/1/abc/callback",
        "https://discord.com/api/v10/webhooks/1/abc/messages/@original",
        "https://cdn.discordapp.com/attachments/1/2/a.png",
        "wss://gateway.discord.gg/?v=10",
        "https://discord.com/api/v100/users/@me",
    ],
)
def test_what_discord_does_not_count_for_the_token_is_not(url: str) -> None:
    assert not counts(URL(url), BASE)

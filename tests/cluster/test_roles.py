"""Several processes of one installation, each with its role: what they do together is what one does alone."""

from pathlib import Path

import pytest

from bot.sandbox import App, Sandbox, Server
from tests.cluster.members import Cluster, cluster
from tests.e2e.scenes import PICTURE, TOKEN
from tests.patience import PATIENCE_S


@pytest.fixture
def app(sandbox: Sandbox) -> App:
    app = sandbox.add_application("Kinora", token=TOKEN)
    app.max_concurrency = 16
    return app


def guilds(sandbox: Sandbox, app: App, shards: int) -> list[Server]:
    """One for each shard."""
    return [
        sandbox.add_guild(f"Club {number}", app=app, guild_id=(1_000_000 * shards + number) << 22)
        for number in range(shards)
    ]


async def clip_is_made(guild: Server) -> None:
    """Somebody asks for one and gets it."""
    mia, channel = guild.add_member("mia"), guild.add_channel("general")
    used = await mia.slash("animate", channel, image=PICTURE, prompt="it drifts")
    await used.response(lambda card: "See the clip" in card.text, timeout_s=3 * PATIENCE_S)


async def test_one_process_does_all_on_postgresql(
    sandbox: Sandbox, app: App, postgres_url: str, tmp_path: Path
) -> None:
    [guild] = guilds(sandbox, app, 1)
    async with cluster(sandbox, app, postgres_url, tmp_path) as installation:
        process = await installation.start()
        await process.up()
        await app.ready()
        await clip_is_made(guild)
        assert await process.stop() == 0


async def test_gateways_take_what_workers_make_and_another_goes_on_for_one_that_was_killed(
    sandbox: Sandbox, app: App, postgres_url: str, tmp_path: Path
) -> None:
    even, odd = guilds(sandbox, app, 2)
    async with cluster(sandbox, app, postgres_url, tmp_path) as installation:
        first = await installation.worker()
        await first.up()
        left, right = await installation.gateway("0/2"), await installation.gateway("1/2")
        await left.up()
        await right.up()
        await app.ready(sessions=2)
        await clip_is_made(even)
        await clip_is_made(odd)
        await first.kill()
        await (await installation.worker()).up()
        await clip_is_made(even)
        assert await right.stop() == 0
        assert synced(installation) == 1
    assert {line["role"] for line in right.logged()} == {"gateway"}
    assert {line["role"] for line in first.logged()} == {"worker"}


async def test_two_processes_do_not_keep_their_files_in_one_folder(
    sandbox: Sandbox, app: App, postgres_url: str, tmp_path: Path
) -> None:
    guilds(sandbox, app, 1)
    async with cluster(sandbox, app, postgres_url, tmp_path) as installation:
        first = await installation.worker(DATA_DIR=str(tmp_path / "one"))
        await first.up()
        second = await installation.worker(DATA_DIR=str(tmp_path / "one"))
        assert await second.end() == 1
        assert "give this one a folder of its own" in second.last_words()
        await first.kill()
        third = await installation.worker(DATA_DIR=str(tmp_path / "one"))
        await third.up()
        assert await third.stop() == 0


def synced(installation: Cluster) -> int:
    """How often commands were given to Discord."""
    return sum(one.log.read_text().count('"commands synced"') for one in installation.members)

"""Clips that nobody but a cluster's own workers make: where one dies, another makes its clips anew."""

import asyncio
from pathlib import Path

import pytest

from bot.sandbox import App, Message, Sandbox, shows
from bot.sandbox.actions import responding
from bot.sandbox.driver.used import Used
from tests.cluster.members import Member, cluster
from tests.e2e.scenes import CLIP_TIMEOUT_S, PICTURE, TOKEN
from tests.patience import PATIENCE_S

ROOM = {"LOCAL_CONCURRENCY": "4", "DEFAULT_USER_RUNNING": "4", "DEFAULT_GUILD_RUNNING": "4"}

LONG = {"duration": 10}


@pytest.fixture
def app(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> App:
    monkeypatch.setattr(responding, "ACK_WINDOW_S", PATIENCE_S)
    return sandbox.add_application("Kinora", token=TOKEN)


async def test_drafts_and_clips_are_made_by_several_workers_although_one_dies_over_them(
    sandbox: Sandbox, app: App, postgres_url: str, tmp_path: Path
) -> None:
    guild = sandbox.add_guild("Club", app=app)
    mia, channel = guild.add_member("mia"), guild.add_channel("general")
    async with cluster(sandbox, app, postgres_url, tmp_path, **ROOM) as installation:
        workers = [await installation.worker(), await installation.worker()]
        gateway = await installation.gateway("0/1")
        for one in installation.members:
            await one.up()
        await app.ready()
        asked = [
            await mia.slash("animate", channel, image=PICTURE, prompt="it drifts", **LONG, **chosen)
            for chosen in ({}, {}, {}, {"draft": True})
        ]
        doomed = await busy(workers)
        await doomed.kill()
        begun = unfinished(doomed)
        assert begun, "it ended its clips before it was killed"
        cards = await asyncio.gather(*(made(one) for one in asked))
        assert len({card.id for card in cards}) == 4
        workers.remove(doomed)
        assert [await one.stop() for one in (gateway, *workers)] == [0, 0]
        [other] = workers
        told = await asyncio.to_thread(other.log.read_text)
        assert all(key in told for key in begun)
        assert not list(other.log.parent.glob("data/local/*"))
    places = (*guild.channels.values(), *guild.threads)
    clips = {
        post.id
        for place in places
        for post in place.messages
        if any(f.filename.endswith(".mp4") for f in post.files)
    }
    assert len(clips) == 4


async def test_a_worker_that_is_asked_to_stop_leaves_its_clip_to_another_where_it_can_be_cancelled(
    sandbox: Sandbox, app: App, postgres_url: str, tmp_path: Path
) -> None:
    guild = sandbox.add_guild("Club", app=app)
    mia, channel = guild.add_member("mia"), guild.add_channel("general")
    async with cluster(sandbox, app, postgres_url, tmp_path) as installation:
        workers = [await installation.worker(), await installation.worker()]
        gateway = await installation.gateway("0/1")
        for one in installation.members:
            await one.up()
        await app.ready()
        used = await mia.slash("animate", channel, image=PICTURE, prompt="it drifts", **LONG, quality="pro")
        card = await used.response()
        first = await busy(workers)
        [second] = [one for one in workers if one is not first]
        assert await first.stop() == 0
        await busy([second])
        await mia.click(card, "Cancel")
        await shows(card, lambda shown: "Cancelled" in shown.text, timeout_s=PATIENCE_S)
        assert not list(second.log.parent.glob("data/local/*/*"))
        assert [await one.stop() for one in (gateway, second)] == [0, 0]


async def busy(workers: list[Member]) -> Member:
    """The first that is in the middle of a clip."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            for one in workers:
                if unfinished(one):
                    return one
            await asyncio.sleep(0.01)


def unfinished(worker: Member) -> set[str]:
    """The keys of clips that it has on its disk without an end."""
    begun = [path.parent for path in worker.log.parent.glob("data/local/*/scene.json")]
    return {folder.name for folder in begun if not (folder / "clip.mp4").exists()}


async def made(used: Used) -> Message:
    """The card, once it leads to the clip."""
    return await used.response(lambda card: "See the clip" in card.text, timeout_s=CLIP_TIMEOUT_S)

"""Requests that were acknowledged when the bot stopped, before they were jobs."""

import asyncio

import pytest

from bot.app import running
from bot.db import asks, jobs
from bot.domain.errors import NoSuchJob
from bot.sandbox import Answer, Drop, File, Hold, Used
from tests.e2e.scenes import PICTURE, Scene
from tests.held import held

CALLBACK = "/interactions/{interaction_id}/{interaction_token}/callback"


async def stopped_while_copying(scene: Scene, picture: File) -> Used:
    """Ask, and stop the bot between its acknowledgement and its copy of the picture."""
    fault = scene.sandbox.faults.add("GET", "/cdn", Hold(), times=None)
    async with held(running(scene.settings)):
        await scene.application.ready()
        used = await scene.mia.slash("animate", scene.channel, image=picture, draft=True)
        await asyncio.wait_for(fault.struck.wait(), 10)
    scene.sandbox.faults.clear()
    return used


async def test_a_request_that_was_acknowledged_becomes_a_job_at_the_next_start(scene: Scene) -> None:
    used = await stopped_while_copying(scene, PICTURE)
    async with held(running(scene.settings)) as app:
        card = await used.response()
        assert "Job 1" in card.text
        assert (await app.db.read(jobs.get(1))).origin.card_id == card.id
        assert await app.db.read(asks.left()) == []


async def test_a_bad_picture_is_refused_at_the_next_start_on_the_card(scene: Scene) -> None:
    used = await stopped_while_copying(scene, File("cat.png", b"no picture at all"))
    async with held(running(scene.settings)) as app:
        card = await used.response()
        assert "not a picture I can read" in card.text
        with pytest.raises(NoSuchJob):
            await app.db.read(jobs.get(1))


async def test_a_picture_that_is_gone_meanwhile_is_asked_for_again(scene: Scene) -> None:
    used = await stopped_while_copying(scene, PICTURE)
    scene.sandbox.faults.add("GET", "/cdn", Answer(404), times=None)
    async with held(running(scene.settings)):
        assert "attach it again" in (await used.response()).text


async def test_a_request_whose_acknowledgement_never_arrived_is_dropped(scene: Scene) -> None:
    scene.sandbox.faults.add("POST", CALLBACK, Drop(), times=None)
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        gone = scene.sandbox.faults.add("GET", "/channels/{channel_id}/messages", Hold())
        await scene.mia.slash("animate", scene.channel, image=PICTURE)
        await asyncio.wait_for(gone.struck.wait(), 10)
        assert len(await app.db.read(asks.left())) == 1
        gone.release()
        answer = await scene.mia.slash("queue", scene.channel)
        scene.sandbox.faults.clear()
        del answer
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        again = await (await scene.mia.slash("queue", scene.channel)).response()
        assert "nothing waits" in again.text
        assert await app.db.read(asks.left()) == []


async def test_an_acknowledgement_that_arrived_in_spite_of_the_connection_is_gone_on_with(
    scene: Scene,
) -> None:
    async with held(running(scene.settings)):
        await scene.application.ready()
        scene.sandbox.faults.add("POST", CALLBACK, Drop(after_effect=True))
        used = await scene.mia.slash("animate", scene.channel, image=PICTURE, draft=True)
        assert "Job 1" in (await used.response()).text

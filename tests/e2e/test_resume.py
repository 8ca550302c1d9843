"""Requests that were acknowledged when the bot stopped, before they were jobs."""

import asyncio

import pytest

from bot.app import running
from bot.db import asks, jobs
from bot.db.transaction import Transaction
from bot.domain.errors import NoSuchJob
from bot.domain.requests import Asked, Options
from bot.sandbox import Answer, Drop, File, Hold, Used
from tests.e2e.scenes import PICTURE, Scene, picture
from tests.held import held
from tests.patience import PATIENCE_S

CALLBACK = "/interactions/{interaction_id}/{interaction_token}/callback"


def asked_again(used: Used, scene: Scene) -> Asked:
    """The note of a request, as if forgetting it had failed."""
    return Asked(
        request_key=str(used.interaction.id),
        guild_id=scene.guild.id,
        channel_id=scene.channel.id,
        parent_id=None,
        user_id=scene.mia.id,
        upload_limit=10_485_760,
        options=Options(prompt="a boat"),
        image_url=None,
        end_frame_url=None,
    )


async def stopped_while_copying(scene: Scene, picture: File) -> Used:
    """Ask, and stop the bot between its acknowledgement and its copy of the picture."""
    fault = scene.sandbox.faults.add("GET", "/cdn", Hold(), times=None)
    async with held(running(scene.settings)):
        await scene.application.ready()
        used = await scene.mia.slash("animate", scene.channel, image=picture, draft=True)
        await asyncio.wait_for(fault.struck.wait(), PATIENCE_S)
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


async def test_an_offer_that_was_taken_up_is_gone_on_with(scene: Scene) -> None:
    async with held(running(scene.settings)):
        await scene.application.ready()
        used = await scene.mia.slash("animate", scene.channel, image=File("small.png", picture(200, 200)))
        offer = await used.response()
        hold = scene.sandbox.faults.add("POST", CALLBACK, Hold(after_effect=True))
        pressed = await scene.mia.click(offer, "Enlarge it")
        await asyncio.wait_for(hold.struck.wait(), PATIENCE_S)
    scene.sandbox.faults.clear()
    async with held(running(scene.settings)):
        assert "Job 1" in (await pressed.response()).text


async def test_what_was_refused_in_words_is_not_accepted_after_a_restart(scene: Scene) -> None:
    used = await stopped_while_copying(scene, File("cat.png", b"no picture at all"))
    async with held(running(scene.settings)) as app:
        await used.response()
        await app.db.write(asks.note(asked_again(used, scene), now_ms=1))
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        await (await scene.mia.slash("queue", scene.channel)).response()
        assert await app.db.read(asks.left()) == []
        with pytest.raises(NoSuchJob):
            await app.db.read(jobs.get(1))


async def test_a_note_of_another_version_is_passed_over(scene: Scene) -> None:
    def scribble() -> Transaction[None]:
        yield "INSERT INTO asks (request_key, asked, at_ms) VALUES ('1', '{\"new\": 1}', 1)", {}

    async with held(running(scene.settings)) as app:
        await app.db.write(scribble())
    async with held(running(scene.settings)):
        await scene.application.ready()
        answer = await (await scene.mia.slash("queue", scene.channel)).response()
        assert "nothing waits" in answer.text


async def test_a_request_whose_acknowledgement_never_arrived_is_dropped(scene: Scene) -> None:
    scene.sandbox.faults.add("POST", CALLBACK, Drop(), times=None)
    async with held(running(scene.settings)) as app:
        await scene.application.ready()
        gone = scene.sandbox.faults.add("GET", "/channels/{channel_id}/messages", Hold())
        await scene.mia.slash("animate", scene.channel, image=PICTURE)
        await asyncio.wait_for(gone.struck.wait(), PATIENCE_S)
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

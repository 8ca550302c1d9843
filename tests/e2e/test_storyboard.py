"""Storyboards, seen by the one who writes them."""

import pytest

from bot.app import running
from bot.db import jobs
from bot.domain.errors import NoSuchJob
from bot.sandbox import Drop, File, Hold, Message, Modal, Permission
from tests.e2e import studio
from tests.e2e.scenes import PICTURE, Bot, Scene
from tests.e2e.studio import Studio
from tests.held import held

FREE = "Nothing was charged."
CALLBACK = "/interactions/{interaction_id}/{interaction_token}/callback"
SHOTS = "3 | The boat leaves\n5 | A wave lifts it"
MODELS = """
[[model]]
provider = "local"
id = "local-camera"
name = "The local renderer"
tasks = ["image_to_video", "text_to_video"]
qualities = ["std", "pro"]
durations_s = [5, 8]
parameters = ["prompt", "end_frame", "shots", "watermark"]
price.per_second = { std = 1, pro = 2 }
"""


@pytest.fixture(autouse=True)
def models(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Studio:
    """A model that takes several shots."""
    scene.settings.data_dir.mkdir(parents=True)
    (scene.settings.data_dir / "models.toml").write_text(MODELS, encoding="utf-8")
    return studio.opened(monkeypatch)


async def opened(scene: Scene, **options: object) -> Modal:
    return await (await scene.mia.slash("storyboard", scene.channel, image=PICTURE, **options)).modal()


async def sent_off(scene: Scene, modal: Modal, text: str) -> Message:
    return await (await scene.mia.submit(modal, {"shots": text})).response()


async def test_shots_become_a_clip_as_long_as_all_of_them(bot: Bot, scene: Scene) -> None:
    modal = await opened(scene, quality="pro", watermark=True, spoiler=True, end_frame=PICTURE)
    card = await sent_off(scene, modal, SHOTS)
    assert "2 shots" in card.text
    assert card.ephemeral_to is None
    clip = await scene.clip_of(card)
    assert clip.files[0].is_spoiler
    request = (await bot.job()).request
    assert [(shot.duration_s, shot.prompt) for shot in request.shots] == [
        (3, "The boat leaves"),
        (5, "A wave lifts it"),
    ]
    assert (request.duration_s, request.quality, request.watermark) == (8, "pro", True)
    assert request.image == request.end_frame


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("3 | The boat leaves\nA wave lifts it", "Line 2 cannot be read"),
        ("4 | The boat leaves", "makes clips of 5 or 8 seconds, not 4"),
    ],
)
async def test_what_was_written_wrong_is_said_privately_and_written_on(
    bot: Bot, scene: Scene, text: str, said: str
) -> None:
    answer = await sent_off(scene, await opened(scene), text)
    assert said in answer.text
    assert FREE in answer.text
    assert text in answer.text
    assert answer.ephemeral_to is not None
    with pytest.raises(NoSuchJob):
        await bot.job()
    again = await (await scene.mia.click(answer, "Edit the shots")).modal()
    assert again.fields[0].component["value"] == text
    assert "2 shots" in (await sent_off(scene, again, SHOTS)).text
    assert (await bot.job()).request.duration_s == 8


@pytest.mark.usefixtures("bot")
async def test_two_that_are_being_written_do_not_mix(scene: Scene) -> None:
    first, second = await opened(scene, quality="std"), await opened(scene, quality="pro")
    assert "pro" in (await sent_off(scene, second, SHOTS)).text
    assert "std" in (await sent_off(scene, first, SHOTS)).text


async def test_a_modal_that_is_open_during_a_restart_is_taken(scene: Scene) -> None:
    async with held(running(scene.settings)):
        await scene.application.ready()
        modal = await opened(scene)
    async with held(running(scene.settings)):
        await scene.application.ready()
        assert "2 shots" in (await sent_off(scene, modal, SHOTS)).text


async def test_the_way_back_to_the_shots_survives_a_restart(scene: Scene) -> None:
    async with held(running(scene.settings)):
        await scene.application.ready()
        answer = await sent_off(scene, await opened(scene), "A boat")
    async with held(running(scene.settings)):
        await scene.application.ready()
        again = await (await scene.mia.click(answer, "Edit the shots")).modal()
        assert "2 shots" in (await sent_off(scene, again, SHOTS)).text


async def test_shots_that_were_acknowledged_become_a_job_at_the_next_start(scene: Scene) -> None:
    async with held(running(scene.settings)):
        await scene.application.ready()
        modal = await opened(scene)
        fault = scene.sandbox.faults.add("GET", "/cdn", Hold(), times=None)
        used = await scene.mia.submit(modal, {"shots": SHOTS})
        await fault.struck.wait()
    scene.sandbox.faults.clear()
    async with held(running(scene.settings)) as app:
        assert "2 shots" in (await used.response()).text
        assert len((await app.db.read(jobs.get(1))).request.shots) == 2


@pytest.mark.usefixtures("bot")
async def test_an_acknowledgement_of_shots_whose_connection_broke_is_gone_on_with(scene: Scene) -> None:
    modal = await opened(scene)
    scene.sandbox.faults.add("POST", CALLBACK, Drop(after_effect=True))
    assert "2 shots" in (await sent_off(scene, modal, SHOTS)).text


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sound": True}, "does not take sound; leave it out"),
        ({"model": "nope"}, "Choose one of the models at hand"),
        ({"end_frame": File("end.png", b"\x89PNG" + bytes(10_000_000))}, "the limit is"),
        ({"voices": "a,b,c"}, "voices"),
    ],
)
@pytest.mark.usefixtures("bot")
async def test_what_nobody_could_make_is_refused_before_it_is_written(
    scene: Scene, options: dict[str, object], said: str
) -> None:
    used = await scene.mia.slash("storyboard", scene.channel, image=PICTURE, **options)
    answer = await used.response()
    assert said in answer.text
    assert FREE in answer.text
    assert answer.ephemeral_to is not None


@pytest.mark.usefixtures("bot")
async def test_missing_permissions_are_named_beside_what_was_written(scene: Scene) -> None:
    modal = await opened(scene)
    scene.guild.set_overwrite(
        scene.channel, scene.guild.app_role(scene.application), deny=Permission.ATTACH_FILES
    )
    answer = await sent_off(scene, modal, SHOTS)
    assert "**Attach Files**" in answer.text
    assert SHOTS in answer.text


@pytest.mark.usefixtures("bot")
async def test_a_picture_that_is_none_is_refused_on_the_card(scene: Scene) -> None:
    used = await scene.mia.slash("storyboard", scene.channel, image=File("cat.png", b"no picture"))
    answer = await sent_off(scene, await used.modal(), SHOTS)
    assert "not a picture I can read" in answer.text


async def test_a_storyboard_of_somebody_else_is_not_taken(bot: Bot, scene: Scene) -> None:
    modal = await opened(scene)
    stranger = scene.guild.add_member("leo")
    answer = await (await stranger.submit(modal, {"shots": SHOTS})).response()
    assert "no longer open" in answer.text
    assert SHOTS in answer.text
    assert answer.ephemeral_to is not None
    with pytest.raises(NoSuchJob):
        await bot.job()

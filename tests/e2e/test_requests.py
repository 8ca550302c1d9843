"""Ways a request can go, seen by the one who asked."""

import pytest

from bot.domain.jobs import JobState
from bot.sandbox import ClientRefused, File, Kind, Permission, shows
from tests.e2e.scenes import CLIP_TIMEOUT_S, PICTURE, Bot, Scene, decoded, picture

pytestmark = pytest.mark.usefixtures("bot")

FREE = "Nothing was charged."


async def test_words_become_a_clip(scene: Scene) -> None:
    used = await scene.mia.slash("video", scene.channel, prompt="a paper boat", aspect="1:1")
    clip = await scene.clip_of(await used.response())
    seen = decoded(clip.files[0].data)
    assert (seen.width, seen.height) == (720, 720)


async def test_every_option_of_the_local_renderer_is_honoured(bot: Bot, scene: Scene) -> None:
    used = await scene.mia.slash(
        "animate",
        scene.channel,
        image=PICTURE,
        end_frame=File("end.jpg", picture(kind="JPEG")),
        prompt="to the harbour",
        duration=10,
        quality="pro",
        aspect="9:16",
        camera="roll",
        camera_amount=-3,
        spoiler=True,
    )
    clip = await scene.clip_of(await used.response())
    assert clip.files[0].is_spoiler
    seen = decoded(clip.files[0].data)
    assert (seen.width, seen.height, round(seen.seconds)) == (1080, 1920, 10)
    assert "roll -3" in clip.text
    assert (await bot.job()).credits == 20


async def test_a_draft_is_free(bot: Bot, scene: Scene) -> None:
    used = await scene.mia.slash("animate", scene.channel, image=PICTURE, draft=True)
    card = await used.response()
    assert "free draft" in card.text
    await scene.clip_of(card)
    assert (await bot.job()).credits == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"duration": 7}, "5 or 10 seconds"),
        ({"sound": True}, "does not take sound; leave it out"),
        ({"model": "kling-v9"}, "Choose one of the models at hand"),
        ({"camera": "zoom", "camera_amount": 0.0}, "an amount from -10 to 10 that is not 0"),
        ({"camera": "forward_up", "camera_amount": 3.0}, "takes no amount"),
    ],
)
async def test_what_cannot_be_made_is_refused_at_once_and_privately(
    scene: Scene, options: dict[str, object], said: str
) -> None:
    used = await scene.mia.slash("animate", scene.channel, image=PICTURE, **options)
    answer = await used.response()
    assert said in answer.text
    assert FREE in answer.text
    assert answer.ephemeral_to is not None


async def test_a_file_that_is_no_picture_is_refused_in_a_sentence(scene: Scene) -> None:
    used = await scene.mia.slash("animate", scene.channel, image=File("cat.png", b"MZ\x90 not a picture"))
    answer = await used.response()
    assert "not a picture I can read" in answer.text
    assert FREE in answer.text


async def test_a_picture_above_ten_megabytes_is_refused_before_it_is_fetched(scene: Scene) -> None:
    used = await scene.mia.slash(
        "animate", scene.channel, image=File("cat.png", b"\x89PNG" + bytes(10_000_000))
    )
    assert "the limit is" in (await used.response()).text


@pytest.mark.parametrize(("label", "ratio"), [("Add a blurred border", 2.5), ("Crop it", 2.5)])
async def test_a_picture_of_odd_shape_can_be_made_to_fit(scene: Scene, label: str, ratio: float) -> None:
    used = await scene.mia.slash(
        "animate", scene.channel, image=File("long.png", picture(1500, 400)), prompt="x"
    )
    offer = await used.response()
    assert FREE in offer.text
    pressed = await scene.mia.click(offer, label)
    clip = await scene.clip_of(await pressed.response())
    seen = decoded(clip.files[0].data)
    assert seen.width / seen.height == pytest.approx(ratio, rel=0.02)


async def test_an_offer_is_its_askers_and_taken_once(bot: Bot, scene: Scene) -> None:
    used = await scene.mia.slash("animate", scene.channel, image=File("small.png", picture(200, 200)))
    offer = await used.response()
    stranger = scene.guild.add_member("leo")
    refused = await (await stranger.click(offer, "Enlarge it")).response()
    assert "no longer open" in refused.text
    first = await scene.mia.click(offer, "Enlarge it")
    again = await scene.mia.click(offer, "Enlarge it")
    texts = [(await pressed.response()).text for pressed in (first, again)]
    assert sum("no longer open" in text for text in texts) == 1
    assert (await bot.job()).state is not JobState.FAILED


async def test_asked_in_a_thread_it_stays_there(scene: Scene) -> None:
    thread = await scene.mia.open_thread(scene.channel, "our film")
    used = await scene.mia.slash("animate", thread, image=PICTURE)
    clip = await scene.clip_of(await used.response())
    assert clip.channel_id == thread.id
    assert scene.guild.threads == [thread]


async def test_a_thread_locked_on_the_way_leaves_the_channel_above(scene: Scene) -> None:
    crew = scene.guild.add_role("crew", permissions=Permission.MANAGE_THREADS)
    ada = scene.guild.add_member("ada", roles=[crew])
    thread = await scene.mia.open_thread(scene.channel, "our film")
    await (await scene.mia.slash("animate", thread, image=PICTURE)).response()
    await ada.archive(thread, lock=True)
    clip = await scene.channel.next_message(lambda message: message.files, since=0, timeout_s=CLIP_TIMEOUT_S)
    assert clip.pinged == {scene.mia.id}


async def test_where_no_thread_can_be_made_the_clip_is_a_reply_in_the_channel(scene: Scene) -> None:
    channel = scene.guild.add_channel("voice", kind=Kind.VOICE)
    used = await scene.mia.slash("animate", channel, image=PICTURE)
    card = await used.response()
    clip = await scene.clip_of(card)
    assert clip.channel_id == channel.id
    assert clip.reference is not None
    assert clip.reference.message_id == card.id
    assert clip.pinged == {scene.mia.id}


async def test_a_thread_deleted_on_the_way_leaves_the_channel(scene: Scene) -> None:
    used = await scene.mia.slash("animate", scene.channel, image=PICTURE)
    card = await used.response()
    scene.guild.set_overwrite(
        scene.channel, scene.guild.app_role(scene.application), deny=Permission.CREATE_PUBLIC_THREADS
    )
    clip = await scene.clip_of(card)
    assert clip.channel_id == scene.channel.id


async def test_missing_permissions_are_named_before_anything_is_charged(scene: Scene) -> None:
    scene.guild.set_overwrite(
        scene.channel, scene.guild.app_role(scene.application), deny=Permission.ATTACH_FILES
    )
    answer = await (await scene.mia.slash("animate", scene.channel, image=PICTURE)).response()
    assert "**Attach Files**" in answer.text
    assert FREE in answer.text
    assert answer.ephemeral_to is not None


async def test_a_prompt_pings_nobody_and_leads_nowhere(scene: Scene) -> None:
    leo = scene.guild.add_member("leo")
    prompt = f"@everyone <@{leo.id}> **bold** `code` ``` https://example.com <#{scene.channel.id}>"
    used = await scene.mia.slash("animate", scene.channel, image=PICTURE, prompt=prompt)
    card = await used.response()
    clip = await scene.clip_of(card)
    assert card.pinged == frozenset()
    assert clip.pinged == {scene.mia.id}
    assert all("@" not in thread.name and "`" not in thread.name for thread in scene.guild.threads)


async def test_a_waiting_job_is_cancelled_from_its_card_by_its_owner_only(scene: Scene) -> None:
    cards = [
        await (
            await scene.mia.slash("animate", scene.channel, image=PICTURE, duration=10, quality="pro")
        ).response()
        for _ in range(4)
    ]
    waiting = cards[-1]
    stranger = scene.guild.add_member("leo")
    refused = await (await stranger.click(waiting, "Cancel")).response()
    assert "Only who asked for this clip may cancel it" in refused.text
    answer = await (await scene.mia.click(waiting, "Cancel")).response()
    assert "is cancelled" in answer.text
    await shows(waiting, lambda card: "Cancelled" in card.text and FREE in card.text)
    for card in cards[:-1]:
        await scene.mia.click(card, "Cancel")
    for card in cards[:-1]:
        await shows(card, lambda shown: "Cancelled" in shown.text)
    assert scene.clips() == []


async def test_a_moderator_may_cancel_anybodys_job(scene: Scene) -> None:
    role = scene.guild.add_role("crew", permissions=Permission.MANAGE_GUILD)
    moderator = scene.guild.add_member("ada", roles=[role])
    await (
        await scene.mia.slash("animate", scene.channel, image=PICTURE, duration=10, quality="pro")
    ).response()
    answer = await (await moderator.slash("cancel", scene.channel, id=1)).response()
    assert "Job 1" in answer.text
    assert FREE in answer.text or "being stopped" in answer.text


async def test_discord_py_offers_no_unknown_option(scene: Scene) -> None:
    with pytest.raises(ClientRefused):
        await scene.mia.slash("animate", scene.channel, prompt="no picture")


async def test_models_and_providers_are_suggested_with_their_price(scene: Scene) -> None:
    models = await scene.mia.autocomplete("animate", scene.channel, focused="model", value="loc")
    assert [choice.value for choice in models] == ["local-camera"]
    assert "5 credits" in models[0].name
    providers = await scene.mia.autocomplete("video", scene.channel, focused="provider", value="")
    assert [choice.value for choice in providers] == ["local"]

"""The button on a request's card with which the motion of its picture is painted, as a request of its own."""

import pytest

from bot.domain.jobs import Relation
from bot.sandbox import Message, Permission, Person, shows
from bot.sandbox.actions import threads
from bot.sandbox.actions.threads import Plan
from bot.sandbox.model.channels import Kind
from tests.e2e import studio
from tests.e2e.scenes import PICTURE, Scene
from tests.e2e.studio import Studio
from tests.e2e.test_buttons import MODELS, card_number
from tests.e2e.test_painting import Easel, cap, drawn, easel, link_in, public

PAINT = "Paint motion"


@pytest.fixture(autouse=True)
def provider(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Studio:
    """A quick one, of whose models one takes painted motion, though not at ten seconds."""
    other = (
        MODELS.replace("local-camera", "local-still").replace('"motion", ', "").replace("[5, 8]", "[5, 9]")
    )
    rule = 'exclusive = [["end_frame", "motion", "camera"]]\n'
    scene.settings.data_dir.mkdir(parents=True)
    (scene.settings.data_dir / "models.toml").write_text(f"{MODELS}{rule}{other}", encoding="utf-8")
    return studio.opened(monkeypatch)


async def made(scene: Scene, command: str = "animate", **options: object) -> Message:
    """The card of a request whose clip is there."""
    given: dict[str, object] = {"prompt": "the boat sails"} | options
    if command == "animate":
        given["image"] = PICTURE
    card = await (await scene.mia.slash(command, scene.channel, **given)).response()
    await scene.clip_of(card)
    return card


async def link_from(who: Person, card: Message) -> str:
    answer = await (await who.click(card, PAINT)).response(
        until=lambda message: "Paint it" in labels(message)
    )
    assert answer.ephemeral_to is who.user
    return link_in(answer)


def labels(message: Message) -> list[str]:
    return [str(button.label) for button in message.buttons]


async def refusal(who: Person, card: Message, words: str) -> Message:
    answer = await (await who.click(card, PAINT)).response(until=lambda message: words in message.text)
    assert answer.ephemeral_to is who.user
    assert labels(answer) == []
    return answer


async def sent(scene: Scene, board: Easel, link: str, **more: object) -> Message:
    """The card of what was painted."""
    status, told = await board.send(link, drawn(**more))
    assert (status, told["outcome"]) == (200, "made"), told
    card_id = (await board.bot.job(told["job"])).origin.card_id
    card = next(message for message in public(scene) if message.id == card_id)
    await shows(card, lambda message: f"Job {told['job']} " in message.text)
    return card


async def test_what_is_painted_from_a_card_is_a_request_of_its_own_with_that_ones_settings(
    scene: Scene,
) -> None:
    async with easel(scene) as board:
        first = await made(scene, quality="pro", spoiler=True)
        link = await link_from(scene.mia, first)
        facts = await board.facts(link)
        assert (facts["prompt"], facts["about"]) == ("the boat sails", "5 seconds · pro")
        assert facts["takes_place_of_question"] is False
        card = await sent(scene, board, link, price=10)
        await scene.clip_of(card)
        assert "Changed from [job 1](" in card.text
        before, after = await board.bot.job(), await board.bot.job(card_number(card))
        assert after.request.motion is not None
        assert (after.request.provider, after.request.model) == (
            "local",
            "local-camera",
        )  # as the page showed
        left_open = {"motion": None, "provider": None, "model": None}
        assert after.request.model_copy(update=left_open) == before.request
        assert after.origin.lineage is not None
        assert after.origin.lineage.relation is Relation.EDIT
        assert PAINT in labels(card)
        assert await board.bot.is_sound()


async def test_camera_end_frame_and_a_model_without_painted_motion_give_way_to_it(scene: Scene) -> None:
    async with easel(scene) as board:
        cards = [
            await made(scene, camera="zoom"),
            await made(scene, end_frame=PICTURE),
            await made(scene, model="local-still"),
        ]
        for card in cards:
            painted = await sent(scene, board, await link_from(scene.mia, card))
            job = await board.bot.job(card_number(painted))
            assert job.request.motion is not None
            assert (job.request.camera, job.request.end_frame, job.model) == (None, None, "local-camera")


async def test_a_waiting_request_offers_it_too_and_a_draft_stays_one(scene: Scene, provider: Studio) -> None:
    provider.hold()
    async with easel(scene) as board:
        used = await scene.mia.slash("animate", scene.channel, image=PICTURE, prompt="a boat", draft=True)
        card = await used.response(until=lambda message: "Cancel" in labels(message))
        assert labels(card) == ["Cancel", PAINT, "Show request"]
        link = await link_from(scene.mia, card)
        assert [one["price_words"] for one in (await board.facts(link))["models"]] == ["free"]
        provider.release()
        painted = await sent(scene, board, link, price=0)
        assert (await board.bot.job(card_number(painted))).request.draft


async def test_others_may_paint_it_too_and_pay_for_it_themselves(scene: Scene) -> None:
    leo = scene.guild.add_member("leo")
    async with easel(scene) as board:
        card = await sent(scene, board, await link_from(leo, await made(scene)))
        job = await board.bot.job(card_number(card))
        assert (job.origin.user_id, job.credits) == (leo.id, 5)


async def test_who_is_blocked_gets_no_link_and_whose_credits_are_used_up_no_clip(scene: Scene) -> None:
    crew = scene.guild.add_role("crew", permissions=Permission.MANAGE_GUILD)
    ada = scene.guild.add_member("ada", roles=[crew])
    async with easel(scene) as board:
        card = await made(scene)
        link = await link_from(scene.mia, card)
        await cap(board, scene, 5)
        status, told = await board.send(link)
        assert (status, "This clip costs 5 credits" in told["said"]) == (422, True)
        await (await ada.slash("quota block", scene.channel, member=scene.mia)).response()
        await refusal(scene.mia, card, "blocked")


async def test_a_picture_that_is_gone_is_said(scene: Scene) -> None:
    async with easel(scene) as board:
        card = await made(scene)
        image = (await board.bot.job()).request.image
        assert image is not None
        link = await link_from(scene.mia, card)
        for file in (scene.settings.data_dir / "blobs").rglob(f"*{image.blob[4:]}*"):
            file.unlink()
        await refusal(scene.mia, card, "not kept any more")
        status, told = await board.send(link)
        assert (status, told["outcome"]) == (422, "refused")
        assert "not kept any more" in told["said"]


async def test_a_clip_that_was_deleted_meanwhile_is_not_painted_and_its_card_offers_it_no_more(
    scene: Scene,
) -> None:
    async with easel(scene) as board:
        card = await made(scene)
        link = await link_from(scene.mia, card)
        await (await scene.mia.click(scene.clips()[-1], "Delete")).response()
        for part in ("", "/picture", "/facts"):  # before anybody paints on it
            status, _, said = await board.ask(f"{link}{part}")
            assert (status, b"This clip was deleted." in said) == (410, True)
        status, told = await board.send(link)
        assert (status, "This clip was deleted." in told["said"]) == (410, True)
        await shows(card, lambda message: labels(message) == ["Show request"])


async def test_what_was_asked_in_a_private_thread_is_painted_there(scene: Scene) -> None:
    async with easel(scene) as board:
        scene.guild.set_overwrite(
            scene.channel, scene.guild.everyone, allow=Permission.CREATE_PRIVATE_THREADS
        )
        plan = Plan("ours", Kind.PRIVATE_THREAD)
        thread = threads.open_alone(scene.sandbox.world, scene.channel, scene.mia.user, plan)
        threads.join(scene.sandbox.world, thread, scene.application.user)
        used = await scene.mia.slash("animate", thread, image=PICTURE, prompt="a boat")
        card = await used.response()
        await scene.clip_of(card)
        _, told = await board.send(await link_from(scene.mia, card))
        assert told["outcome"] == "made"
        assert (await board.bot.job(told["job"])).origin.is_private
        link = await link_from(scene.mia, card)
        threads.leave(scene.sandbox.world, thread, scene.mia.user)
        status, told = await board.send(link)
        assert (status, "can use me no longer" in told["said"]) == (422, True)


@pytest.mark.parametrize("options", [{"duration": 9, "model": "local-still"}, {"command": "video"}])
async def test_where_nobody_could_make_it_there_is_no_button(
    scene: Scene, options: dict[str, object]
) -> None:
    async with easel(scene):
        command = str(options.pop("command", "animate"))
        assert labels(await made(scene, command, **options)) == ["Show request"]


async def test_without_a_page_there_is_no_button_and_an_old_one_says_so(scene: Scene) -> None:
    async with easel(scene):
        old = await made(scene)
    async with easel(scene, public_url=None):
        await refusal(scene.mia, old, "no page to paint on")
        assert labels(await made(scene)) == ["Show request"]


async def test_a_draft_can_be_painted_from_the_command_too(scene: Scene) -> None:
    async with easel(scene) as board:
        used = await scene.mia.slash("motion", scene.channel, image=PICTURE, draft=True)
        link = link_in(await used.response())
        assert [one["price"] for one in (await board.facts(link))["models"]] == [0]
        card = await sent(scene, board, link, price=0)
        assert "free draft" in card.text
        draft = await board.bot.job(card_number(card))
        assert (draft.model, draft.request.provider, draft.request.model) == ("local-camera", None, None)

"""What a painting costs and what is said of it, whatever Discord does meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from bot.db import asks, guilds, paintings
from bot.db.errors import DatabaseUnavailable
from bot.db.transaction import Transaction
from bot.domain.jobs import Job, Origin
from bot.sandbox import Answer, Drop, Hold, Message, shows
from bot.services.generation import Ask, Generation
from bot.ui import intake, threads
from tests.e2e import studio
from tests.e2e.scenes import PICTURE, Scene
from tests.e2e.studio import Studio
from tests.e2e.test_motion import MODELS
from tests.e2e.test_painting import MESSAGES, Easel, cap, drawn, easel, link_in, link_of, prefer, public
from tests.patience import PATIENCE_S

MESSAGE = ("PATCH", "/channels/{channel_id}/messages/{message_id}")
ORIGINAL = ("PATCH", "/webhooks/{webhook_id}/{webhook_token}/messages/@original")
AWAY = Answer(503)

T = TypeVar("T")


@pytest.fixture(autouse=True)
def models(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Studio:
    """A quick model that takes painted motion."""
    scene.settings.data_dir.mkdir(parents=True)
    (scene.settings.data_dir / "models.toml").write_text(MODELS, encoding="utf-8")
    return studio.opened(monkeypatch)


async def price(board: Easel, scene: Scene, credits_per_s: int) -> None:
    await board.bot.app.db.write(guilds.set_price(scene.guild.id, "local-camera", credits_per_s))


async def asked(scene: Scene) -> Message:
    used = await scene.mia.slash("animate", scene.channel, image=PICTURE, prompt="a boat")
    return await used.response(until=lambda message: "Make it?" in message.text)


async def painted_on(scene: Scene, question: Message) -> str:
    """A link on which the motion of a question's request is painted."""
    return link_in(await (await scene.mia.click(question, "Paint motion")).response())


async def until(found: Callable[[], Awaitable[T]]) -> T:
    """What is found in the end."""
    async with asyncio.timeout(PATIENCE_S):
        while not (value := await found()):  # noqa: ASYNC110 - no bell rings for it
            await asyncio.sleep(0.02)
    return value


async def made(board: Easel) -> int:
    def counted() -> Transaction[int]:
        rows = yield "SELECT count(*) AS n FROM jobs", {}
        return rows[0]["n"]

    return await board.bot.app.db.read(counted())


async def _all_made(board: Easel, count: int) -> bool:
    return await made(board) == count and await _none_left(board)


async def _none_left(board: Easel) -> bool:
    return not await board.bot.app.db.read(asks.left())


async def _public(scene: Scene) -> list[Message]:
    return public(scene)


async def test_nobody_is_asked_in_the_channel_for_the_price_they_have_pressed_on_the_page(
    scene: Scene,
) -> None:
    async with easel(scene) as board:
        await prefer(board, scene, confirm_above=4)
        _, told = await board.send(await link_of(scene))
        assert told["outcome"] == "made"
        await scene.clip_of(public(scene)[0])


@pytest.mark.parametrize(("confirm_above", "shown", "now"), [(None, 0, 10), (4, 5, 10)])
async def test_more_than_the_page_showed_is_refused_with_the_new_price(
    scene: Scene, confirm_above: int | None, shown: int, now: int
) -> None:
    async with easel(scene) as board:
        await prefer(board, scene, confirm_above=confirm_above)
        await price(board, scene, shown // 5)
        link = await link_of(scene)
        assert (await board.facts(link))["models"][0]["price"] == shown
        await price(board, scene, now // 5)
        status, told = await board.send(link, drawn(price=shown))
        assert (status, told["outcome"], told["price"]) == (422, "refused", now)
        assert told["said"].startswith(f"This clip costs {now} credits by now, and the page showed {shown}")
        assert (public(scene), await made(board), await _none_left(board)) == ([], 0, True)
        assert (await board.send(link, drawn(price=now)))[1]["outcome"] == "made"
        await scene.clip_of(public(scene)[0])
        assert (await board.bot.job()).credits == now


async def test_a_price_that_rises_while_discord_is_away_is_asked_for(scene: Scene) -> None:
    async with easel(scene) as board:
        await prefer(board, scene, confirm_above=None)
        link = await link_of(scene)
        scene.sandbox.faults.add(*MESSAGES, AWAY, times=None)
        status, told = await board.send(link)
        assert (status, told["outcome"]) == (200, "asked")
        assert "is kept, and goes on by itself" in told["said"]
        await price(board, scene, 2)
        scene.sandbox.faults.clear()
        [question] = await until(lambda: _public(scene))
        await shows(question, lambda message: "Make it?" in message.text)
        assert "**10 credits**; it was 5 credits" in question.text
        await until(lambda: _none_left(board))
        assert await made(board) == 0
        assert (await board.send(link))[0] == 410


async def test_who_paints_while_discord_does_not_answer_is_told_so_and_others_may_paint(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with easel(scene) as board:
        links = [await link_of(scene) for _ in range(6)]
        fault = scene.sandbox.faults.add(*MESSAGES, Hold(), times=None)
        monkeypatch.setattr(intake, "_ANSWERED_WITHIN_S", 0.1)
        for link in links:
            status, told = await board.send(link)
            assert (status, told["outcome"]) == (200, "asked")
            assert "goes on by itself" in told["said"]
            assert (await board.send(link))[0] == 410
        fault.release()
        await until(lambda: _all_made(board, len(links)))


async def test_a_refusal_that_discord_did_not_take_is_none_yet(scene: Scene) -> None:
    async with easel(scene) as board:
        link = await link_of(scene)
        announced = scene.sandbox.faults.add(*MESSAGES, Hold())
        sending = asyncio.ensure_future(board.send(link))
        await asyncio.wait_for(announced.struck.wait(), PATIENCE_S)
        await cap(board, scene, 4)
        scene.sandbox.faults.add(*MESSAGE, AWAY, times=None)
        announced.release()
        status, told = await sending
        assert (status, told["outcome"]) == (200, "asked")
        assert "charged" not in told["said"]
        assert (await board.send(link))[0] == 410
        await cap(board, scene, 100)
        scene.sandbox.faults.clear()
        await until(lambda: _all_made(board, 1))
        card = public(scene)[0]
        await scene.clip_of(card)
        assert len(scene.clips()) == 1
        assert await board.bot.is_sound()


async def test_a_database_that_is_away_for_a_moment_takes_what_was_painted_later(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Generation.accept
    away = [DatabaseUnavailable(), DatabaseUnavailable()]

    async def accept(self: Generation, origin: Origin, ask: Ask) -> Job:
        if away:
            raise away.pop()
        return await honest(self, origin, ask)

    monkeypatch.setattr(Generation, "accept", accept)
    async with easel(scene) as board:
        link = await link_of(scene)
        status, told = await board.send(link)
        assert (status, told["outcome"]) == (200, "asked")
        assert "goes on by itself" in told["said"]
        assert (await board.send(link))[0] == 410
        await until(lambda: _all_made(board, 1))
        await scene.clip_of(public(scene)[0])


async def test_nothing_goes_on_for_a_member_who_was_forgotten_meanwhile(scene: Scene) -> None:
    async with easel(scene) as board:
        link = await link_of(scene)
        scene.sandbox.faults.add(*MESSAGES, AWAY, times=None)
        assert (await board.send(link))[1]["outcome"] == "asked"
        assert not await _nothing_goes_on()
        await board.bot.app.client.services.privacy.forget(scene.mia.id)
        scene.sandbox.faults.clear()
        await until(_nothing_goes_on)
        assert (public(scene), await made(board)) == ([], 0)


async def _nothing_goes_on() -> bool:
    return not [task for task in asyncio.all_tasks() if task.get_name().startswith("ask-")]


async def test_what_was_painted_is_taken_where_no_gateway_tells_of_servers(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with easel(scene) as board:
        link = await link_of(scene)
        with monkeypatch.context() as elsewhere:
            elsewhere.setattr(board.bot.app.client, "get_guild", dict[int, None]().get)
            elsewhere.setattr(board.bot.app.client, "get_channel", dict[int, None]().get)
            told = (await board.send(link))[1]
        assert (told["outcome"], told["said"]) == ("made", "Job 1 is queued; its card is in #general.")


async def test_a_bot_that_is_not_in_the_server_asks_for_patience(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with easel(scene) as board:
        link = await link_of(scene)
        with monkeypatch.context() as before_ready:
            before_ready.setattr(board.bot.app.client, "get_guild", dict[int, None]().get)
            missing = Answer(403, {"message": "Missing Access", "code": 50001})
            scene.sandbox.faults.add("GET", "/guilds/{guild_id}", missing)
            status, told = await board.send(link)
        assert (status, told["outcome"]) == (503, "refused")
        assert "only just come back" in told["said"]
        assert (await board.send(link))[1]["outcome"] == "made"


async def test_a_refusal_after_the_first_sign_of_life_leaves_the_painting_open(scene: Scene) -> None:
    async with easel(scene) as board:
        link = await link_of(scene)
        announced = scene.sandbox.faults.add(*MESSAGES, Hold())
        sending = asyncio.ensure_future(board.send(link))
        await asyncio.wait_for(announced.struck.wait(), PATIENCE_S)
        await cap(board, scene, 4)
        announced.release()
        status, told = await sending
        assert (status, told["outcome"]) == (422, "refused")
        assert "This clip costs 5 credits" in told["said"]
        assert "This clip costs 5 credits" in public(scene)[0].text
        await cap(board, scene, 100)
        assert (await board.send(link))[1]["outcome"] == "made"


async def test_a_button_under_an_old_price_shows_the_new_question_and_takes_nothing(scene: Scene) -> None:
    async with easel(scene) as board:
        await prefer(board, scene, confirm_above=4)
        question = await asked(scene)
        link = await painted_on(scene, question)
        await price(board, scene, 2)
        scene.sandbox.faults.add(*MESSAGE, AWAY, times=None)
        status, told = await board.send(link, drawn(price=10))
        assert (status, told["outcome"]) == (200, "asked")
        assert "**5 credits**" in question.text
        scene.sandbox.faults.clear()
        await scene.mia.click(question, "Make it")
        await shows(question, lambda message: "painted motion" in message.text)
        assert "**10 credits**; it was 5 credits" in question.text
        assert await made(board) == 0
        await scene.mia.click(question, "Make it")
        await scene.clip_of(question)
        job = await board.bot.job()
        assert (job.credits, job.request.motion is not None) == (10, True)


@pytest.mark.parametrize("button", ["Paint motion", "Never mind"])
async def test_any_old_button_shows_the_new_question(scene: Scene, button: str) -> None:
    async with easel(scene) as board:
        await prefer(board, scene, confirm_above=4)
        question = await asked(scene)
        link = await painted_on(scene, question)
        scene.sandbox.faults.add(*MESSAGE, Drop(), times=None)
        assert (await board.send(link))[1]["outcome"] == "asked"
        scene.sandbox.faults.clear()
        await scene.mia.click(question, button)
        await shows(question, lambda message: "painted motion" in message.text)
        await scene.mia.click(question, "Never mind")
        await shows(question, lambda message: "Withdrawn" in message.text)


async def test_a_question_costs_no_more_than_the_page_showed(scene: Scene) -> None:
    async with easel(scene) as board:
        await prefer(board, scene, confirm_above=4)
        question = await asked(scene)
        link = await painted_on(scene, question)
        await price(board, scene, 2)
        status, told = await board.send(link)
        assert (status, told["outcome"], told["price"]) == (422, "refused", 10)
        assert "painted motion" not in question.text
        assert (await board.send(link, drawn(price=10)))[1]["outcome"] == "asked"
        await shows(question, lambda message: "**10 credits**; it was 5 credits" in message.text)


async def test_what_is_gone_is_said_in_its_own_words(scene: Scene) -> None:
    async with easel(scene) as board:
        await prefer(board, scene, confirm_above=4)
        question = await asked(scene)
        first, second, third = [await painted_on(scene, question) for _ in range(3)]
        assert (await board.send(first))[1]["outcome"] == "asked"
        assert b"by another link" in await page_of(board, second)  # before anybody paints
        status, told = await board.send(second)
        assert (status, "by another link" in told["said"]) == (410, True)
        await scene.mia.click(question, "Never mind")
        await shows(question, lambda message: "Withdrawn" in message.text)
        assert b"answered in Discord meanwhile" in await page_of(board, third)
        status, told = await board.send(third)
        assert (status, "answered in Discord meanwhile" in told["said"]) == (410, True)
        status, told = await board.send(first)
        assert (status, "sent already" in told["said"]) == (410, True)


async def test_a_question_that_moderators_are_asked_by_now_is_not_painted_any_more(scene: Scene) -> None:
    role = scene.guild.add_role("crew")
    async with easel(scene) as board:
        await prefer(board, scene, confirm_above=4, approval_role_id=role.id)
        question = await asked(scene)
        link = await painted_on(scene, question)
        await scene.mia.click(question, "Make it")
        await shows(question, lambda message: "Make it?" not in message.text)
        assert b"answered in Discord meanwhile" in await page_of(board, link)  # before anybody paints


async def page_of(board: Easel, link: str) -> bytes:
    status, _, page = await board.ask(link)
    assert status == 410
    return page


async def test_a_sign_of_life_is_found_again_however_busy_the_channel_was_before(
    scene: Scene, models: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "_SEARCHED", 3)
    models.hold()  # a clip that is posted while messages get lost is in doubt for a minute
    async with easel(scene) as board:
        link = await link_of(scene)
        for number in range(4):
            await scene.mia.send(scene.channel, f"Number {number}")
        fault = scene.sandbox.faults.add(*MESSAGES, Drop(after_effect=True), times=None)
        _, told = await board.send(link)
        assert told["outcome"] == "made", fault.hits
        scene.sandbox.faults.clear()
        models.release()
        [card] = [message for message in public(scene) if message.author is not scene.mia.user]
        await scene.clip_of(card)


@pytest.mark.parametrize("fault", [Answer(403, {"message": "Missing Access", "code": 50001}), Drop()])
async def test_a_link_that_nobody_got_to_see_does_not_count(scene: Scene, fault: Answer | Drop) -> None:
    async with easel(scene) as board:
        edit = scene.sandbox.faults.add(*ORIGINAL, fault)
        used = await scene.mia.slash("motion", scene.channel, image=PICTURE)
        answer = await used.response(until=lambda message: bool(message.text))
        assert (edit.hits, answer.buttons) == (1, [])
        db, now_ms = board.bot.app.db, board.clock.now_ms()
        assert await db.read(paintings.open_of(scene.mia.id, now_ms=now_ms)) == 0

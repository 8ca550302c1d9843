"""Faults on request, seen from an unmodified client and from the bare API."""

import asyncio
import io

import aiohttp
import discord
import pytest

from bot.sandbox import Answer, Channel, Delay, Drop, File, Hold, Person, Sandbox, TooMany
from tests.sandbox.conftest import Rest, Start
from tests.sandbox.pictures import png

CREATE = "POST", "/channels/{channel_id}/messages"


async def test_an_answer_is_given_instead_of_the_effect(
    sandbox: Sandbox, rest: Rest, channel: Channel
) -> None:
    fault = sandbox.faults.add(*CREATE, Answer(500, {"message": "no", "code": 0}), nth=2, times=2)
    path = f"/channels/{channel.id}/messages"
    statuses = [(await rest("POST", path, {"content": str(number)}))[0] for number in range(4)]
    assert statuses == [200, 500, 500, 200]
    assert [message.text for message in channel.messages] == ["0", "3"]
    assert fault.hits == 2
    assert fault.struck.is_set()
    assert [request.status for request in sandbox.requests] == statuses


@pytest.mark.parametrize("after_effect", [False, True])
async def test_a_connection_can_be_cut_before_and_after_the_effect(
    sandbox: Sandbox, rest: Rest, channel: Channel, *, after_effect: bool
) -> None:
    sandbox.faults.add(*CREATE, Drop(after_effect=after_effect))
    path = f"/channels/{channel.id}/messages"
    body = {"content": "clip", "nonce": "n", "enforce_nonce": True}
    with pytest.raises(aiohttp.ClientError):
        await rest("POST", path, body)
    assert len(channel.messages) == int(after_effect)
    assert sandbox.requests[-1].status == 0
    assert (await rest("POST", path, body))[0] == 200
    assert len(channel.messages) == 1


@pytest.mark.parametrize("after_effect", [False, True])
async def test_a_request_can_be_held(
    sandbox: Sandbox, rest: Rest, channel: Channel, *, after_effect: bool
) -> None:
    fault = sandbox.faults.add("*", "*", Hold(after_effect=after_effect))
    sending = asyncio.ensure_future(rest("POST", f"/channels/{channel.id}/messages", {"content": "clip"}))
    await fault.struck.wait()
    assert len(channel.messages) == int(after_effect)
    assert not sending.done()
    fault.release()
    assert (await sending)[0] == 200
    assert len(channel.messages) == 1


async def test_a_client_retries_what_is_rate_limited(
    sandbox: Sandbox, start: Start, channel: Channel
) -> None:
    fault = sandbox.faults.add(*CREATE, TooMany(0.01))
    async with start() as bot:
        target = bot.get_partial_messageable(channel.id)
        await target.send("hello")
        assert fault.hits == 1
        assert [message.text for message in channel.messages] == ["hello"]


async def test_without_via_a_client_takes_it_for_the_proxy(
    sandbox: Sandbox, start: Start, channel: Channel
) -> None:
    sandbox.faults.add(*CREATE, TooMany(0.01, via=False))
    async with start() as bot:
        with pytest.raises(discord.HTTPException) as refused:
            await bot.get_partial_messageable(channel.id).send("hello")
        assert refused.value.status == 429


async def test_a_global_limit_is_told_as_such(sandbox: Sandbox, rest: Rest) -> None:
    sandbox.faults.add("GET", "/users/@me", TooMany(1.5, is_global=True))
    status, body = await rest("GET", "/users/@me")
    assert (status, body["global"], body["retry_after"]) == (429, True, 1.5)
    assert rest.headers["X-RateLimit-Global"] == "true"


async def test_downloads_fail_on_request_too(
    sandbox: Sandbox, start: Start, channel: Channel, mia: Person
) -> None:
    message = await mia.send(channel, files=[File("cat.png", png(2, 2))])
    async with start(), aiohttp.ClientSession() as session:
        sandbox.faults.add("GET", "/cdn", Drop(), times=2)  # aiohttp itself tries a GET twice
        sandbox.faults.add("GET", "/cdn", Answer(503), nth=3)
        with pytest.raises(aiohttp.ClientError):
            await session.get(message.files[0].url)
        async with session.get(message.files[0].url) as refused:
            assert refused.status == 503
        async with session.get(message.files[0].url) as answer:
            assert await answer.read() == png(2, 2)


@pytest.mark.parametrize("after_effect", [False, True])
async def test_a_slow_answer_comes_all_the_same(
    sandbox: Sandbox, rest: Rest, channel: Channel, *, after_effect: bool
) -> None:
    fault = sandbox.faults.add(*CREATE, Delay(0.05, after_effect=after_effect))
    sending = asyncio.ensure_future(rest("POST", f"/channels/{channel.id}/messages", {"content": "clip"}))
    await fault.struck.wait()
    assert len(channel.messages) == int(after_effect)
    assert (await sending)[0] == 200
    assert len(channel.messages) == 1


async def test_weather_is_asked_about_every_request_that_no_fault_hits(
    sandbox: Sandbox, rest: Rest, channel: Channel
) -> None:
    asked: list[tuple[str, str]] = []

    def weather(method: str, route: str) -> Answer | None:
        asked.append((method, route))
        return Answer(502) if len(asked) == 2 else None

    sandbox.faults.weather = weather
    sandbox.faults.add(*CREATE, Answer(500))
    path = f"/channels/{channel.id}/messages"
    statuses = [(await rest("POST", path, {"content": str(number)}))[0] for number in range(4)]
    assert statuses == [500, 200, 502, 200]
    assert asked == [CREATE] * 3
    sandbox.faults.clear()
    assert (await rest("POST", path, {"content": "4"}))[0] == 200
    assert len(asked) == 3


@pytest.mark.usefixtures("app")
async def test_clearing_lets_everybody_go(sandbox: Sandbox, rest: Rest) -> None:
    fault = sandbox.faults.add("GET", "/users/@me", Hold(), times=None)
    asking = asyncio.ensure_future(rest("GET", "/users/@me"))
    await fault.struck.wait()
    sandbox.faults.clear()
    assert (await asking)[0] == 200
    assert (await rest("GET", "/users/@me"))[0] == 200
    assert fault.hits == 1


async def test_an_upload_that_was_cut_after_the_effect_is_found_again_by_its_nonce(
    sandbox: Sandbox, start: Start, channel: Channel
) -> None:
    sandbox.faults.add(*CREATE, Drop(after_effect=True))
    async with start() as bot:
        target = bot.get_partial_messageable(channel.id)
        with pytest.raises(aiohttp.ClientError):
            await target.send(file=discord.File(io.BytesIO(b"clip"), "clip.mp4"), nonce="j1.0")
        again = await target.send(file=discord.File(io.BytesIO(b"clip"), "clip.mp4"), nonce="j1.0")
        assert [message.id for message in channel.messages] == [again.id]

"""Rate limits: told in headers, and enforced where a test wants them."""

import pytest

from bot.sandbox import Channel, Sandbox
from tests.sandbox.conftest import Rest, Start

CREATE = "POST", "/channels/{channel_id}/messages"


async def test_every_answer_tells_its_bucket(rest: Rest, channel: Channel) -> None:
    await rest("POST", f"/channels/{channel.id}/messages", {"content": "hi"})
    created = rest.headers["X-RateLimit-Bucket"]
    await rest("GET", f"/channels/{channel.id}/messages")
    assert rest.headers["X-RateLimit-Bucket"] != created
    assert int(rest.headers["X-RateLimit-Remaining"]) > 1000


async def test_a_limit_holds_for_each_channel(sandbox: Sandbox, rest: Rest, channel: Channel) -> None:
    other = sandbox.world.guilds[channel.guild_id or 0].add_channel("other")
    sandbox.rate_limits.enforce(*CREATE, limit=2, per_s=60)
    path = f"/channels/{channel.id}/messages"
    answers = [await rest("POST", path, {"content": "hi"}) for _ in range(3)]
    assert [status for status, _ in answers] == [200, 200, 429]
    assert 0 < answers[2][1]["retry_after"] <= 60
    assert rest.headers["Via"]
    assert rest.headers["X-RateLimit-Remaining"] == "0"
    assert (await rest("POST", f"/channels/{other.id}/messages", {"content": "hi"}))[0] == 200
    sandbox.rate_limits.lift()
    assert (await rest("POST", path, {"content": "hi"}))[0] == 200


@pytest.mark.usefixtures("app")
async def test_the_global_limit_counts_all_but_interactions(sandbox: Sandbox, rest: Rest) -> None:
    sandbox.rate_limits.enforce_global(limit=1, per_s=60)
    assert (await rest("GET", "/users/@me"))[0] == 200
    status, body = await rest("GET", "/oauth2/applications/@me")
    assert (status, body["global"]) == (429, True)
    assert (await rest("POST", "/interactions/1/x/callback", {"type": 5}))[0] == 404


async def test_a_client_keeps_to_the_limit_by_itself(
    sandbox: Sandbox, start: Start, channel: Channel
) -> None:
    sandbox.rate_limits.enforce(*CREATE, limit=2, per_s=0.05)
    async with start() as bot:
        for number in range(5):
            await bot.get_partial_messageable(channel.id).send(str(number))
    assert [message.text for message in channel.messages] == ["0", "1", "2", "3", "4"]
    assert all(request.status != 429 for request in sandbox.requests)

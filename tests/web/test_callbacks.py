import asyncio
import base64
import gzip
import hashlib
import hmac
import json
import logging
import re
from collections.abc import Generator
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.services.news import Notice
from bot.web.callbacks import MAX_BODY_BYTES, MIN_SECRET_LENGTH, secret_of
from bot.web.signature import signing_key
from tests.patience import PATIENCE_S
from tests.web.conftest import PLAIN, SIGNED, WEBHOOK_SECRET, Site, rest

KKIAI = f"/callbacks/kkiai/{PLAIN}"
KLING = f"/callbacks/kling/{SIGNED}"
BODY = b'{"task_id":"827","task_status":"succeed","task_info":{"external_task_id":"kinora-abc123-17-2"}}'
NOTICE = Notice("kinora-abc123-17-2", ("827",))


@pytest.fixture(autouse=True)
def logged(caplog: pytest.LogCaptureFixture) -> Generator[list[Any]]:
    """Everything that is logged; none of it may hold a secret."""
    caplog.set_level(logging.DEBUG)
    with capture_logs() as logs:
        yield logs
    everything = f"{logs} {caplog.text} {[vars(record) for record in caplog.records]}"
    for secret in (PLAIN, SIGNED, WEBHOOK_SECRET, WEBHOOK_SECRET.removeprefix("whsec_")):
        assert secret not in everything


def signed(
    body: bytes, *, at_s: float, message_id: str = "msg_1", key: str = WEBHOOK_SECRET
) -> dict[str, str]:
    text = b"%s.%d.%s" % (message_id.encode(), at_s, body)
    digest = base64.b64encode(hmac.digest(signing_key(key), text, hashlib.sha256)).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at_s)),
        "webhook-signature": f"v1,{digest}",
    }


async def post(site: Site, path: str, body: bytes = BODY, headers: dict[str, str] | None = None) -> int:
    async with site.client.post(site.url(path), data=body, headers=headers) as response:
        await response.read()
        return response.status


async def test_a_callback_tells_which_task_it_is_about(site: Site) -> None:
    assert await post(site, KKIAI) == 200
    assert site.told == [("kkiai", NOTICE)]


async def test_what_a_callback_says_of_the_state_does_not_matter(site: Site) -> None:
    assert await post(site, KKIAI, BODY.replace(b"succeed", b"failed")) == 200
    assert await post(site, KKIAI, BODY.replace(b'"succeed"', b'{"x":[]}')) == 200
    assert site.told == [("kkiai", NOTICE)] * 2


async def test_a_callback_about_no_task_is_taken_and_logged(site: Site, logged: list[Any]) -> None:
    assert await post(site, KKIAI, b"{}") == 200
    assert site.told == []
    assert any(one["event"] == "callback about no task" for one in logged)


async def test_a_wrong_secret_an_unknown_provider_and_an_unknown_page_look_the_same(site: Site) -> None:
    paths = [
        f"/callbacks/kkiai/{PLAIN}x",
        f"/callbacks/kkiai/{PLAIN[:-1]}",
        f"/callbacks/kkiai/{SIGNED}",
        f"/callbacks/kling/{PLAIN}",
        f"/callbacks/nobody/{PLAIN}",
        "/callbacks/nobody/nothing",
        "/nowhere",
    ]
    answers: set[Any] = set()
    for path in paths:
        async with site.client.post(site.url(path), data=BODY) as response:
            headers = {name: value for name, value in response.headers.items() if name != "Date"}
            answers.add((response.status, response.reason, str(headers), await response.text()))
    [(status, *_)] = answers
    assert status == 404
    assert site.told == []


@pytest.mark.parametrize(
    "path",
    [
        f"{KKIAI}/",
        f"{KKIAI}/more",
        f"/{KKIAI}",
        f"/callbacks//{PLAIN}",
        "/callbacks/kkiai/",
        f"/callbacks/kkiai/%2e%2e/{PLAIN}",
        f"/callbacks/nobody/../kkiai%2F{PLAIN}",
        f"/callbacks/kkiai/{PLAIN}%00",
        f"/callbacks/kkiai/{PLAIN}%20",
        f"/callbacks/kkiai/{PLAIN.upper()}",
        f"/callbacks/KKIAI/{PLAIN}",
        "/callbacks/kkiai/%ff%fe",
        "/callbacks/kkiai/%ED%A0%80",
        "/callbacks/kkiai/%zz",
        f"/callbacks/kkiai/{'x' * 4000}",
        "/callbacks/__class__/__init__",
        "/callbacks",
        "/",
        "/../../etc/passwd",
    ],
)
async def test_a_path_that_is_not_quite_right_is_not_found(site: Site, path: str) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: kinora\r\nContent-Length: {len(BODY)}\r\n\r\n"
    answer = await site.raw(head.encode() + BODY)
    assert answer.startswith((b"HTTP/1.1 404 ", b"HTTP/1.1 400 "))
    assert site.told == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
async def test_only_posts_are_callbacks_whether_the_secret_is_right_or_not(site: Site, method: str) -> None:
    for path in (KKIAI, "/callbacks/kkiai/nothing", "/callbacks/nobody/nothing"):
        async with site.client.request(method, site.url(path), data=BODY) as response:
            assert response.status == 405
    assert site.told == []


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"{", b"task_id=827", b"\xff\x00", b"[" * 200_000, b'{"data":' * 30_000]
)
async def test_what_is_no_json_object_is_a_bad_request(site: Site, body: bytes, logged: list[Any]) -> None:
    assert await post(site, KKIAI, body) == 400
    assert site.told == []
    assert logged[-1]["event"] == "callback not understood"


async def test_the_largest_body_is_read_and_a_larger_one_is_not(site: Site) -> None:
    padding = b" " * (MAX_BODY_BYTES - len(BODY))
    assert await post(site, KKIAI, BODY + padding) == 200
    assert await post(site, KKIAI, BODY + padding + b" ") == 413
    assert len(site.told) == 1


async def test_a_body_without_end_is_cut_off(site: Site) -> None:
    head = f"POST {KKIAI} HTTP/1.1\r\nHost: kinora\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    sent = 0

    async def send() -> None:
        nonlocal sent
        writer.write(head)
        while True:
            writer.write(chunk)
            await writer.drain()
            sent += len(chunk)

    async with asyncio.timeout(PATIENCE_S):
        sending = asyncio.ensure_future(send())
        assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")
        with pytest.raises(ConnectionError):
            await sending
    writer.close()
    assert sent > MAX_BODY_BYTES
    assert site.told == []


async def test_a_compressed_body_is_not_unpacked(site: Site) -> None:
    bomb = gzip.compress(b'{"task_id":"827"}' + b" " * 50_000_000)
    assert len(bomb) < MAX_BODY_BYTES
    assert await post(site, KKIAI, bomb, {"Content-Encoding": "gzip"}) == 400
    assert site.told == []


async def test_a_signed_callback_is_taken(site: Site) -> None:
    assert await post(site, KLING, BODY, signed(BODY, at_s=site.clock.now_ms() / 1000)) == 200
    assert site.told == [("kling", NOTICE)]


async def test_where_a_signature_is_due_an_unsigned_callback_is_refused(
    site: Site, logged: list[Any]
) -> None:
    assert await post(site, KLING) == 401
    assert site.told == []
    assert logged[-1]["event"] == "callback refused"
    assert logged[-1]["reason"] == "A webhook header is missing."


async def test_a_signature_is_good_for_its_body_only_and_for_five_minutes(
    site: Site, logged: list[Any]
) -> None:
    headers = signed(BODY, at_s=site.clock.now_ms() / 1000)
    assert await post(site, KLING, BODY, headers) == 200
    assert await post(site, KLING, BODY.replace(b"827", b"828"), headers) == 401
    site.clock.turn(300)
    assert await post(site, KLING, BODY, headers) == 200
    site.clock.turn(1)
    assert await post(site, KLING, BODY, headers) == 401
    assert "clock" in logged[-1]["reason"]
    assert site.told == [("kling", NOTICE)] * 2


async def test_the_signature_is_judged_before_the_body_is_understood(site: Site) -> None:
    headers = signed(b"no json", at_s=site.clock.now_ms() / 1000)
    assert await post(site, KLING, b"no json!", headers) == 401
    assert await post(site, KLING, b"no json", headers) == 400


async def test_a_signature_does_not_help_with_a_wrong_secret_in_the_path(site: Site) -> None:
    headers = signed(BODY, at_s=site.clock.now_ms() / 1000)
    assert await post(site, f"/callbacks/kling/{PLAIN}", BODY, headers) == 404


async def test_headers_of_any_bytes_are_a_refusal_and_no_failure(site: Site) -> None:
    head = (
        f"POST {KLING} HTTP/1.1\r\nHost: kinora\r\nContent-Length: 2\r\nwebhook-timestamp: 1790000000\r\n".encode()
        + b"webhook-id: \xff\xfe\xc3\r\nwebhook-signature: v1,\xff v1,\xed\xa0\x80\r\n\r\n{}"
    )
    assert (await site.raw(head)).startswith(b"HTTP/1.1 401 ")


async def test_thousands_of_the_same_callback_are_each_answered(site: Site) -> None:
    at_once = asyncio.Semaphore(50)

    async def one() -> int:
        async with at_once:
            return await post(site, KKIAI)

    assert set(await asyncio.gather(*(one() for _ in range(3000)))) == {200}
    assert site.told == [("kkiai", NOTICE)] * 3000


async def test_news_that_fail_are_a_logged_error_and_the_next_callback_is_taken(
    site: Site, logged: list[Any]
) -> None:
    site.news_fault = ZeroDivisionError()
    assert await post(site, KKIAI) == 500
    assert [one["event"] for one in logged if one["log_level"] == "error"] == ["request failed"]
    site.news_fault = None
    assert await post(site, KKIAI) == 200


async def test_a_client_that_leaves_in_the_middle_of_a_body_is_no_error(
    unserved: Site, logged: list[Any]
) -> None:
    async with unserved.served():
        head = f"POST {KKIAI} HTTP/1.1\r\nHost: kinora\r\nContent-Length: 100\r\n\r\n".encode()
        await unserved.raw(head + b'{"task_id":', then_close=True)
        assert await post(unserved, KKIAI, json.dumps({"id": "1"}).encode()) == 200
    assert unserved.told == [("kkiai", Notice(None, ("1",)))]
    assert not [one for one in logged if one["log_level"] in ("warning", "error")]


@pytest.mark.parametrize("begun", [b"", b"2\r\n{}\r\n"], ids=["at once", "later"])
async def test_a_body_that_is_not_encoded_as_it_says_is_a_bad_request(
    site: Site, begun: bytes, logged: list[Any]
) -> None:
    head = f"POST {KKIAI} HTTP/1.1\r\nHost: kinora\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    assert b" 400 " in await site.raw(head + begun + b"no number\r\n{}\r\n0\r\n\r\n")
    assert site.told == []
    assert not [one for one in logged if one["log_level"] in ("warning", "error")]


async def test_a_body_that_goes_wrong_while_it_is_read_is_not_waited_for(
    unserved: Site, logged: list[Any]
) -> None:
    async with unserved.served(patience_s=0.2):
        reader, writer = await asyncio.open_connection("127.0.0.1", unserved.port)
        head = f"POST {KKIAI} HTTP/1.1\r\nHost: kinora\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(head.encode())
        assert b" 100 " in await reader.readline()  # it is being read
        writer.write(b"no number\r\n")
        await rest(reader)
        writer.close()
    assert unserved.told == []
    assert not [one for one in logged if one["log_level"] in ("warning", "error")]


def test_each_provider_has_a_secret_of_its_own_that_stays_the_same() -> None:
    secrets = [secret_of("of the installation", name) for name in ("kling", "kkiai", "")]
    assert secrets == [secret_of("of the installation", name) for name in ("kling", "kkiai", "")]
    assert len({*secrets, secret_of("of another", "kling")}) == 4


def test_a_secret_of_a_provider_is_the_hmac_in_the_alphabet_of_urls() -> None:
    secret = secret_of("of the installation", "kling")
    assert re.fullmatch("[A-Za-z0-9_-]{43}", secret)
    assert len(secret) >= MIN_SECRET_LENGTH
    expected = hmac.new(b"of the installation", b"kling", hashlib.sha256).digest()
    assert base64.urlsafe_b64decode(secret + "=") == expected

import asyncio
import io
import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from bot import logs

TOKEN = "aW50ZXJhY3Rpb246MTIzNDU2Nzg5MDEyMzQ1Njc4OTA"
SECRET = "MTIzNDU2Nzg5MDEy.GabcdE.secret-part_of"

Configured = Callable[..., io.StringIO]

LIBRARIES = ("discord", "asyncio", "aiosqlite", "PIL", "procrastinate", "psycopg.pool")


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> Iterator[Configured]:
    """Sets up logging as the command line does, to a text of our own; everything is put back afterwards."""
    root = logging.getLogger()
    levels = {name: logging.getLogger(name).level for name in LIBRARIES}
    before = root.handlers, root.level

    def configure(
        layout: str = "json", level: str = "info", *, tty: bool = False, **always: str
    ) -> io.StringIO:
        text = io.StringIO()
        monkeypatch.setattr(text, "isatty", lambda: tty)
        monkeypatch.setattr(sys, "stderr", text)
        logs.configure(level=level, layout=layout, **always)  # type: ignore[arg-type] - the literals are parametrized
        return text

    yield configure
    root.handlers, root.level = before
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def fail(error: Exception) -> None:
    raise error


def events(text: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"POST /webhooks/123/{TOKEN}/messages/@original", "POST /webhooks/123/…/messages/@original"),
        (
            f"https://x/api/v10/interactions/123/{TOKEN}/callback",
            "https://x/api/v10/interactions/123/…/callback",
        ),
        (f"/webhooks/123/{TOKEN}?wait=true", "/webhooks/123/…?wait=true"),
        (f"{{'Authorization': 'Bot {SECRET}'}}", "{'Authorization': 'Bot …'}"),
        ("Authorization: Bearer eyJhbGciOi.abc/def+ghi==", "Authorization: Bearer …"),
        ("bearer sk/very+secret=", "bearer …"),
        ("https://cdn/x.png?ex=6a&is=6b&hm=6c&w=3", "https://cdn/x.png?ex=…&is=…&hm=…&w=3"),
        (
            "https://s3/x?X-Amz-Credential=AK/1&X-Amz-Signature=9f",
            "https://s3/x?X-Amz-Credential=…&X-Amz-Signature=…",
        ),
        ("https://oss/x.mp4?Expires=5&Signature=a%2Fb", "https://oss/x.mp4?Expires=5&Signature=…"),
        ("https://v/x?token=abc and more", "https://v/x?token=… and more"),
    ],
)
def test_what_lets_others_in_is_masked(text: str, masked: str) -> None:
    assert logs.redact(text) == masked
    assert logs.redact(masked) == masked


@pytest.mark.parametrize(
    "text", ["", "job 7 done", "/channels/123/messages/456", "https://x/?width=3&index=4"]
)
def test_the_rest_stays(text: str) -> None:
    assert logs.redact(text) == text


def test_an_event_is_a_line_of_json_with_its_ids(configured: Configured) -> None:
    text = configured()
    structlog.stdlib.get_logger("bot.test").info("accepted", job=7, guild=2**60, provider="local")
    [event] = events(text)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", event.pop("timestamp"))
    assert event == {
        "event": "accepted", "job": 7, "guild": 2**60, "provider": "local", "level": "info", "logger": "bot.test"
    }  # fmt: skip


def test_every_line_of_a_process_says_its_role_also_of_what_is_followed(configured: Configured) -> None:
    text = configured(role="worker")
    logs.follow(job=42)
    structlog.stdlib.get_logger("kinora").info("done")
    logging.getLogger("procrastinate").warning("late")
    lines = [json.loads(line) for line in text.getvalue().splitlines()]
    assert [(line["event"], line["role"], line["job"]) for line in lines] == [
        ("done", "worker", 42),
        ("late", "worker", 42),
    ]


def test_what_is_bound_to_the_context_is_in_every_event(configured: Configured) -> None:
    text = configured()
    with structlog.contextvars.bound_contextvars(job=7):
        structlog.stdlib.get_logger("bot.test").info("one")
        logging.getLogger("other").warning("two")
    assert [event["job"] for event in events(text)] == [7, 7]


def test_the_loggers_of_libraries_come_out_alike(configured: Configured) -> None:
    text = configured()
    logging.getLogger("discord.http").warning("rate limited on %s", f"/webhooks/1/{TOKEN}")
    [event] = events(text)
    assert event["event"] == "rate limited on /webhooks/1/…"
    assert (event["level"], event["logger"]) == ("warning", "discord.http")


@pytest.mark.parametrize("layout", ["json", "console"])
@pytest.mark.parametrize("from_library", [False, True])
def test_secrets_are_masked_in_values_and_in_tracebacks_too(
    configured: Configured, layout: str, *, from_library: bool
) -> None:
    text = configured(layout)
    log: Any = logging.getLogger("other") if from_library else structlog.stdlib.get_logger("bot.test")
    try:
        fail(RuntimeError(f"Bot {SECRET} at /interactions/1/{TOKEN}/callback"))
    except RuntimeError as error:
        log.exception("failed")
        if not from_library:
            log.warning("again", url=f"/webhooks/1/{TOKEN}", fault=error)
    assert "RuntimeError" in text.getvalue()
    assert "Traceback" in text.getvalue()
    assert SECRET not in text.getvalue()
    assert TOKEN not in text.getvalue()


def test_a_traceback_is_one_line_of_json(configured: Configured) -> None:
    text = configured()
    try:
        fail(ValueError('über\n"quoted"'))
    except ValueError:
        structlog.stdlib.get_logger("bot.test").exception("crashed", job=1)
    [event] = events(text)
    assert event["exception"].endswith('ValueError: über\n"quoted"')


def test_on_a_console_an_event_is_a_line_for_people(configured: Configured) -> None:
    text = configured("console")
    structlog.stdlib.get_logger("bot.test").info("accepted", job=7)
    [line] = text.getvalue().splitlines()
    assert "accepted" in line
    assert "job=7" in line
    assert "\x1b" not in line


def test_a_terminal_gets_colours(configured: Configured) -> None:
    text = configured("console", tty=True)
    structlog.stdlib.get_logger("bot.test").info("accepted")
    assert "\x1b[" in text.getvalue()


@pytest.mark.parametrize(("tty", "is_json"), [(True, False), (False, True)])
def test_left_alone_it_is_for_people_on_a_terminal_and_json_elsewhere(
    configured: Configured, *, tty: bool, is_json: bool
) -> None:
    text = configured("auto", tty=tty)
    structlog.stdlib.get_logger("bot.test").info("accepted")
    assert text.getvalue().startswith("{") is is_json


def test_set_up_twice_nothing_is_said_twice(configured: Configured) -> None:
    first = configured()
    second = configured()
    structlog.stdlib.get_logger("bot.test").info("once")
    logging.getLogger("other").warning("once")
    assert first.getvalue() == ""
    assert len(events(second)) == 2


def test_what_is_below_the_level_is_not_said(configured: Configured) -> None:
    text = configured(level="warning")
    log = structlog.stdlib.get_logger("bot.test")
    log.debug("no")
    log.info("no")
    logging.getLogger("other").info("no")
    log.warning("yes")
    assert [event["event"] for event in events(text)] == ["yes"]


@pytest.mark.parametrize(
    "name", ["discord.http", "discord.webhook.async_", "aiosqlite", "asyncio", "PIL.Image"]
)
def test_at_debug_level_libraries_print_no_requests(configured: Configured, name: str) -> None:
    text = configured(level="debug")
    logging.getLogger(name).debug("POST with everything")
    structlog.stdlib.get_logger("bot.test").debug("ours")
    assert [event["event"] for event in events(text)] == ["ours"]


async def test_every_line_of_what_is_followed_carries_its_ids_whoever_writes_it(
    configured: Configured,
) -> None:
    text = configured()
    log = structlog.stdlib.get_logger("bot.x")

    async def inner() -> None:
        logging.getLogger("aiohttp.client").warning("slow")

    async def carry(job: int) -> None:
        logs.follow(job=job)
        logs.add(provider="kling")
        await asyncio.ensure_future(inner())
        log.info("done", provider="kkiai")

    await asyncio.gather(carry(1), carry(2))
    log.info("of nobody")
    known = [(line["event"], line.get("job"), line.get("provider")) for line in events(text)]
    assert sorted(known, key=str) == [
        ("done", 1, "kkiai"),
        ("done", 2, "kkiai"),
        ("of nobody", None, None),
        ("slow", 1, "kling"),
        ("slow", 2, "kling"),
    ]


FORGED = "a\n2026-01-01T00:00:00Z [error    ] forged \x1b[31m\r\u2028\u202e"


def test_nobody_writes_a_line_of_the_log(configured: Configured) -> None:
    """On a terminal: not by a new line, and not by moving the cursor, whoever's words they are."""
    text = configured(layout="console")
    log = structlog.stdlib.get_logger("bot.x")
    log.info("said", reason=FORGED, of=[FORGED], by={"name": FORGED})
    log.info(FORGED)
    logging.getLogger("a.library").warning("from %s", FORGED)
    try:
        fail(ValueError(FORGED))
    except ValueError:
        log.exception("failed")
    lines = text.getvalue().splitlines()
    begun = [line for line in lines if not line.startswith("    ")]
    assert len(begun) == 4
    assert not any(line.startswith("2026-01-01") for line in lines)
    assert not set("".join(lines)) & set("\x1b\r\u2028\u202e")


def test_secrets_are_masked_wherever_they_are_in_an_event(configured: Configured) -> None:
    text = configured()
    url = f"/webhooks/123/{TOKEN}/messages"
    structlog.stdlib.get_logger("bot.x").info("sent", to=[url], by={"at": (url, 7)}, error=ValueError(url))
    assert TOKEN not in text.getvalue()
    [event] = events(text)
    assert event["by"] == {"at": ["/webhooks/123/…/messages", 7]}

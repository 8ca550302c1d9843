"""The demo as a whole: its bot killed and started again from the drawer, and what the drawer tells meanwhile."""

import asyncio
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from bot.demo.books import charged_twice
from bot.demo.stage import Stage, may_open_browser, opened
from bot.demo.vendor import Charge, Manner
from bot.sandbox import ClientRefused, File, Message, Person, Used, shows
from tests.e2e.scenes import CLIP_TIMEOUT_S, picture
from tests.patience import PATIENCE_S

PICTURE = File("boat.png", picture())


class Drawer:
    """Somebody who has the drawer open."""

    def __init__(self, stage: Stage) -> None:
        self._backstage = stage.sandbox.backstage
        self._changed = asyncio.Event()
        self._backstage.watch(self._changed.set)

    async def shows(self, fits: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        async with asyncio.timeout(CLIP_TIMEOUT_S):
            while not fits(known := self._backstage.describe()):
                self._changed.clear()
                await self._changed.wait()
        return known

    async def press(self, name: str) -> None:
        await self._backstage.set(name, None)


def rows(known: dict[str, Any], table: str) -> list[Any]:
    return next(one["rows"] for one in known["tables"] if one["name"] == table)


def state(known: dict[str, Any]) -> str | None:
    return next((row[2] for row in rows(known, "jobs")), None)


def clips(stage: Stage) -> list[Message]:
    places = [*stage.server.channels.values(), *stage.server.threads]
    messages = (message for place in places for message in place.messages)
    return [
        message
        for message in messages
        if message.author.is_bot and any(".mp4" in file.filename for file in message.files)
    ]


async def credits_of(stage: Stage, name: str) -> str:
    """How the bot begins when this person asks."""
    persons = (one for one in stage.server.members.values() if isinstance(one, Person))
    person = next(one for one in persons if one.user.name == name)
    answer = await (await person.slash("quota me", stage.channel)).response(lambda message: message.text)
    return answer.text.partition("\n")[0].lstrip("# ")


async def asked(stage: Stage) -> Used:
    return await stage.mia.slash(
        "animate", stage.channel, image=PICTURE, prompt="it drifts", provider="kling"
    )


async def test_a_clip_of_a_vendor_that_hung_up_and_a_bot_that_was_killed_is_delivered_and_charged_once() -> (
    None
):
    async with opened() as stage:
        await stage.app.ready(timeout_s=PATIENCE_S)
        drawer = Drawer(stage)
        await stage.sandbox.backstage.set("vendor.manner", Manner.HANGS_UP.value)
        await stage.sandbox.backstage.set("vendor.slow", value=True)
        used = await asked(stage)
        known = await drawer.shows(lambda known: state(known) == "rendering")
        assert known["status"] == [{"text": "The bot is up.", "is_good": True}]
        assert rows(known, "bill") == ()
        await drawer.press("bot.kill")
        known = await drawer.shows(lambda known: not known["status"][0]["is_good"])
        assert known["status"][0]["text"] == "The bot is down."
        with pytest.raises(ClientRefused, match="does not run"):
            await drawer.press("bot.kill")
        await stage.sandbox.backstage.set("vendor.slow", value=False)
        await drawer.shows(lambda known: rows(known, "bill"))
        await asyncio.gather(drawer.press("bot.start"), drawer.press("bot.start"))
        with pytest.raises(ClientRefused, match="runs already"):
            await drawer.press("bot.start")
        card = await used.response()
        await shows(card, lambda message: "See the clip" in message.text, timeout_s=CLIP_TIMEOUT_S)
        known = await drawer.shows(lambda known: state(known) == "done")
        assert known["status"] == [{"text": "The bot is up.", "is_good": True}]
        assert len(clips(stage)) == 1
        assert [row[:4] for row in rows(known, "bill")] == [("1", "1", "kling-v2-5-turbo", "1.5")]
        assert [row[1] for row in rows(known, "ledger")] == ["settle", "reserve"]
        assert len(known["promises"]) == 3
        assert all(line["is_good"] for line in known["promises"])


async def test_what_failed_or_was_refused_is_charged_to_nobody() -> None:
    async with opened() as stage:
        await stage.app.ready(timeout_s=PATIENCE_S)
        drawer = Drawer(stage)
        for manner in (Manner.REFUSES, Manner.FAILS):
            await stage.sandbox.backstage.set("vendor.manner", manner.value)
            card = await (await asked(stage)).response()
            await shows(card, lambda message: "Nothing was charged" in message.text)
        known = await drawer.shows(lambda known: len(rows(known, "ledger")) == 4)
        assert rows(known, "bill") == ()
        assert sorted(row[1] for row in rows(known, "ledger")) == ["refund", "refund", "reserve", "reserve"]
        assert all(line["is_good"] for line in known["promises"])


def test_a_second_charge_is_seen() -> None:
    charges = [
        Charge(key, key, "a-model", Decimal(1), at_ms=0)
        for key in ("kinora-a-1-1", "kinora-a-11-1", "kinora-a-2-1")
    ]
    assert charged_twice(charges) == []
    assert charged_twice([*charges, Charge("9", "kinora-a-1-2", "a-model", Decimal(1), at_ms=0)]) == ["1"]


async def test_a_bot_that_ends_by_itself_is_told_of_and_can_be_started_again() -> None:
    async with opened() as stage:
        await stage.app.ready(timeout_s=PATIENCE_S)
        assert [await credits_of(stage, name) for name in ("leo", "ada")] == ["Deine Credits", "Your credits"]
        drawer = Drawer(stage)
        await drawer.press("bot.kill")
        await stage.sandbox.backstage.set("discord.api", "503")
        await drawer.press("bot.start")
        said = {"text": "The bot ended by itself, with status 1.", "is_good": False}
        await drawer.shows(lambda known: known["status"] == [said])
        await stage.sandbox.backstage.set("discord.api", "fine")
        await drawer.press("bot.start")
        await drawer.shows(lambda known: known["status"] == [{"text": "The bot is up.", "is_good": True}])


@pytest.mark.parametrize(
    ("is_terminal", "known", "opens"),
    [
        (True, {"DISPLAY": ":0"}, True),
        (True, {"WAYLAND_DISPLAY": "wayland-0"}, True),
        (False, {"DISPLAY": ":0"}, False),
        (True, {}, False),
        (True, {"DISPLAY": ":0", "CI": "true"}, False),
    ],
)
def test_a_browser_is_opened_only_for_somebody_before_a_screen(
    monkeypatch: pytest.MonkeyPatch, known: dict[str, str], *, is_terminal: bool, opens: bool
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "CI"):
        monkeypatch.delenv(name, raising=False)
    for name, value in known.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)
    assert may_open_browser() is opens


async def test_what_goes_wrong_on_the_stage_is_told_as_it_is() -> None:
    with pytest.raises(LookupError, match="lost"):
        async with opened():
            raise LookupError("lost")

"""Events that are not as Discord describes them: the bot neither dies nor stops answering others."""

import copy
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web
from hypothesis import strategies as st

from bot.sandbox import File, Person
from bot.sandbox.model.hub import Event
from bot.sandbox.model.messages import Viewer
from tests.e2e import studio
from tests.e2e.scenes import PICTURE, Bot, Scene
from tests.e2e.studio import Studio
from tests.fuzzed import fuzzed, tried

NONSENSE: list[Any] = [
    None, True, 0, -1, 2**63, 2**64, 1.5, "", "0", "-1", "x", "٣", "18446744073709551616", "\0", "\ud83c",
    "x" * 5_000, [], {}, [None], [{}], {"id": "1"}, [[[[]]]],
]  # fmt: skip
KINDS = (
    "INTERACTION_CREATE", "MESSAGE_CREATE", "GUILD_CREATE", "GUILD_UPDATE", "GUILD_DELETE", "THREAD_CREATE",
    "THREAD_UPDATE", "THREAD_DELETE", "CHANNEL_CREATE", "CHANNEL_UPDATE", "GUILD_ROLE_UPDATE",
)  # fmt: skip


@pytest.fixture(autouse=True)
def made_at_once(monkeypatch: pytest.MonkeyPatch) -> Studio:
    return studio.opened(monkeypatch)


def places_in(body: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to everything in a payload."""
    steps: Any = ()
    if isinstance(body, dict):
        steps = body.items()  # pyright: ignore[reportUnknownVariableType]
    elif isinstance(body, list):
        steps = enumerate(body)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    for key, value in steps:
        yield (*path, key)
        yield from places_in(value, (*path, key))


@dataclass(frozen=True)
class Harm:
    """Something that is done to a payload, wherever it is."""

    where: int
    deed: str
    nonsense: Any


HARM = st.builds(
    Harm,
    where=st.integers(0, 10**6),
    deed=st.sampled_from(["leave out", "replace", "replace", "add"]),
    nonsense=st.sampled_from(NONSENSE),
)


def spoiled(body: Any, harms: list[Harm]) -> Any:
    """A payload with a few things missing, of another type, or that nobody knows."""
    body = copy.deepcopy(body)
    for harm in harms:
        ways = list(places_in(body))
        *way, key = ways[harm.where % len(ways)]
        inner = body
        for step in way:
            inner = inner[step]
        if harm.deed == "leave out" and len(ways) > 1:
            del inner[key]
        elif harm.deed == "replace":
            inner[key] = harm.nonsense
        elif isinstance(inner, dict):
            inner["unheard_of"] = harm.nonsense
        else:
            inner.append(harm.nonsense)
    return body


@asynccontextmanager
async def served(give: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncGenerator[str]:
    """A server on the loopback that answers everything."""
    app = web.Application()
    app.router.add_get("/{path:.*}", give)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


class Wire:
    """Payloads as the sandbox makes them, and a way to send any."""

    def __init__(self, scene: Scene) -> None:
        self._hub = scene.sandbox.world.hub
        self._us_id = scene.application.user.id
        self.heard: dict[str, list[Any]] = {}
        self._hub.listeners.append(self._listen)

    def _listen(self, event: Event) -> None:
        if event.is_for(self._us_id):
            self.heard.setdefault(event.name, []).append(
                copy.deepcopy(event.payload(Viewer(self._us_id, reads_content=True)))
            )

    def hear_no_more(self) -> None:
        """What is sent from now on is no example of anything."""
        self._hub.listeners.remove(self._listen)

    def send(self, kind: str, body: Any) -> None:
        self._hub.publish(Event(kind, lambda _: body, 0, None, lambda user_id: user_id == self._us_id))


@pytest.fixture
async def wire(scene: Scene, bot: Bot) -> Wire:
    """After everything has happened once that the bot hears of."""
    assert not bot.app.connection.done()
    wire = Wire(scene)
    named = f"<@{scene.application.user.id}> a boat"
    message = await scene.mia.send(scene.channel, named, files=[PICTURE])
    card = await (
        await scene.mia.slash("animate", scene.channel, image=PICTURE, end_frame=PICTURE)
    ).response()
    clip = await scene.clip_of(card)
    modal = await (await scene.mia.click(clip, "Report")).modal()
    await (await scene.mia.submit(modal, {modal.fields[0].custom_id: "no"})).response()
    await (await scene.mia.menu("Animate", message)).acknowledged()
    await scene.mia.autocomplete("video", scene.channel, focused="model", value="k")
    thread = await scene.mia.open_thread(scene.channel, "boats")
    await scene.mia.archive(thread)
    scene.guild.add_channel("another")
    guild = scene.guild.payload(scene.application.user.id)
    for kind in ("GUILD_CREATE", "GUILD_UPDATE"):
        wire.heard.setdefault(kind, []).append(guild)
    wire.heard.setdefault("GUILD_DELETE", []).append({"id": str(scene.guild.id), "unavailable": True})
    for kind in KINDS:
        wire.heard.setdefault(kind, wire.heard["CHANNEL_CREATE"])
    wire.hear_no_more()
    return wire


@pytest.fixture
async def witness(scene: Scene) -> Person:
    """Somebody in another server."""
    guild = scene.sandbox.add_guild("Elsewhere", app=scene.application)
    guild.add_channel("general")
    return guild.add_member("leo")


async def still_answers(scene: Scene, bot: Bot, person: Person) -> None:
    guild = next(one for one in scene.sandbox.world.guilds.values() if person.id in one.members)
    channel = next(one for one in guild.channels.values() if one.name == "general")
    answer = await (await person.slash("queue", channel)).response()
    assert answer.text
    assert not bot.app.connection.done()


EVENT = st.tuples(st.sampled_from(KINDS), st.integers(0, 10**6), st.lists(HARM, min_size=1, max_size=3))


@pytest.mark.usefixtures("unhurried")
@fuzzed("bursts of them", examples=80, burst=st.lists(EVENT, min_size=10, max_size=10))
async def test_no_event_ends_the_bot_or_keeps_others_waiting(
    scene: Scene, bot: Bot, wire: Wire, witness: Person, burst: list[tuple[str, int, list[Harm]]]
) -> None:
    for kind, which, harms in burst:
        known = wire.heard[kind]
        wire.send(kind, spoiled(known[which % len(known)], harms))
        tried("events that are not as Discord describes them")
    await still_answers(scene, bot, witness)


@pytest.mark.parametrize("kind", [*KINDS, "A_KIND_THAT_NOBODY_KNOWS"])
async def test_an_event_that_says_nothing_is_passed_over(
    scene: Scene, bot: Bot, witness: Person, kind: str
) -> None:
    wire = Wire(scene)
    for body in NONSENSE:
        wire.send(kind, body)
    await still_answers(scene, bot, witness)
    await still_answers(scene, bot, scene.mia)


@pytest.mark.usefixtures("bot")
async def test_no_picture_is_fetched_from_anywhere_but_discord(scene: Scene) -> None:
    """Whatever the payload of a command says: this one names a server beside the Discord that is configured."""
    asked: list[str] = []

    async def give(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(body=PICTURE.data, content_type="image/png")

    async with served(give) as url:
        scene.sandbox.world.hub.cdn.base_url = f"{url}/cdn"
        used = await scene.mia.slash("animate", scene.channel, image=File("boat.png", PICTURE.data))
        answer = await used.response(lambda message: "One moment" not in message.text)
    assert "Discord no longer has the picture" in answer.text
    assert "Nothing was charged." in answer.text
    assert asked == []

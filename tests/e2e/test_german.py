"""A German server with German members: what they read is German, and no English sentence is left in it.

That nothing is left out is found with a language in which every text stands in brackets: letters outside them, and
outside of what is foreign or the same everywhere, were never given to a catalogue.
"""

from collections.abc import AsyncGenerator, Iterable, Iterator
from typing import Any

import pytest

from bot.app import running
from bot.db import audit
from bot.sandbox import Channel, File, Message, Permission, Person, Sandbox
from tests import brackets
from tests.e2e import studio
from tests.e2e.scenes import PICTURE, Bot, Scene, picture
from tests.e2e.studio import Studio
from tests.held import held

SHOWN = ("content", "label", "placeholder", "title", "description")
FREE = "Es wurde nichts berechnet."


@pytest.fixture(autouse=True)
def provider(monkeypatch: pytest.MonkeyPatch) -> Studio:
    return studio.opened(monkeypatch)


@pytest.fixture
def lena(scene: Scene) -> Person:
    """A member whose Discord is German, as the server is."""
    scene.guild.locale = "de"
    return scene.guild.add_member("lena", locale="de")


@pytest.fixture
def ada(scene: Scene) -> Person:
    """A moderator, likewise."""
    crew = scene.guild.add_role("crew", permissions=Permission.ADMINISTRATOR)
    return scene.guild.add_member("ada", roles=[crew], locale="de")


@pytest.fixture
async def bot(request: pytest.FixtureRequest, scene: Scene, ada: Person) -> AsyncGenerator[Bot]:
    request.getfixturevalue("lena")  # the server is German before the bot is in it
    settings = scene.settings.model_copy(update={"owner_ids": frozenset({ada.id})})
    async with held(running(settings)) as app:
        await scene.application.ready()
        yield Bot(app)
        assert await app.db.read(audit.discrepancies()) == 0


@pytest.fixture
def bracketed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """German becomes the language of brackets, once commands have their German names."""
    request.getfixturevalue("bot")
    brackets.speak(monkeypatch)


def shown(body: object) -> Iterator[str]:
    """Every text that somebody reads in what was sent to Discord."""
    match body:
        case dict():
            fields: dict[str, Any] = body  # pyright: ignore[reportUnknownVariableType]
            for key, value in fields.items():
                if key in SHOWN and isinstance(value, str):
                    yield value
                elif key == "choices":
                    yield from (choice["name"] for choice in value)
                else:
                    yield from shown(value)
        case list():
            items: list[object] = body  # pyright: ignore[reportUnknownVariableType]
            for one in items:
                yield from shown(one)
        case _:
            return


def everything_shown(sandbox: Sandbox) -> Iterator[str]:
    for request in sandbox.requests:
        if request.method in ("POST", "PATCH", "PUT") and "/commands" not in request.route:
            yield from shown(request.body)


def assert_all_in_brackets(sandbox: Sandbox, *, foreign: Iterable[str] = ()) -> None:
    texts = list(everything_shown(sandbox))
    assert any("⟦" in text for text in texts)
    left = {text: left for text in texts if (left := set(brackets.outside(text)) - set(foreign))}
    assert not left, "\n".join(f"{words} in {text!r}" for text, words in left.items())


async def clip(scene: Scene, who: Person, place: Channel | None = None, **options: object) -> Message:
    used = await who.slash("animate", place or scene.channel, **({"image": PICTURE} | options))
    card = await used.response()
    await card.bell.until(lambda: any(scene.clips()) or None, awaited="a clip", there=lambda: card.text)
    return scene.clips()[-1]


@pytest.mark.usefixtures("bot")
async def test_a_german_member_is_answered_in_german(scene: Scene, lena: Person) -> None:
    message = await clip(scene, lena, prompt="das Boot treibt", draft=True)
    assert "Dein Clip ist fertig." in message.text
    card = scene.channel.messages[0]
    await card.bell.until(lambda: "Fertig" in card.text or None, awaited="the end", there=lambda: card.text)
    assert "[Zum Clip](" in card.text
    queue = await (await lena.slash("queue", scene.channel)).response()
    assert "Nichts ist in Arbeit, und nichts wartet." in queue.text
    nothing = await (await lena.slash("job", scene.channel, id=99)).response()
    assert nothing.text == "Diesen Auftrag gibt es nicht."


@pytest.mark.usefixtures("bot")
async def test_who_speaks_english_is_answered_so_in_a_german_server(scene: Scene) -> None:
    nothing = await (await scene.mia.slash("job", scene.channel, id=99)).response()
    assert nothing.text == "There is no such job."
    used = await scene.mia.slash("animate", scene.channel, image=PICTURE)
    assert "Auftrag 1" in (await used.response()).text


@pytest.mark.usefixtures("bot")
async def test_a_german_is_answered_in_german_in_an_english_server(scene: Scene, lena: Person) -> None:
    scene.guild.locale = "en-US"
    refused = await (await lena.slash("quota show", scene.channel)).response()
    assert refused.text.startswith("Das darf nur die Moderation dieses Servers")
    used = await lena.slash("animate", scene.channel, image=PICTURE)
    assert "Job 1" in (await used.response()).text


@pytest.mark.usefixtures("bot")
async def test_refusals_are_german_and_end_with_what_they_cost(scene: Scene, lena: Person) -> None:
    small = File("small.png", picture(100, 100))
    for options, words in (
        ({"image": small}, "beide Seiten müssen mindestens"),
        ({"image": File("x.png", b"no picture")}, "kein Bild, das ich lesen kann"),
        ({"image": PICTURE, "voices": "a"}, "Stimmen brauchen Ton"),
        ({"image": PICTURE, "camera_amount": 3}, "Wähle die Kamerafahrt"),
        ({"image": PICTURE, "model": "nobody-knows"}, "Wähle eines der verfügbaren Modelle"),
    ):
        answer = await (await lena.slash("animate", scene.channel, **options)).response(
            lambda message: "bitte" in message.text or FREE in message.text
        )
        assert words in answer.text
        assert answer.text.endswith(FREE)


@pytest.mark.usefixtures("bot")
async def test_numbers_are_written_as_germans_write_them(scene: Scene, ada: Person) -> None:
    answer = await (await ada.slash("quota grant", scene.channel, credits=12_345, reason="Danke")).response()
    assert "12.345 Credits" in answer.text
    assert "Grund: Danke" in answer.text


@pytest.mark.usefixtures("bracketed")
async def test_a_request_and_all_its_buttons_are_in_the_catalogue(
    scene: Scene, lena: Person, ada: Person
) -> None:
    message = await clip(scene, lena, prompt="7", draft=True, camera="zoom", quality="pro")
    for label in ("Edit", "Report"):
        await (await lena.click(message, f"⟦{label}⟧")).modal()
    for who, label in (
        (lena, "Again"),
        (lena, "Extend"),
        (lena, "Original"),
        (lena, "Final"),
        (ada, "Delete"),
    ):
        await (await who.click(message, f"⟦{label}⟧")).response()
    card = scene.channel.messages[0]
    await (await ada.click(card, "⟦Show request⟧")).response()
    assert_all_in_brackets(scene.sandbox, foreign={"boat", "curl"})


@pytest.mark.usefixtures("bracketed")
async def test_every_command_of_members_is_in_the_catalogue(scene: Scene, lena: Person) -> None:
    await clip(scene, lena, prompt="7")
    for command, options in (
        ("queue", {}),
        ("jobs", {}),
        ("jobs", {"only": "done"}),
        ("job", {"id": 1}),
        ("job", {"id": 9}),
        ("cancel", {"id": 1}),
        ("claim", {}),
        ("quota me", {}),
        ("quota show", {}),
        ("privacy direct", {"allow": True}),
        ("privacy direct", {"allow": False}),
        ("privacy export", {}),
        ("privacy forget", {}),
        ("stats", {"days": 7}),
        ("video", {"prompt": "7", "aspect": "9:16"}),
        ("storyboard", {"image": PICTURE}),
        ("motion", {"image": PICTURE}),
        ("motion", {"image": PICTURE, "path1": "1,1"}),
    ):
        await (await lena.slash(command, scene.channel, **options)).response()
    assert_all_in_brackets(scene.sandbox)


@pytest.mark.usefixtures("bracketed", "unhurried")
async def test_every_command_of_moderators_is_in_the_catalogue(
    scene: Scene, lena: Person, ada: Person
) -> None:
    role = scene.guild.add_role("7")
    await clip(scene, lena, prompt="7")
    for command, options in (
        ("quota show", {}),
        ("quota show", {"member": lena}),
        ("quota show", {"role": role}),
        ("quota show", {"channel": scene.channel}),
        ("quota set", {"limit": "day", "amount": "7"}),
        ("quota set", {"limit": "running", "amount": "none", "role": role}),
        ("quota set", {"limit": "queued", "amount": "7", "channel": scene.channel}),
        ("quota set", {"limit": "day", "amount": "lots"}),
        ("quota budget", {"limit": "month", "amount": "5000"}),
        ("quota grant", {"credits": 5, "member": lena, "lasts": "2d", "reason": "7"}),
        ("quota grant", {"credits": 5, "lasts": "never"}),
        ("quota reset", {"member": lena}),
        ("quota reset", {"member": lena}),
        ("quota block", {"member": lena, "lasts": "2d", "reason": "7"}),
        ("quota show", {}),
        ("quota show", {"member": lena}),
        ("quota unblock", {"member": lena}),
        ("quota unblock", {"member": lena}),
        ("quota price", {"model": "local-camera", "credits_per_second": "7"}),
        ("quota price", {"model": "nobody", "credits_per_second": "7"}),
        ("quota log", {}),
        ("quota log", {"kind": "grant"}),
        ("quota log", {"csv": True}),
        ("settings set", {"setting": "threads", "value": "none"}),
        ("settings set", {"setting": "threads", "value": "77"}),
        ("settings set", {"setting": "confirm_above", "value": "7"}),
        ("settings set", {"setting": "log_channel", "value": f"<#{scene.channel.id}>"}),
        ("settings set", {"setting": "time_zone", "value": "Berlin"}),
        ("settings show", {}),
        ("settings reset", {"setting": "threads"}),
        ("settings reset", {}),
        ("settings rules", None),
        ("owner usage", {"days": 1}),
        ("owner ceiling", {"server": str(scene.guild.id), "amount": "5000"}),
        ("owner ceiling", {"server": "77", "amount": "none"}),
        ("stats", {}),
        ("jobs", {"member": lena}),
    ):
        used = await ada.slash(command, scene.channel, **(options or {}))
        if options is None:
            await used.modal()
        else:
            await used.response()
    for credits_ in range(12):
        await (await ada.slash("quota grant", scene.channel, credits=credits_ + 1)).response()
    page = await (await ada.slash("quota log", scene.channel)).response()
    await (await ada.click(page, "⟦Older⟧")).acknowledged()
    assert_all_in_brackets(scene.sandbox, foreign={"Film", "club", "Berlin", "Europe"})


@pytest.mark.usefixtures("bracketed")
async def test_questions_and_their_answers_are_in_the_catalogue(
    scene: Scene, lena: Person, ada: Person
) -> None:
    log = scene.guild.add_channel("log")
    role = scene.guild.add_role("7")
    for setting, value in (
        ("confirm_above", "1"),
        ("approval_role", f"<@&{role.id}>"),
        ("log_channel", f"<#{log.id}>"),
    ):
        await (await ada.slash("settings set", scene.channel, setting=setting, value=value)).response()

    def waiting() -> list[Message]:
        return [one for one in scene.channel.messages if "⟦Waiting for a moderator⟧" in one.text]

    for answer in ("Never mind", "Withdraw", "Approve", "Decline"):
        asked = await (await lena.slash("animate", scene.channel, image=PICTURE, prompt="7")).response()
        if answer == "Never mind":
            await (await lena.click(asked, "⟦Never mind⟧")).acknowledged()
            continue
        await (await lena.click(asked, "⟦Make it⟧")).acknowledged()
        await asked.bell.until(lambda: waiting() or None, awaited="a moderator's turn")
        who = lena if answer == "Withdraw" else ada
        clicked = await who.click(asked, f"⟦{answer}⟧")
        if answer == "Decline":
            modal = await clicked.modal()
            clicked = await ada.submit(modal, {})
        await clicked.acknowledged()
        await asked.bell.until(lambda: not waiting() or None, awaited="an end")
    again = await (await lena.slash("animate", scene.channel, image=PICTURE)).response()
    await (await ada.click(again, "⟦Make it⟧")).response()
    await log.bell.until(lambda: log.messages or None, awaited="a word to moderators")
    assert_all_in_brackets(scene.sandbox)


@pytest.mark.usefixtures("bracketed")
async def test_what_moderators_are_told_is_in_the_catalogue(scene: Scene, lena: Person, ada: Person) -> None:
    log = scene.guild.add_channel("log")
    named = f"<#{log.id}>"
    await (await ada.slash("settings set", scene.channel, setting="log_channel", value=named)).response()
    await (await ada.slash("settings set", scene.channel, setting="words", value="harbour | 7")).response()
    await (await ada.slash("quota budget", scene.channel, limit="day", amount="5")).response()
    message = await clip(scene, lena, prompt="7")
    refused = await (await lena.slash("animate", scene.channel, image=PICTURE, prompt="harbour")).response()
    assert "⟦Nothing was charged.⟧" in refused.text
    await (await lena.slash("animate", scene.channel, image=PICTURE)).response()
    modal = await (await lena.click(message, "⟦Report⟧")).modal()
    await (await lena.submit(modal, {"⟦What is wrong with it?⟧": "7"})).response()
    await log.bell.until(
        lambda: any("⟦**A clip was reported**" in one.text for one in log.messages) or None,
        awaited="the report",
    )
    await log.bell.until(
        lambda: any("budget for this day is used up" in one.text for one in log.messages) or None,
        awaited="a word about the budget",
    )
    assert_all_in_brackets(scene.sandbox)


@pytest.mark.usefixtures("bracketed")
async def test_what_is_said_in_passing_is_in_the_catalogue(scene: Scene, lena: Person) -> None:
    me = f"<@{scene.application.user.id}>"
    message = await clip(scene, lena, prompt="7")
    place = scene.sandbox.world.channel(message.channel_id)
    for text, files, answered in (
        (me, (), None),
        (f"{me} 7 --nonsense 7", (PICTURE,), None),
        (f"{me} 7 --duration", (PICTURE,), None),
        (f"{me} 7", (PICTURE, File("other.png", picture(400, 400))), None),
        ("7!", (), message),
    ):
        before = len(list(everything_shown(scene.sandbox)))
        await lena.send(place if answered else scene.channel, text, files=files, reply_to=answered)
        await scene.channel.bell.until(
            lambda before=before: len(list(everything_shown(scene.sandbox))) > before or None,
            awaited=f"words about {text}",
        )
    assert_all_in_brackets(scene.sandbox)


@pytest.mark.usefixtures("bracketed")
async def test_suggestions_are_in_the_catalogue(scene: Scene, lena: Person, ada: Person) -> None:
    channel = scene.channel
    for option in ("model", "provider", "duration"):
        await lena.autocomplete("animate", channel, focused=option, value="", options={"image": PICTURE})
    await lena.autocomplete("animate", channel, focused="model", value="", options={"voices": "7"})
    for setting in (
        "threads",
        "log_channel",
        "approval_role",
        "time_zone",
        "quality",
        "confirm_above",
        "words",
    ):
        await ada.autocomplete(
            "settings set", channel, focused="value", value="", options={"setting": setting}
        )
    await ada.autocomplete("quota price", channel, focused="model", value="")
    await clip(scene, lena, prompt="7")
    await lena.autocomplete("job", channel, focused="id", value="")
    texts = list(everything_shown(scene.sandbox))
    zones = {word for text in texts if "/" in text for word in brackets.outside(text)}
    values = {"request", "member", "none", "gallery"}
    assert_all_in_brackets(scene.sandbox, foreign=zones | values | {"general", "crew"})

"""What people do: every deed is one action of one of them, chosen by dice, and waits for its answer."""

import io
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from PIL import Image

from bot.sandbox import Channel, File, Message, Modal, NothingCame, Permission, Person, Used, shows
from bot.sandbox.actions import threads
from bot.sandbox.actions.drafts import Draft
from bot.sandbox.actions.threads import Plan
from tests.e2e.scenes import PICTURE, picture
from tests.soak.clubs import Club, Crowd

PATIENCE_S = 15.0
_TEXT_INPUT, _SELECT = 4, 3
_PROMPTS = (
    "a paper boat on a pond",
    "@everyone **look** <@1> `code` ||hidden||",
    "```\nout of the box\n``` [here](https://example.com) discord.gg/abc",
    "\u202eevil\u202c words \u200b and <#1> </cmd:1> <t:0:R>",
    "ein Boot auf dem Teich, langsam",
    "🎬" * 40,
)
_WRITTEN = ("3 | the boat leaves\n2 | a wave", "more wind", "--duration 10 it turns", "too dark")


@dataclass(frozen=True)
class Deed:
    """Who acts, where, and the dice that decide how."""

    crowd: Crowd
    club: Club
    person: Person
    dice: random.Random
    number: int

    @property
    def prompt(self) -> str:
        return f"{self.dice.choice(_PROMPTS)} {self.number}"

    @property
    def place(self) -> Channel:
        """One of the club's channels, sometimes a thread."""
        dice, club = self.dice, self.club
        open_threads = [one for one in club.guild.threads if one.thread and not one.thread.is_archived]
        if open_threads and dice.random() < 0.2:
            return dice.choice(open_threads)
        return dice.choice(club.channels)

    async def slash(self, name: str, **options: object) -> None:
        await self.follow(await self.person.slash(name, self.place, **options))

    async def follow(self, used: Used, *, depth: int = 0) -> None:
        """Wait for the answer; a modal is mostly filled in."""
        try:
            await used.acknowledged(timeout_s=PATIENCE_S)
            if used.interaction.modal is not None:
                if depth < 2 and self.dice.random() < 0.8:
                    modal = await used.modal()
                    await self.follow(
                        await self.person.submit(modal, filled(modal, self.dice)), depth=depth + 1
                    )
                return
            shown = await used.response(timeout_s=PATIENCE_S)
        except NothingCame:
            return  # Discord knows who was left without an answer; they are asked for at the end
        if shown.ephemeral_to is not None:
            self.club.keep(self.person, shown)

    def options(self) -> dict[str, object]:
        """Some of those that every request takes."""
        dice = self.dice
        chosen: dict[str, object] = {}
        for name, values in _OPTIONS.items():
            if dice.random() < 0.15:
                chosen[name] = dice.choice(values)
        if dice.random() < 0.02:
            chosen = {"draft": True}
        return chosen


_OPTIONS: Mapping[str, tuple[object, ...]] = {
    "duration": (5, 10, 7),
    "quality": ("std", "pro"),
    "aspect": ("16:9", "9:16", "1:1"),
    "provider": ("kling", "kkiai", "aimlapi", "onemin"),
    "negative": ("blur", "@here"),
    "camera": ("zoom", "pan"),
    "spoiler": (True,),
    "sound": (True,),
}


def filled(modal: Modal, dice: random.Random) -> dict[str, object]:
    """An answer to everything that a modal insists on, and to some of the rest."""
    values: dict[str, object] = {}
    for field in modal.fields:
        is_empty = not field.component.get("value")
        if field.type == _TEXT_INPUT and (is_empty or dice.random() < 0.3):
            longest = int(field.component.get("max_length") or 4000)
            values[field.custom_id] = dice.choice(_WRITTEN)[:longest]
        elif field.type == _SELECT and field.component.get("required", True):
            values[field.custom_id] = dice.choice(field.component["options"])["value"]
    return values


@cache
def mask() -> File:
    """The left half is painted."""
    image = Image.new("L", (640, 360), 0)
    image.paste(255, (0, 0, 320, 360))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return File("mask.png", buffer.getvalue())


@cache
def _pictures() -> tuple[File, ...]:
    small, long = File("small.png", picture(200, 200)), File("long.png", picture(1500, 400))
    return (PICTURE, PICTURE, PICTURE, PICTURE, small, long, File("boat.jpg", picture(512, 512, "JPEG")))


# ---- Asking


async def video(deed: Deed) -> None:
    await deed.slash("video", prompt=deed.prompt, **deed.options())


async def animate(deed: Deed) -> None:
    words = {"prompt": deed.prompt} if deed.dice.random() < 0.7 else {}
    ends = {"end_frame": PICTURE} if deed.dice.random() < 0.1 else {}
    await deed.slash("animate", image=deed.dice.choice(_pictures()), **words, **ends, **deed.options())


async def motion(deed: Deed) -> None:
    await deed.slash("motion", image=PICTURE, prompt=deed.prompt, mask1=mask(), path1="10,20 300,40")


async def storyboard(deed: Deed) -> None:
    await deed.slash("storyboard", image=PICTURE)


async def menu(deed: Deed) -> None:
    message = await deed.person.send(deed.place, deed.prompt, files=deed.dice.sample(_pictures(), k=2))
    await deed.follow(await deed.person.menu("Animate", message))


async def mention(deed: Deed) -> None:
    files = deed.dice.sample(_pictures(), k=deed.dice.choice([0, 1, 1, 2]))
    name = f"<@{deed.crowd.app.user.id}>"
    message = await deed.person.send(deed.place, f"{name} {deed.prompt}", files=files)
    await answered(message, deed)


async def reply(deed: Deed) -> None:
    """To a picture of somebody else's, or to a clip; with the bot's name or only its ping."""
    place = deed.place
    clips = [m for m in place.messages if m.files and m.author is deed.crowd.app.user]
    target = (
        deed.dice.choice(clips)
        if clips and deed.dice.random() < 0.7
        else await deed.club.moderator.send(place, "mine", files=[PICTURE])
    )
    name = f"<@{deed.crowd.app.user.id}> " if deed.dice.random() < 0.7 else ""
    message = await deed.person.send(place, f"{name}{deed.prompt}", reply_to=target)
    await answered(message, deed)


async def answered(message: Message, deed: Deed) -> None:
    """Wait a little for a reply; that there is none may be right."""
    place = deed.crowd.sandbox.world.channel(message.channel_id)
    try:
        card = await place.next_message(
            lambda found: found.reference is not None and found.reference.message_id == message.id,
            since=message,
            timeout_s=2,
        )
        await shows(card, lambda found: found.buttons, timeout_s=1)
    except NothingCame:
        return


async def post(deed: Deed) -> None:
    """Ask in a new post of the forum."""
    world = deed.crowd.sandbox.world
    plan = Plan(f"film {deed.number}")
    place, _ = threads.open_post(world, deed.club.forum, deed.person.user, plan, Draft(content="look"))
    await deed.follow(await deed.person.slash("video", place, prompt=deed.prompt))


# ---- Going on


async def press(deed: Deed) -> None:
    """Any button that is before somebody."""
    messages = deed.club.offered(deed.person, deed.crowd.app)
    if not messages:
        return
    message = deed.dice.choice(messages)
    buttons = [one.custom_id for one in message.buttons if one.type == 2 and one.is_enabled and one.custom_id]
    if buttons:
        await deed.follow(await deed.person.click(message, deed.dice.choice(buttons)))


async def cancel(deed: Deed) -> None:
    await deed.slash("cancel", id=deed.dice.randint(1, max(1, deed.number)))


async def look_up(deed: Deed) -> None:
    share = {"share": True} if deed.dice.random() < 0.2 else {}
    await deed.slash("job", id=deed.dice.randint(1, max(1, deed.number)), **share)


async def look_round(deed: Deed) -> None:
    await deed.slash(deed.dice.choice(["jobs", "queue", "quota me", "claim"]))


async def personal(deed: Deed) -> None:
    if deed.dice.random() < 0.5:
        await deed.slash("privacy direct", allow=deed.dice.random() < 0.5)
    else:
        await deed.slash(deed.dice.choice(["privacy export", "privacy forget"]))


async def typing(deed: Deed) -> None:
    focused = deed.dice.choice(["model", "provider", "duration"])
    value = 1 if focused == "duration" else deed.dice.choice(["", "kl", "v2"])
    try:
        await deed.person.autocomplete("video", deed.place, focused=focused, value=value, timeout_s=5)
    except NothingCame:
        return


# ---- Moderating


async def arrange(deed: Deed) -> None:
    """Some setting gets some value; mostly it is set back soon."""
    deed, dice = moderating(deed), deed.dice
    setting = dice.choice(settings_of(deed))
    typed = {"setting": setting}
    try:
        offered = await deed.person.autocomplete(
            "settings set", deed.place, focused="value", value="", options=typed, timeout_s=5
        )
    except NothingCame:
        return
    value = dice.choice([str(choice.value) for choice in offered] or ["5"])
    await deed.slash("settings set", setting=setting, value=value)
    if dice.random() < 0.6:
        await deed.slash("settings reset", setting=setting)


def settings_of(deed: Deed) -> list[str]:
    command = next(
        one for scope in deed.crowd.app.commands.values() for one in scope.values() if one.name == "settings"
    )
    [show] = [option for option in command.body["options"] if option["name"] == "show"]
    return [choice["value"] for choice in show["options"][0]["choices"]]


async def govern(deed: Deed) -> None:
    deed, dice = moderating(deed), deed.dice
    member = dice.choice(deed.club.people)
    acts: tuple[tuple[str, dict[str, object]], ...] = (
        ("settings show", {}),
        ("quota show", {}),
        ("quota show", {"member": member}),
        ("quota grant", {"credits": dice.randint(1, 500), "member": member}),
        ("quota grant", {"credits": dice.randint(1, 500), "lasts": "1d"}),
        ("quota reset", {"member": member}),
        ("quota reset", {}),
        ("quota block", {"member": member, "lasts": "1h", "reason": "@everyone **spam**"}),
        ("quota unblock", {"member": member}),
        ("quota log", {}),
        ("quota log", {"csv": True}),
        ("stats", {}),
    )
    name, options = dice.choice(acts)
    await deed.slash(name, **options)


def moderating(deed: Deed) -> Deed:
    return Deed(deed.crowd, deed.club, deed.club.moderator, deed.dice, deed.number)


# ---- What happens to places


async def unrest(deed: Deed) -> None:
    """A thread is closed, locked or deleted, a channel is deleted, a permission goes, the connection breaks."""
    club, dice, sandbox = deed.club, deed.dice, deed.crowd.sandbox
    places = [one for one in club.guild.threads if one.thread and not one.thread.is_archived]
    match dice.randrange(8):
        case 0 | 1 | 2 if places:
            await club.moderator.archive(dice.choice(places), lock=dice.random() < 0.5)
        case 3 if places:
            club.guild.remove_channel(dice.choice(places))
        case 4:
            role = club.guild.app_role(deed.crowd.app)
            lost = dice.choice([*_LOST, Permission.NONE, Permission.NONE])
            club.guild.set_overwrite(dice.choice(club.channels), role, deny=lost)
        case 5:
            old = club.channels.pop(0)
            club.guild.remove_channel(old)
            club.channels.append(club.guild.add_channel(f"place-{deed.number}", kind=old.kind))
        case 6:
            dice.choice([sandbox.gateway.cut, sandbox.gateway.ask_to_reconnect, sandbox.gateway.disconnect])()
        case _:
            await deed.person.open_thread(club.channels[0], f"talk {deed.number}")


_LOST = (
    Permission.SEND_MESSAGES_IN_THREADS,
    Permission.CREATE_PUBLIC_THREADS,
    Permission.ATTACH_FILES,
    Permission.VIEW_CHANNEL,
)

DEEDS: Mapping[Callable[[Deed], Awaitable[Any]], int] = {
    video: 20,
    animate: 20,
    motion: 2,
    storyboard: 4,
    menu: 6,
    mention: 6,
    reply: 6,
    post: 2,
    press: 40,
    cancel: 6,
    look_up: 6,
    look_round: 8,
    personal: 2,
    typing: 5,
    arrange: 5,
    govern: 8,
    unrest: 4,
}

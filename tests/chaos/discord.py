"""Each fault of Discord's API at each kind of call that the bot makes, and what is there afterwards.

`python -m tests.chaos.discord` plays all of it and prints a line for each; `outcomes` is for who prints them otherwise.
"""

import asyncio
import sys
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot import logs
from bot.app import App, running
from bot.db import asks, audit, guilds, places
from bot.domain.jobs import JobState
from bot.domain.places import ThreadStyle
from bot.sandbox import (
    Answer,
    Channel,
    Drop,
    Message,
    NothingCame,
    Permission,
    Person,
    Sandbox,
    Server,
    TooMany,
    Used,
    shows,
)
from bot.sandbox import App as Application
from bot.sandbox.faults import Action, Fault
from bot.settings import Settings
from tests import builders
from tests.e2e.clocks import OtherClock
from tests.e2e.scenes import PICTURE
from tests.e2e.studio import Studio, opened
from tests.held import held
from tests.verdict import rows

_TOKEN = "a-token-for-tests"
_WITHIN_S = 60.0
_LOOKS_AGAIN_S = 0.02
_MINUTE_S = 61.0


@dataclass(frozen=True)
class Trouble:
    """What goes wrong with a call, and how often in a row."""

    name: str
    action: Action
    times: int = 1


TROUBLES = (
    Trouble("500", Answer(500)),
    Trouble("502", Answer(502)),
    Trouble("503", Answer(503)),
    Trouble("504", Answer(504)),
    Trouble("cut before it took effect", Drop()),
    Trouble("cut after it took effect", Drop(after_effect=True)),
    Trouble("429", TooMany(0.05)),
    Trouble("429 for everything", TooMany(0.05, is_global=True)),
    Trouble("429 by the proxy in front", TooMany(0.05, via=False)),
    Trouble("503 three times", Answer(503), times=3),
    Trouble("cut three times after it took effect", Drop(after_effect=True), times=3),
)


@dataclass(frozen=True)
class Outcome:
    """What is there after one fault at one call."""

    call: str
    trouble: str
    hits: int
    """How often it struck."""
    answered: bool
    """Whether nobody waits for an answer."""
    posts: int
    """Messages with the clip."""
    charges: int
    """Clips that were ordered."""
    ledger: str
    """The entries of the job; empty where there is none."""
    problems: tuple[str, ...]


class Stand:
    """The bot in this process, a server, and somebody who asks."""

    def __init__(self, sandbox: Sandbox, application: Application, guild: Server, studio: Studio) -> None:
        self.sandbox = sandbox
        self.application = application
        self.guild = guild
        self.studio = studio
        self.clock = OtherClock()
        self.app: App
        self.mia: Person
        self.channel: Channel
        self.fault: Fault | None = None
        self._trouble: Trouble
        self._people = 0

    def begin(self, trouble: Trouble) -> None:
        """Somebody else, somewhere else."""
        self._people += 1
        self.sandbox.faults.clear()
        self.studio.release()
        self.mia = self.guild.add_member(f"mia-{self._people}")
        self.channel = self.guild.add_channel(f"channel-{self._people}")
        self.fault, self._trouble = None, trouble

    def strike(self, method: str, route: str, *, nth: int = 1) -> None:
        """From now on this call goes wrong."""
        times = self._trouble.times
        self.fault = self.sandbox.faults.add(method, route, self._trouble.action, nth=nth, times=times)

    async def ask(self) -> Used:
        return await self.mia.slash("animate", self.channel, image=PICTURE, prompt="a paper boat")

    async def clip_of(self, used: Used) -> Message:
        """The clip, once the card says that it is there."""
        await used.response(lambda card: "See the clip" in card.text, timeout_s=_WITHIN_S)
        return self.clips()[-1]

    def clips(self) -> list[Message]:
        """Wherever they are."""
        threads = [one for one in self.guild.threads if one.thread and one.thread.parent is self.channel]
        where = (self.channel, *threads, self.mia.direct(self.application))
        return [message for place in where for message in place.messages if _has_clip(message)]

    async def later(self, is_so: Callable[[], object]) -> None:
        """Let time pass until something can be seen in Discord that happens by itself."""
        async with asyncio.timeout(_WITHIN_S):
            while not is_so():
                self.clock.turn(_MINUTE_S)
                await asyncio.sleep(10 * _LOOKS_AGAIN_S)


Play = Callable[[Stand], Awaitable[None]]


@dataclass(frozen=True)
class Call:
    """A kind of call that the bot makes."""

    name: str
    play: Play
    posts: int = 1
    """Messages with the clip that there are in the end; none as well where the request may have been refused."""
    turns_clock: bool = False
    may_lapse: bool = False
    """Whether Discord has no time to refuse it more than once: an interaction that is not answered in 3 s is over."""


CALLS: list[Call] = []


def _call(
    name: str, *, posts: int = 1, turns_clock: bool = False, may_lapse: bool = False
) -> Callable[[Play], Play]:
    def add(play: Play) -> Play:
        CALLS.append(Call(name, play, posts, turns_clock, may_lapse))
        return play

    return add


CALLBACK = ("POST", "/interactions/{interaction_id}/{interaction_token}/callback")
ORIGINAL = "/webhooks/{webhook_id}/{webhook_token}/messages/@original"
MESSAGES = "/channels/{channel_id}/messages"
MESSAGE = "/channels/{channel_id}/messages/{message_id}"
CHANNEL = "/channels/{channel_id}"


@_call("acknowledge", may_lapse=True)
async def _acknowledge(stand: Stand) -> None:
    stand.strike(*CALLBACK)
    used = await stand.ask()
    answer = await used.response(lambda shown: "Job " in shown.text or "Nothing was charged" in shown.text)
    if "Job " in answer.text:
        await stand.clip_of(used)


@_call("look at the acknowledgement", may_lapse=True)
async def _look_at_acknowledgement(stand: Stand) -> None:
    stand.sandbox.faults.add(*CALLBACK, Drop(after_effect=True))
    stand.strike("GET", ORIGINAL)
    await stand.clip_of(await stand.ask())


@_call("fetch the picture")
async def _fetch_picture(stand: Stand) -> None:
    stand.strike("GET", "/cdn")
    used = await stand.ask()
    answer = await used.response(lambda shown: "Job " in shown.text or "attach it again" in shown.text)
    if "Job " in answer.text:
        await stand.clip_of(used)


@_call("first card")
async def _first_card(stand: Stand) -> None:
    stand.strike("PATCH", ORIGINAL)
    await stand.clip_of(await stand.ask())


@_call("edit the card")
async def _edit_card(stand: Stand) -> None:
    stand.studio.hold()
    used = await stand.ask()
    await used.response(lambda card: "Job " in card.text)
    stand.strike("PATCH", MESSAGE)
    stand.studio.release()
    await stand.clip_of(used)


@_call("open the thread")
async def _open_thread(stand: Stand) -> None:
    stand.strike("POST", f"{MESSAGE}/threads")
    await stand.clip_of(await stand.ask())


@_call("post the clip")
async def _post(stand: Stand) -> None:
    stand.strike("POST", MESSAGES)
    await stand.clip_of(await stand.ask())


@_call("look for the clip", turns_clock=True)
async def _look_for_clip(stand: Stand) -> None:
    post = stand.sandbox.faults.add("POST", MESSAGES, Drop(after_effect=True))
    used = await stand.ask()
    await post.struck.wait()
    stand.clock.turn(120)
    stand.strike("GET", MESSAGES)
    await stand.clip_of(used)


@_call("put the thread away", turns_clock=True)
async def _put_away(stand: Stand) -> None:
    await stand.clip_of(await stand.ask())
    stand.strike("PATCH", CHANNEL)
    [thread] = stand.guild.threads
    await stand.later(lambda: thread.thread and thread.thread.is_archived)


@_call("look at the thread", turns_clock=True)
async def _look_at_thread(stand: Stand) -> None:
    columns = {"thread_style": int(ThreadStyle.MEMBER)}
    await stand.app.db.write(guilds.prefer(stand.guild.id, columns, defaults=builders.NO_CAPS))
    await stand.clip_of(await stand.ask())
    stand.strike("GET", CHANNEL)
    [thread] = stand.guild.threads
    await stand.later(lambda: thread.thread and thread.thread.is_archived)


@_call("answer in private", posts=0, may_lapse=True)
async def _answer(stand: Stand) -> None:
    stand.strike(*CALLBACK)
    await (await stand.mia.slash("queue", stand.channel)).response()


@_call("answer after thinking", posts=0)
async def _answer_later(stand: Stand) -> None:
    stand.strike("PATCH", ORIGINAL)
    await (await stand.mia.slash("jobs", stand.channel)).response()


@_call("reply to a message")
async def _reply(stand: Stand) -> None:
    us = stand.application.user
    stand.strike("POST", MESSAGES)
    await stand.mia.send(stand.channel, f"<@{us.id}> a paper boat", files=[PICTURE])
    reply = await stand.channel.next_message(
        lambda message: message.author.id == us.id, since=0, timeout_s=_WITHIN_S
    )
    await shows(reply, lambda card: "See the clip" in card.text, timeout_s=_WITHIN_S)
    replies = [message for message in stand.channel.messages if message.author.id == us.id]
    assert replies == [reply], "It was replied to more than once."


@_call("delete the clip", posts=0, turns_clock=True)
async def _delete(stand: Stand) -> None:
    clip = await stand.clip_of(await stand.ask())
    stand.strike("DELETE", MESSAGE)
    await (await stand.mia.click(clip, "Delete")).response()
    await stand.later(lambda: not stand.clips())


@_call("open direct messages")
async def _open_direct(stand: Stand) -> None:
    stand.strike("POST", "/users/@me/channels")
    await _directly(stand)


@_call("post directly")
async def _post_directly(stand: Stand) -> None:
    stand.strike("POST", MESSAGES, nth=2)  # the channel refuses the first
    await _directly(stand)


async def _directly(stand: Stand) -> None:
    await stand.app.db.write(places.allow_direct(stand.mia.id, True))
    stand.studio.hold()
    used = await stand.ask()
    await used.response(lambda card: "Job " in card.text)
    ours = stand.guild.app_role(stand.application)
    denied = Permission.ATTACH_FILES | Permission.CREATE_PUBLIC_THREADS
    stand.guild.set_overwrite(stand.channel, ours, deny=denied)
    stand.studio.release()
    await used.response(lambda card: "as a direct message" in card.text, timeout_s=_WITHIN_S)


@_call("tell the log channel", turns_clock=True)
async def _tell(stand: Stand) -> None:
    heard = stand.guild.add_channel("log")
    columns = {"log_channel_id": heard.id}
    await stand.app.db.write(guilds.prefer(stand.guild.id, columns, defaults=builders.NO_CAPS))
    stand.studio.hold()
    used = await stand.ask()
    await used.response(lambda card: "Job " in card.text)
    stand.strike("POST", MESSAGES)
    await stand.later(lambda: heard.messages and stand.fault and stand.fault.hits)
    stand.clock.turn(2 * _MINUTE_S)  # what was in doubt is told again
    await asyncio.sleep(10 * _LOOKS_AGAIN_S)
    stand.studio.release()
    await stand.clip_of(used)
    assert len(heard.messages) == 1, "The log channel was told more than once."


@asynccontextmanager
async def _standing() -> AsyncGenerator[Stand]:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        studio = opened(patch)
        patch.setattr(Route, "BASE", Route.BASE)  # which the bot points at the sandbox, for the whole process
        patch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", DiscordWebSocket.DEFAULT_GATEWAY)
        async with Sandbox().serve() as sandbox:
            application = sandbox.add_application("Kinora", token=_TOKEN)
            stand = Stand(sandbox, application, sandbox.add_guild("Film club", app=application), studio)
            settings = Settings.model_validate(
                {
                    "discord_token": _TOKEN,
                    "discord_api_url": sandbox.api_url,
                    "discord_gateway_url": sandbox.gateway_url,
                    "data_dir": Path(folder),
                    "web_port": 0,
                }
            )
            async with held(running(settings, clock=stand.clock)) as stand.app:
                await application.ready()
                yield stand


async def outcomes(
    calls: Iterable[Call] = tuple(CALLS), troubles: Iterable[Trouble] = TROUBLES
) -> AsyncGenerator[Outcome]:
    """Play every trouble at every call, one after the other; in one bot, as far as its clock is not turned."""
    chosen, troubles = list(calls), list(troubles)
    quiet = [call for call in chosen if not call.turns_clock]
    if quiet:
        async with _standing() as stand:
            for call in quiet:
                for trouble in troubles:
                    yield await _played(stand, call, trouble)
    for call in chosen:
        for trouble in troubles if call.turns_clock else ():
            async with _standing() as stand:
                yield await _played(stand, call, trouble)


async def _played(stand: Stand, call: Call, trouble: Trouble) -> Outcome:
    stand.begin(trouble)
    known = {row.id for row in await stand.app.db.read(rows())}
    charged = len(stand.studio.submitted)
    problems: list[str] = []
    may_lapse = call.may_lapse and trouble.times > 1
    try:
        await call.play(stand)
    except NothingCame as failure:
        if not may_lapse:
            problems.append(str(failure))
    except (AssertionError, TimeoutError) as failure:
        problems.append(f"{type(failure).__name__}: {failure}")
    jobs = [row for row in await stand.app.db.read(rows()) if row.id not in known]
    waiting = [one for one in stand.sandbox.unanswered() if one.channel is stand.channel]
    posts, charges = len(stand.clips()), len(stand.studio.submitted) - charged
    ledger = "; ".join(" ".join(row.entries) for row in jobs)
    problems += [f"{one} has no answer" for one in waiting if jobs or not may_lapse]
    problems += _of_the_clip(call, posts, charges, [row.state for row in jobs])
    problems += await _of_the_books(stand, ledger)
    hits = stand.fault.hits if stand.fault else 0
    if hits != trouble.times and not (hits and trouble.times > 1):
        problems.append(f"the fault struck {hits} times")
    return Outcome(call.name, trouble.name, hits, not waiting, posts, charges, ledger, tuple(problems))


def _of_the_clip(call: Call, posts: int, charges: int, states: list[JobState]) -> Iterator[str]:
    if len(states) != charges or len(states) > 1:
        yield f"{charges} orders for {len(states)} jobs"
    if set(states) - {JobState.DONE}:
        yield f"the job is {states}"
    if states and posts != call.posts:
        yield f"{posts} clips were posted"
    if not states and posts:
        yield f"{posts} clips of nobody"


async def _of_the_books(stand: Stand, ledger: str) -> list[str]:
    problems: list[str] = []
    if await stand.app.db.read(audit.discrepancies()):
        problems.append("balances differ from the ledger")
    if ledger not in {"", "reserve settle"}:
        problems.append(f"ledger: {ledger}")
    async with asyncio.timeout(_WITHIN_S):
        while await stand.app.db.read(asks.left()):  # noqa: ASYNC110 - forgotten just after the answer
            await asyncio.sleep(_LOOKS_AGAIN_S)
    return problems


def _has_clip(message: Message) -> bool:
    return any(file.filename.endswith(".mp4") for file in message.files)


async def _main() -> int:
    logs.configure(level="error", layout="json")
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    played = wrong = 0
    async for one in outcomes([call for call in CALLS if call.name.startswith(wanted)]):
        played, wrong = played + 1, wrong + bool(one.problems)
        problems = "".join(f"\n    {problem}" for problem in one.problems)
        print(f"{one.call:28} {one.trouble:38} {one.charges}·{one.posts}·{one.ledger}{problems}", flush=True)  # noqa: T201
    print(f"{played} faults, {wrong} left something wrong.")  # noqa: T201
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))

"""What happens to a clip in a run, besides the bot's being killed: all goes well, or something at the vendor does not."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from bot.db import visit
from bot.db.errors import DatabaseFault
from bot.domain.jobs import JobState
from bot.sandbox import ClientRefused, Message, NothingCame, Permission, shows
from bot.sandbox.driver.used import Used
from tests.chaos.asking import Ask, by_command, by_painting, is_told
from tests.chaos.stage import Stage
from tests.e2e.scenes import PICTURE
from tests.vendors.vendor import OnCreate, Outcome
from tests.verdict import rows

PROVIDERS = ("local", "kling", "kkiai", "aimlapi", "onemin")

_ANSWER_WITHIN_S = 20.0
_KEPT_WITHIN_S = 180.0
_LOOKS_EVERY_S = 0.03
_TO_POST = Permission.SEND_MESSAGES | Permission.SEND_MESSAGES_IN_THREADS | Permission.CREATE_PUBLIC_THREADS


@dataclass(frozen=True)
class Story:
    """One way that a clip may take."""

    name: str
    providers: tuple[str, ...] = PROVIDERS
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    on_create: tuple[OnCreate, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    ends: frozenset[JobState] = frozenset({JobState.DONE})
    """How it may end; besides, where nobody can tell what became of a create, it is held."""
    jobs: int = 1
    meanwhile: Callable[[Stage, Message], Awaitable[None]] | None = None
    """What somebody does once there is a card."""
    ask: Ask = by_command
    anew: tuple[str, ...] = ()
    """How points begin that are another thing here than on the way of an ordinary clip."""


async def _cancel(stage: Stage, card: Message) -> None:
    """Press Cancel when the card says that it renders, again if the bot died over it."""
    await shows(
        card, lambda shown: "Rendering" in shown.text or _has_ended(shown), timeout_s=_ANSWER_WITHIN_S
    )
    while not _has_ended(card):
        await stage.is_up.wait()
        stage.pace.go(1)
        try:
            used = await stage.mia.click(card, "Cancel")
        except ClientRefused:  # it ended at this moment
            return
        if await stage.is_answered(used):
            stage.hurry()
            return


async def _cancel_in_vain(stage: Stage, card: Message) -> None:
    """Likewise, where the vendor cannot be stopped and finishes the clip."""
    await _cancel(stage, card)
    stage.vendors.kling.finish()


async def _shut_out(stage: Stage, card: Message) -> None:
    """Take from the bot all that a clip can be posted by, while it is rendered; nobody is to be written to directly."""
    await shows(card, lambda shown: "Rendering" in shown.text, timeout_s=_ANSWER_WITHIN_S)
    role = stage.guild.app_role(stage.application)
    stage.guild.set_overwrite(stage.channel, role, deny=_TO_POST)
    stage.vendors.kling.finish()


async def _kept(stage: Stage, card: Message) -> None:
    """Shut the bot out until its clip is kept for /claim."""
    await _shut_out(stage, card)
    await shows(card, lambda shown: "Made, but not posted" in shown.text, timeout_s=_KEPT_WITHIN_S)


async def _claim(stage: Stage, card: Message) -> None:
    """Claim the clip when it may be posted again; once more if the bot died over it."""
    await _kept(stage, card)
    role = stage.guild.app_role(stage.application)
    stage.guild.set_overwrite(stage.channel, role, deny=Permission.NONE)
    while not await is_told(stage, await _asked(stage, "claim")):
        pass
    stage.hurry()
    await shows(card, _has_ended, timeout_s=_KEPT_WITHIN_S)


async def _delete(stage: Stage, card: Message) -> None:
    """Delete the clip instead of claiming it."""
    await _kept(stage, card)
    while not _has_ended(card):
        used = await _asked(stage, "job", id=1)
        if await is_told(stage, used) and used.interaction.original is not None:
            with suppress(ClientRefused):  # deleted before the bot died
                await is_told(stage, await stage.mia.click(used.interaction.original, "Delete"))
            stage.hurry()
            with suppress(NothingCame):
                await shows(card, _has_ended, timeout_s=_ANSWER_WITHIN_S)


async def _leave(stage: Stage, card: Message) -> None:
    """Throw the bot out while it keeps a clip."""
    await _kept(stage, card)
    stage.guild.remove_app(stage.application)
    while not _is_given_back(stage):  # noqa: ASYNC110 - a row rings no bell
        await asyncio.sleep(_LOOKS_EVERY_S)


def _is_given_back(stage: Stage) -> bool:
    try:
        return "refund" in visit.read(stage.settings.database_path, rows())[0].entries
    except DatabaseFault:
        return False


async def _asked(stage: Stage, command: str, **options: Any) -> Used:
    await stage.is_up.wait()
    stage.pace.go(1)
    return await stage.mia.slash(command, stage.channel, **options)


def _has_ended(card: Message) -> bool:
    return any(
        words in card.text for words in ("See the clip", "Nothing was charged", "Cancelled", "deleted it")
    )


STORIES = (
    Story("clip"),
    Story("doubt", ("kling", "kkiai", "aimlapi", "onemin"), on_create=(OnCreate.CUT_AFTER,)),
    Story("absence", ("kling",), on_create=(OnCreate.CUT_BEFORE,)),
    Story("busy", ("aimlapi", "onemin"), on_create=(OnCreate.BUSY,)),
    Story(
        "failure",
        ("kling", "aimlapi", "onemin"),
        outcomes=(Outcome.FAILED,),
        ends=frozenset({JobState.FAILED}),
    ),
    Story(
        "cancel",
        ("local",),
        {"duration": 10, "quality": "pro"},
        ends=frozenset({JobState.CANCELLED, JobState.DONE}),
        meanwhile=_cancel,
    ),
    Story("two", ("kling", "onemin"), jobs=2),
    Story(
        "refusal",
        ("kling",),
        on_create=(OnCreate.REFUSE_PAYMENT,),
        ends=frozenset({JobState.FAILED, JobState.DONE}),  # once more, if the refusal was not written down
    ),
    Story(
        "no place",
        ("kling",),
        outcomes=(Outcome.SLOW,),
        ends=frozenset({JobState.UNDELIVERABLE}),
        meanwhile=_shut_out,
    ),
    *(
        Story(
            name, ("local",), {"duration": 10, "quality": "pro"}, ends=frozenset({end}), meanwhile=meanwhile
        )
        for name, end, meanwhile in (
            ("claimed", JobState.DONE, _claim),
            ("deleted", JobState.FAILED, _delete),
            ("left", JobState.FAILED, _leave),
        )
    ),
    Story(
        "painted",
        ("kling",),
        ask=by_painting,
        anew=("acknowledge:", "first card:", "noted:", "post:", "accept:"),
    ),
    Story("cancel in vain", ("kling",), outcomes=(Outcome.SLOW,), meanwhile=_cancel_in_vain),
)

BY_NAME = {story.name: story for story in STORIES}

_REQUEST = {"image": PICTURE, "prompt": "the boat drifts"}


def request(story: Story, provider: str) -> dict[str, Any]:
    """What is asked for."""
    return {**_REQUEST, "provider": provider, **story.options}

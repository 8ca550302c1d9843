"""What happens to a clip in a run, besides the bot's being killed: all goes well, or something at the vendor does not."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from bot.domain.jobs import JobState
from bot.sandbox import ClientRefused, Message, Permission, shows
from tests.chaos.stage import Stage
from tests.e2e.scenes import PICTURE
from tests.vendors.vendor import OnCreate, Outcome

PROVIDERS = ("local", "kling", "kkiai", "aimlapi", "onemin")

_ANSWER_WITHIN_S = 20.0
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


def _has_ended(card: Message) -> bool:
    return any(words in card.text for words in ("See the clip", "Nothing was charged", "Cancelled"))


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
    Story("cancel in vain", ("kling",), outcomes=(Outcome.SLOW,), meanwhile=_cancel_in_vain),
)

BY_NAME = {story.name: story for story in STORIES}

_REQUEST = {"image": PICTURE, "prompt": "the boat drifts"}


def request(story: Story, provider: str) -> dict[str, Any]:
    """What is asked for."""
    return {**_REQUEST, "provider": provider, **story.options}

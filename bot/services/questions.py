"""Questions that a request raises before it becomes a job: its price to its member, all of it to a moderator."""

from collections.abc import Mapping
from enum import StrEnum

from pydantic import ValidationError

from bot.domain.errors import OfferLapsed, Refused
from bot.domain.jobs import Asker, Origin
from bot.domain.requests import Value, VideoRequest

CONFIRMATION_LASTS_MS = 3_600_000
APPROVAL_LASTS_MS = 24 * 3_600_000
ANSWERED_LASTS_MS = 7 * 24 * 3_600_000
"""So long a message that missed its last edit can still be told how its question was answered."""

MAX_REASON = 300
MAX_OPEN = 10
"""Questions of one member in one server; each may call a moderator."""
HOUR_MS = 3_600_000
MAX_HOURLY = 30
"""Likewise in an hour, answered and withdrawn ones among them."""


class Stage(StrEnum):
    """Whose word a request waits for, or what came of it."""

    MEMBER = "member"  # the member is to agree to the price
    MODERATORS = "moderators"  # a moderator is to agree
    MADE = "made"  # it is a job now
    DECLINED = "declined"  # by a moderator
    WITHDRAWN = "withdrawn"  # by the member


LASTS_MS: Mapping[Stage, int] = {Stage.MEMBER: CONFIRMATION_LASTS_MS, Stage.MODERATORS: APPROVAL_LASTS_MS}
"""While these wait for an answer."""


class Question(Value):
    """A request that somebody has to agree to first, as it is shown and as it will be made."""

    origin: Origin
    asker: Asker
    request: VideoRequest
    provider: str
    model: str
    cautions: tuple[str, ...] = ()
    price: int
    """What is agreed to, in credits; made for more, it is asked again."""
    most: int | None = None
    """What may be charged if the provider says that it took more; None where that is the price."""
    price_before: int | None = None
    """What it was when it was agreed to or asked last; None unless it has risen since."""
    stage: Stage
    can_be_painted: bool = False
    """Whether its motion may be painted on a page before it is agreed to."""
    lapses_at_ms: int
    declined_by: int | None = None
    reason: str | None = None
    """Why it was declined, in a moderator's words."""

    @property
    def most_charged(self) -> int:
        """What is agreed to be charged at most, in credits."""
        return max(self.price, self.most or 0)

    def is_open(self, now_ms: int) -> bool:
        """Whether it can still be answered."""
        return self.stage in LASTS_MS and now_ms <= self.lapses_at_ms

    def answered(self, stage: Stage, *, now_ms: int) -> "Question":
        """The same with its answer."""
        return self.model_copy(update={"stage": stage, "lapses_at_ms": now_ms + ANSWERED_LASTS_MS})


class NeedsConsent(Refused):
    """Somebody has to agree to this first."""

    def __init__(self, number: int, question: Question) -> None:
        super().__init__()
        self.number = number
        """The offer that buttons take up."""
        self.question = question


class NeedsConfirmation(NeedsConsent):
    """The price is one that the member has to agree to first."""


class NeedsApproval(NeedsConsent):
    """A moderator has to agree to this first."""


class PriceRisen(Refused):
    """This costs more by now than its member has agreed to."""

    def __init__(self, credits_: int, agreed: int) -> None:
        super().__init__()
        self.credits = credits_
        self.agreed = agreed


class QuestionClosed(OfferLapsed):
    """This was answered in Discord meanwhile, or has lapsed there; you see there what has become of it."""


class QuestionPainted(QuestionClosed):
    """Motion was painted for this question by another link; in Discord you see what is asked now."""


class NotYours(Refused):
    """Only the one who asked for the clip can answer this."""


class TooManyOpen(Refused):
    """Too many of your clips wait for an answer, or did in the last hour; withdraw one, or try again later."""


class Renewed(Value):
    """What stays under the number of a question that is asked anew: its buttons lead to that."""

    renewed: str
    """The key of its request."""


def needed(number: int, question: Question) -> NeedsConsent:
    """The refusal that carries a question to whom it is for."""
    kind = NeedsConfirmation if question.stage is Stage.MEMBER else NeedsApproval
    return kind(number, question)


def understood(kept: str) -> Question | None:
    """A question as it was kept; None where something else is kept, or a question in another version's terms."""
    try:
        return Question.model_validate_json(kept)
    except ValidationError:
        return None


def renewed(kept: str) -> str | None:
    """The key of the request whose question was kept there, and is asked anew under another number; None if it is not."""
    try:
        return Renewed.model_validate_json(kept).renewed
    except ValidationError:
        return None

"""Why clips are not made, in a handful of classes: for metrics, which cannot tell whole sentences apart."""

from enum import StrEnum


class Cause(StrEnum):
    """Why a job ended without a clip."""

    NONE = "none"  # it has one
    CANCELLED = "cancelled"  # by who asked, or a moderator
    CONTENT = "content"  # the provider refuses it
    REQUEST = "request"  # the provider cannot make it
    ACCOUNT = "account"  # the operator has to see to it: no credit, a wrong key
    BUSY = "busy"  # nobody took it
    UNREACHABLE = "unreachable"  # nobody could be asked
    LATE = "late"  # not finished in time
    UNMADE = "unmade"  # the provider tried, and could not
    HELD = "held"  # nobody can tell whether it was made: not asked again, and maybe charged for
    UNFETCHED = "unfetched"  # made, but it could not be had
    UNPOSTED = "unposted"  # made, but no place took it
    LEFT = "left"  # the bot is not in the server any more
    BOT = "bot"  # a fault of the bot's own
    OTHER = "other"


_SIGNS = (
    (Cause.CONTENT, ("not allow this content", "refused the content")),
    (Cause.ACCOUNT, ("operator's account", "its operator has to see")),
    (
        Cause.BUSY,
        (
            "no more clips right now",
            "no more jobs right now",
            "is busy",
            "no longer at hand",
            "no room for a day",
        ),
    ),
    (Cause.UNREACHABLE, ("not be reached", "out of order", "lost the job")),
    (Cause.LATE, ("within its time",)),
    (
        Cause.UNFETCHED,
        ("could not be fetched", "not know the clip any more", "no link to it", "no longer on this machine"),
    ),
    (Cause.UNMADE, ("could not make this clip", "did not make the clip")),
    (
        Cause.REQUEST,
        ("not accept this", "not know this model", "not offer this", "takes only", "are too large for"),
    ),
    (Cause.UNPOSTED, ("No place took",)),
    (Cause.LEFT, ("removed from the server",)),
    (Cause.BOT, ("inside the bot", "from a backup", "not kept any more", "no longer kept here")),
)


def cause(state: str, error: str | None, *, maybe_charged: bool = False) -> Cause:
    """The class of a job's end; `error` is the sentence that is kept with it."""
    if state in ("done", "cancelled", "undeliverable"):
        return {"done": Cause.NONE, "cancelled": Cause.CANCELLED}.get(state, Cause.UNPOSTED)
    if maybe_charged:
        return Cause.HELD
    said = (error or "").partition(":")[0]  # behind it stand a vendor's own words
    return next((found for found, signs in _SIGNS if any(sign in said for sign in signs)), Cause.OTHER)

"""What can go wrong, as one tree.

::

    KinoraError
    ├── Refused                  a person asked for what cannot be; nothing was charged
    │   ├── NotInServer          the bot has only just come back to a server
    │   ├── NotExpressible       no provider at hand can make this
    │   ├── QuotaExceeded        a cap in credits would be overdrawn
    │   ├── ClipTooDear          one clip costs more than one may
    │   ├── Blocked              moderators have blocked the member
    │   ├── Unconfirmed          the price is one to be agreed to first
    │   ├── Unapproved           a moderator is to agree first
    │   ├── TooManyQueued        the member has as many waiting jobs as the server allows
    │   ├── AttachmentGone       a picture cannot be copied from Discord
    │   ├── PermissionsMissing   the bot could not deliver here
    │   ├── NoSuchJob            no job of this number here, or not the asker's
    │   ├── TooLateToCancel      the job has gone too far
    │   ├── OfferLapsed          the button's offer is no longer open
    │   └── Unchanged            a setting, a cap or a grant was not to be changed; no clip was meant
    ├── CatalogueInvalid         a row of the catalogue of models is not one
    └── DeliveryFault            Discord did not take a message
        ├── DestinationGone      deleted, archived for good or locked
        ├── DestinationForbidden the bot has no right to post there
        ├── ClipTooLarge         this place takes smaller files
        ├── PictureMissing       a message shows a picture that it has not
        └── DiscordUnavailable   try again later; the message may or may not exist

A class's docstring is its default message, in the language that is spoken where it is raised. `bot.ui.errors` turns each into words;
a database that cannot be reached has its own tree in `bot.db.errors`.
"""

from collections.abc import Sequence

from bot.domain.money import Scope, Window
from bot.language import tr


class KinoraError(Exception):
    """Something went wrong."""

    def __init__(self, message: str | None = None) -> None:
        usual = (type(self).__doc__ or "").partition("\n")[0]
        super().__init__(message or tr(usual))


class Refused(KinoraError):
    """This cannot be done."""


class NotInServer(Refused):
    """I have only just come back to this server; please ask again in a moment."""


class NotExpressible(Refused):
    """No provider at hand can make this."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = tuple(problems)


class CatalogueInvalid(KinoraError):
    """A row of the catalogue of models is not one."""


class QuotaExceeded(Refused):
    """The credits left do not cover this clip."""

    def __init__(
        self, *, scope: Scope, price: int, left: int, whole: int, window: Window, fresh_at_s: int
    ) -> None:
        super().__init__()
        self.scope = scope
        """Whose cap it is: the member's, the channel's, the server's or the operator's."""
        self.price = price
        """Credits; at the catalogue's prices where it is the operator's cap."""
        self.left = left
        self.whole = whole
        """What would be left if nothing were used."""
        self.window = window
        self.fresh_at_s = fresh_at_s
        """When there will be more, seconds since 1970."""


class ClipTooDear(Refused):
    """No single clip may cost this much here."""

    def __init__(self, *, scope: Scope, price: int, cap: int) -> None:
        super().__init__()
        self.scope = scope
        self.price = price
        self.cap = cap


class Blocked(Refused):
    """Moderators of this server have blocked you from making clips."""

    def __init__(self, *, until_ms: int | None, reason: str | None) -> None:
        super().__init__()
        self.until_ms = until_ms
        """None: until a moderator lifts it."""
        self.reason = reason
        """For the member, and not for everybody."""

    def in_public(self) -> "Blocked":
        """The same, as everybody may read it."""
        return Blocked(until_ms=self.until_ms, reason=None)


class Unconfirmed(Refused):
    """The price is above what this server lets pass without a question."""

    def __init__(self, price: int, most: int) -> None:
        super().__init__()
        self.price = price
        self.most = most
        """What may be charged if the provider says that it took more."""


class Unapproved(Refused):
    """A moderator has to agree to this request."""

    def __init__(self, price: int, most: int) -> None:
        super().__init__()
        self.price = price
        self.most = most


class TooManyQueued(Refused):
    """As many jobs are waiting as one member may have."""

    def __init__(self, cap: int) -> None:
        super().__init__()
        self.cap = cap


class AttachmentGone(Refused):
    """Discord no longer has the picture you attached; please attach it again."""


class PermissionsMissing(Refused):
    """The bot lacks permissions here."""

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__()
        self.missing = tuple(missing)


class NoSuchJob(Refused):
    """There is no such job."""


class TooLateToCancel(Refused):
    """It is too late to cancel this job."""


class OfferLapsed(Refused):
    """This offer is no longer open; please ask again."""


class Unchanged(Refused):
    """This cannot be changed."""


class DeliveryFault(KinoraError):
    """Discord did not take the message."""


class DestinationGone(DeliveryFault):
    """The place is deleted or closed."""


class DestinationForbidden(DeliveryFault):
    """The bot may not post there."""


class ClipTooLarge(DeliveryFault):
    """This place takes smaller files."""


class PictureMissing(DeliveryFault):
    """The message does not have the picture that it is to show."""


class DiscordUnavailable(DeliveryFault):
    """Discord did not answer; the message may or may not have been posted."""

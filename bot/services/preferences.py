"""What moderators choose for their server: one table of settings.

A new setting is a column of `guilds` (a migration, and `bot.db.guilds.PREFERENCES`) and a row in `SETTINGS`: commands,
suggestions, words and the page docs/settings.md follow from that. Whoever acts on it reads the column.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from bot.domain.errors import Unchanged
from bot.language import LANGUAGES, marked
from bot.services.controls import (
    AtHand,
    Control,
    Number,
    Offer,
    OneOf,
    State,
    Stored,
    Surroundings,
    TimeZone,
    Unfit,
    Value,
    no_or_yes,
)
from bot.services.references import PlaceOrNone, Places, RoleOrNone
from bot.services.rule_lists import RuleList


class NoSuchSetting(Unchanged):
    """There is no such setting; choose one of those that are offered."""


class NoSuchValue(Unchanged):
    """The setting cannot be that."""

    def __init__(self, setting: str, why: str) -> None:
        super().__init__(f"`{setting}` {why}")


class Group(Enum):
    """What settings are about; they are shown group by group."""

    WHERE = marked("Who asks, and where")
    WHAT = marked("What is made")
    PRICE = marked("What it costs")
    WHITHER = marked("Where clips go")
    CONTENT = marked("What is refused")
    SERVER = marked("The server")


@dataclass(frozen=True, slots=True)
class GuildSetting:
    """All that there is to know about a setting."""

    name: str
    group: Group
    column: str
    words: str
    """What it decides, to stand before a colon."""
    control: Control
    usual: Stored
    """What the column holds where nobody has chosen."""
    is_managers: bool = False
    """Whether it takes Manage Server itself to change it: it says who else moderates."""

    def read(self, typed: str, around: Surroundings) -> Stored:
        """The value that was typed.

        Raises:
            NoSuchValue: the setting cannot be that.
        """
        try:
            return self.control.read(typed, around)
        except Unfit as refusal:
            raise NoSuchValue(self.name, str(refusal)) from refusal


@dataclass(frozen=True, slots=True)
class Chosen:
    """A setting as it is in one server."""

    setting: GuildSetting
    stored: Stored

    @property
    def is_usual(self) -> bool:
        """Whether it is as it would be if nobody had chosen."""
        return self.stored == self.setting.usual

    def state(self, around: Surroundings) -> State:
        """What that comes to."""
        return self.setting.control.state(self.stored, around)


SETTINGS = (
    GuildSetting(
        name="channels",
        group=Group.WHERE,
        column="allowed_channels",
        words=marked("Where clips may be asked for; a thread counts as its channel"),
        control=Places(some=marked("there and nowhere else"), every=marked("wherever I can post")),
        usual=None,
    ),
    GuildSetting(
        name="age_restricted_only",
        group=Group.WHERE,
        column="age_restricted_only",
        words=marked("Whether only age-restricted channels get clips"),
        control=no_or_yes(
            no=marked("any channel may"),
            yes=marked("clips can be asked for in age-restricted channels alone"),
        ),
        usual=0,
    ),
    GuildSetting(
        name="approval_role",
        group=Group.WHERE,
        column="approval_role_id",
        words=marked("Who makes clips without asking a moderator"),
        control=RoleOrNone(
            some=marked("whoever has this role, and moderators"),
            none=marked("everybody"),
            gone=marked("only moderators"),
            everybody=marked(
                "cannot be the role of everybody; `none` lets everybody make clips without approval."
            ),
        ),
        usual=None,
    ),
    GuildSetting(
        name="replies",
        group=Group.WHERE,
        column="reply_style",
        words=marked("What a reply to a clip of mine does that does not name me in its text"),
        control=OneOf(
            (
                Value("ask", 0, marked("I ask whether the clip shall go on")),
                Value("make", 1, marked("the clip goes on with its words")),
                Value("ignore", 2, marked("nothing")),
            )
        ),
        usual=0,
    ),
    GuildSetting(
        name="routing",
        group=Group.WHAT,
        column="cheapest_first",
        words=marked("Who makes a clip that several providers can make"),
        control=OneOf(
            (
                Value("order", 0, marked("the first of them in the operator's order")),
                Value("cheapest", 1, marked("the one that costs the fewest credits")),
            )
        ),
        usual=0,
    ),
    GuildSetting(
        name="provider",
        group=Group.WHAT,
        column="default_provider",
        words=marked("Who makes it rather than others, if a request names no provider or model"),
        control=AtHand(
            known=lambda around: around.providers,
            one=marked("a provider"),
            some=marked("this one, if it can"),
            none=marked("as `routing` says"),
            gone=marked("This provider is not at hand any more, so `routing` counts."),
        ),
        usual=None,
    ),
    GuildSetting(
        name="model",
        group=Group.WHAT,
        column="default_model",
        words=marked("The model that is used rather than others, if a request names no provider or model"),
        control=AtHand(
            known=lambda around: around.models,
            one=marked("a model"),
            some=marked("this one, if it can"),
            none=marked("the usual one of who makes the clip"),
            gone=marked("This model is not at hand any more, so the usual one counts."),
        ),
        usual=None,
    ),
    GuildSetting(
        name="quality",
        group=Group.WHAT,
        column="default_quality",
        words=marked("The quality of clips, if a request names none"),
        control=OneOf(
            (
                Value("none", None, marked("the model's own")),
                Value("std", "std", marked("720p, where the model can")),
                Value("pro", "pro", marked("1080p, where the model can")),
                Value("4k", "4k", marked("4K, where the model can")),
            )
        ),
        usual=None,
    ),
    GuildSetting(
        name="confirm_above",
        group=Group.PRICE,
        column="confirm_above",
        words=marked("Which clips ask first whether their price is fine"),
        control=Number(
            least=0,
            most=1_000_000,
            unit=marked("credits"),
            words=marked("those dearer than {number} credits"),
            none=marked("none"),
            offered=(25, 50, 100, 250, 500),
        ),
        usual=None,
    ),
    GuildSetting(
        name="price_percent",
        group=Group.PRICE,
        column="price_percent",
        words=marked("What clips cost, in per cent of the catalogue's prices"),
        control=Number(
            least=10,
            most=1_000,
            unit="%",
            words=marked(
                "100 credits in the catalogue are {number} here, unless /quota price says otherwise"
            ),
            offered=(50, 80, 100, 120, 150, 200),
        ),
        usual=100,
    ),
    GuildSetting(
        name="pays_overrun",
        group=Group.PRICE,
        column="pays_overrun",
        words=marked("What is charged if a clip turns out dearer than was reserved"),
        control=no_or_yes(
            no=marked("no more than was reserved"),
            yes=marked("what it really cost, up to twice the price, even if that overdraws a cap"),
        ),
        usual=0,
    ),
    GuildSetting(
        name="threads",
        group=Group.WHITHER,
        column="thread_style",
        words=marked("Where clips are posted"),
        control=OneOf(
            (
                Value("request", 0, marked("in a thread on each request")),
                Value("member", 1, marked("in one thread for each member and channel")),
                Value("none", 2, marked("beside the request, without a thread")),
                Value("gallery", 3, marked("in the channel that `gallery` names")),
            )
        ),
        usual=0,
    ),
    GuildSetting(
        name="gallery",
        group=Group.WHITHER,
        column="gallery_channel_id",
        words=marked("The channel for all clips, if `threads` says so"),
        control=PlaceOrNone(
            some=marked(
                "this one; clips of age-restricted channels only if it is one, and none of channels that fewer see"
            ),
            none=marked("clips are posted on their requests"),
            gone=marked("clips are posted on their requests"),
            for_clips=True,
        ),
        usual=None,
    ),
    GuildSetting(
        name="spoilers",
        group=Group.WHITHER,
        column="spoilers",
        words=marked("Which clips are hidden until somebody clicks on them"),
        control=OneOf(
            (
                Value("asked", 0, marked("those that were asked for so")),
                Value("always", 1, marked("all, except those by holders of `unhidden_role`")),
            )
        ),
        usual=0,
    ),
    GuildSetting(
        name="unhidden_role",
        group=Group.WHITHER,
        column="unhidden_role_id",
        words=marked("Whose clips are shown at once although `spoilers` is `always`"),
        control=RoleOrNone(
            some=marked("those by whoever has this role"),
            none=marked("nobody's"),
            gone=marked("nobody's"),
            everybody=marked("cannot be the role of everybody; set `spoilers` to `asked` instead."),
        ),
        usual=None,
    ),
    GuildSetting(
        name="words",
        group=Group.CONTENT,
        column="blocked_words",
        words=marked("Words that no request may have in it, not even a moderator's"),
        control=RuleList(
            are_patterns=False,
            some=marked("who uses one is told why, and nothing is made"),
            none=marked("any are fine"),
        ),
        usual=None,
    ),
    GuildSetting(
        name="patterns",
        group=Group.CONTENT,
        column="blocked_patterns",
        words=marked("The same as regular expressions, as RE2 has them"),
        control=RuleList(
            are_patterns=True,
            some=marked("a request that fits one is refused with its reason"),
            none=marked("any are fine"),
        ),
        usual=None,
    ),
    GuildSetting(
        name="log_channel",
        group=Group.SERVER,
        column="log_channel_id",
        words=marked("Where I tell moderators what they should know, such as that a budget runs out"),
        control=PlaceOrNone(
            some=marked("there"), none=marked("nowhere"), gone=marked("nowhere"), for_moderators=True
        ),
        usual=None,
    ),
    GuildSetting(
        name="log_requests",
        group=Group.SERVER,
        column="logs_requests",
        words=marked("Whether the log channel is told of every request"),
        control=OneOf(
            (
                Value("yes", 1, marked("who asked for what, where, and for how much")),
                Value("no", 0, marked("it is not")),
            )
        ),
        usual=1,
    ),
    GuildSetting(
        name="moderator_role",
        group=Group.SERVER,
        column="moderator_role_id",
        words=marked("Who moderates Kinora, beside those who have Manage Server"),
        control=RoleOrNone(
            some=marked("whoever has this role"),
            none=marked("nobody"),
            gone=marked("nobody"),
            everybody=marked("cannot be the role of everybody, which would make every member a moderator."),
        ),
        usual=None,
        is_managers=True,
    ),
    GuildSetting(
        name="language",
        group=Group.SERVER,
        column="language",
        words=marked("The language of what everybody sees; what you alone see is in yours"),
        control=OneOf(
            (
                Value("auto", None, marked("the server's own in Discord")),
                *(Value(code, code, name) for code, name in LANGUAGES.items()),
            )
        ),
        usual=None,
    ),
    GuildSetting(
        name="time_zone",
        group=Group.SERVER,
        column="time_zone",
        words=marked("The clock by which days, weeks and months begin"),
        control=TimeZone(),
        usual="UTC",
    ),
)


def suggested(setting: str, typed: str, around: Surroundings) -> Iterator[Offer]:
    """Suggestions for the value of a setting, the best first; none for what is no setting."""
    for row in SETTINGS:
        if row.name == setting:
            yield from row.control.offers(typed, around)


def named(name: str) -> GuildSetting:
    """The setting of that name.

    Raises:
        NoSuchSetting: no row has it.
    """
    for row in SETTINGS:
        if row.name == name:
            return row
    raise NoSuchSetting

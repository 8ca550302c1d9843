"""`/quota`: who is meant by what was chosen, and what moderators are told of what they did."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands
from discord.app_commands import AppCommandChannel, AppCommandThread, Choice

from bot.domain.errors import Unchanged
from bot.domain.limits import EVERYBODY, MEASURES, Limit, Measure
from bot.domain.money import Scope, Window
from bot.language import grouped, marked, tr
from bot.services.allowances import (
    EVERY_MEMBER,
    MAX_REASON,
    Act,
    Barred,
    Capped,
    Granted,
    Priced,
    Reset,
    Subject,
)
from bot.ui import checks
from bot.ui.allowances import CLIPS, amount_words, measure_name, whose
from bot.ui.suggestions import MAX_CHOICES
from bot.ui.text import counted, cut, inline, plain, prose, until_words

if TYPE_CHECKING:
    from bot.domain.catalogue import Catalogue

Interaction = discord.Interaction[Any]
Person = discord.Member | discord.User
"""A `User` is somebody who is not in the server."""

MEASURE_WORDS: Mapping[Measure, str] = {
    Measure.DAY: "credits a day",
    Measure.WEEK: "credits a week, from Monday",
    Measure.MONTH: "credits a month",
    Measure.CLIP: "credits for one clip at most",
    Measure.QUEUED: "clips that wait",
    Measure.RUNNING: "clips made at once",
}

_NO_CAP = {
    Scope.MEMBER: marked("no cap of their own: a role's or everybody's counts"),
    Scope.ROLE: marked("no cap of its own: everybody's counts"),
    Scope.CHANNEL: marked("no cap of its own"),
}
_USED = {
    Window.DAY: marked("used today {number} → 0"),
    Window.WEEK: marked("used this week {number} → 0"),
    Window.MONTH: marked("used this month {number} → 0"),
}
_MAX_LABEL = 100
_MAX_NAME = 40


class OneAtATime(Unchanged):
    """Choose one member, one role or one channel, not several of them."""


class BotsMakeNoClips(Unchanged):
    """Bots make no clips, so there is nothing to cap, grant or block."""


class NoSuchLimit(Unchanged):
    """There is no such limit; choose one of those that are offered."""


class AnyPlace(app_commands.Transformer):
    """A channel that clips can be asked for in, whether or not it is in the cache."""

    @property
    def type(self) -> discord.AppCommandOptionType:
        """A channel."""
        return discord.AppCommandOptionType.channel

    @property
    def channel_types(self) -> list[discord.ChannelType]:
        """All kinds but categories."""
        kinds = discord.ChannelType
        return [
            kinds.text,
            kinds.news,
            kinds.voice,
            kinds.stage_voice,
            kinds.forum,
            kinds.public_thread,
            kinds.private_thread,
            kinds.news_thread,
        ]

    async def transform(
        self, interaction: Interaction, value: Any, /
    ) -> AppCommandChannel | AppCommandThread:
        """What Discord says of it."""
        del interaction
        return value


Place = app_commands.Transform[AppCommandChannel | AppCommandThread, AnyPlace]

MEASURE_CHOICES = [
    Choice(name=f"{one.value} · {words}", value=one.value) for one, words in MEASURE_WORDS.items()
]
BUDGET_CHOICES = [choice for choice in MEASURE_CHOICES if Measure(choice.value) in MEASURES[Scope.SERVER]]


def measure_of(chosen: str) -> Measure:
    """The measure that was chosen.

    Raises:
        NoSuchLimit: it is none.
    """
    try:
        return Measure(chosen)
    except ValueError as error:
        raise NoSuchLimit from error


def act_of(interaction: Interaction, reason: str | None = None) -> Act:
    """Who does something, and why."""
    assert interaction.guild_id is not None
    return Act(interaction.guild_id, interaction.user.id, reason)


def subject_of(
    interaction: Interaction,
    member: Person | None = None,
    role: discord.Role | None = None,
    channel: AppCommandChannel | AppCommandThread | None = None,
    *,
    otherwise: Subject = EVERY_MEMBER,
) -> Subject:
    """Who is meant; `otherwise` if nobody was chosen. The role of everybody is everybody.

    Raises:
        OneAtATime: several were chosen.
        BotsMakeNoClips: it is a bot.
    """
    if sum(chosen is not None for chosen in (member, role, channel)) > 1:
        raise OneAtATime
    if member is not None:
        return Subject(Scope.MEMBER, member_id(member))
    if role is not None:
        is_everybodys = role.id == interaction.guild_id
        return EVERY_MEMBER if is_everybodys else Subject(Scope.ROLE, role.id, _named(role.name))
    if channel is not None:
        return _channel(interaction, channel)
    return otherwise


def member_id(member: Person) -> int:
    """Whose credits they are.

    Raises:
        BotsMakeNoClips: it is a bot.
    """
    if member.bot:
        raise BotsMakeNoClips
    return member.id


def absent(member: Person | None) -> str:
    """A line that says so of somebody who is not in the server; nothing else."""
    is_here = member is None or isinstance(member, discord.Member)
    return "" if is_here else f"\n-# {tr('They are not in this server now.')}"


def place_id(interaction: Interaction) -> int:
    """The channel whose allowance counts where the command was used: in a thread, its parent."""
    assert interaction.channel_id is not None
    place = interaction.channel
    parent_id = place.parent_id if isinstance(place, discord.Thread) else None
    return parent_id or interaction.channel_id


async def models(interaction: Interaction, typed: str) -> list[Choice[str]]:
    """Models that a price can be set for, for moderators."""
    if not await checks.is_moderator(interaction):
        return []
    return model_choices(interaction.client.services.catalogue, str(typed))


def model_choices(catalogue: "Catalogue", typed: str) -> list[Choice[str]]:
    """Models whose name or id contains what was typed."""
    wanted = typed.strip().casefold()
    named = {spec.id: f"{spec.title} · {spec.id}" for spec in reversed(catalogue.specs)}
    found = sorted((label, model) for model, label in named.items() if wanted in label.casefold())
    return [Choice(name=cut(label, _MAX_LABEL), value=model) for label, model in found[:MAX_CHOICES]]


def _channel(interaction: Interaction, channel: AppCommandChannel | AppCommandThread) -> Subject:
    if not isinstance(channel, AppCommandThread):
        return Subject(Scope.CHANNEL, channel.id, _named(channel.name))
    parent = interaction.guild.get_channel(channel.parent_id) if interaction.guild else None
    return Subject(Scope.CHANNEL, channel.parent_id, _named(parent.name) if parent else "")


def _named(name: str) -> str:
    """A name that leaves room for what was changed, on a line of the ledger."""
    return cut(plain(name), _MAX_NAME)


def capped_text(capped: Capped) -> str:
    """What a moderator is told who set a cap."""
    subject, measure = capped.subject, capped.measure
    change = f"{_limit(subject, measure, capped.before)} → {_limit(subject, measure, capped.after)}"
    return _lines(
        f"### {tr('From now on')}",
        f"{whose(subject)} · `{measure_name(measure)}`",
        f"{change}",
        f"-# {tr('Clips that wait start as soon as this lets them.')}"
        if measure is Measure.RUNNING
        else None,
        _above_ceiling(capped),
    )


def granted_text(granted: Granted, reason: str | None) -> str:
    """What a moderator is told who gave credits."""
    expiry = granted.expires_at_ms
    until = until_words(expiry) if expiry is not None else tr("until they are used up")
    given = tr("{number} of them {until}.", number=grouped(granted.credits), until=until)
    return _lines(
        f"### {tr('Credits given')}",
        f"{whose(granted.subject)} · {tr('on top')}",
        f"{grouped(granted.before)} → {counted(granted.after, 'credit')}",
        f"-# {given}",
        _reason(reason),
    )


def reset_text(reset: Reset, reason: str | None) -> str:
    """What a moderator is told who had use forgotten."""
    return _lines(
        f"### {tr('Use reset')}",
        whose(reset.subject),
        *(tr(_USED[window], number=grouped(used)) for window, used in reset.forgotten.items()),
        f"-# {tr('What is reserved for clips under way stays.')}",
        _reason(reason),
    )


def barred_text(barred: Barred, reason: str | None) -> str:
    """What a moderator is told who blocked or unblocked a member."""
    before, after = (
        _bar_words(block.until_ms if block else None, is_blocked=block is not None)
        for block in (barred.before, barred.after)
    )
    return _lines(
        f"### {tr('Blocked') if barred.after else tr('Unblocked')}",
        f"<@{barred.user_id}>",
        f"{before} → {after}",
        _reason(reason),
        f"-# {tr('Clips asked for before are still made.')}" if barred.after else None,
    )


def priced_text(priced: Priced) -> str:
    """What a moderator is told who set a price."""
    before, after = (_price_words(price, percent=priced.percent) for price in (priced.before, priced.after))
    return _lines(
        f"### {tr('From now on')}",
        inline(priced.model, length=60),
        f"{before} → {after}",
        f"-# {tr('Clips asked for before keep their price.')}",
    )


def _price_words(price: int | None, *, percent: int) -> str:
    if price is None:
        return tr("{percent} % of the catalogue's", percent=percent)
    return tr("{cost} a second", cost=counted(price, "credit"))


def _limit(subject: Subject, measure: Measure, limit: Limit | None) -> str:
    if limit is not None:
        return amount_words(measure, limit.amount)
    return tr(_NO_CAP[subject.scope]) if subject.id != EVERYBODY else tr("no cap")


def _above_ceiling(capped: Capped) -> str | None:
    """Only where a budget was set that the operator's ceiling makes smaller."""
    ceiling, after = capped.ceiling, capped.after
    if ceiling is None or capped.subject.scope is not Scope.SERVER or capped.measure in CLIPS:
        return None
    if after is not None and after.amount is not None and after.amount <= ceiling:
        return None
    text = tr(
        "The bot's operator lets this server use {credits} a month at the catalogue's prices; "
        "that counts all the same.",
        credits=counted(ceiling, "credit"),
    )
    return f"-# {text}"


def _bar_words(until_ms: int | None, *, is_blocked: bool) -> str:
    if not is_blocked:
        return tr("not blocked")
    return tr("blocked") if until_ms is None else tr("blocked {until}", until=until_words(until_ms))


def _reason(reason: str | None) -> str | None:
    if not reason:
        return None
    return f"-# {tr('Reason: {reason}', reason=prose(reason, length=MAX_REASON))}"


def _lines(*lines: str | None) -> str:
    return "\n".join(line for line in lines if line is not None)

"""What members, servers, roles and channels may spend at one moment.

All of it only reads: a server that was never seen has what it would start with, and is not settled in by a look.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo

from bot.db import guilds, jobs, limits, standing
from bot.db.standing import Standing
from bot.db.transaction import Transaction
from bot.domain.jobs import SLOT_HOLDERS, Job, JobState
from bot.domain.limits import EVERYBODY, Limits
from bot.domain.money import Scope
from bot.services.allowances import Allowance, ServerAllowance, Shown, Subject

MAX_BLOCKED_READ = 1_000
"""Far more than a message shows; what is beyond is not counted either."""


def of_member(
    guild_id: int, user_id: int, roles: Collection[int], channel_id: int, *, defaults: Limits, now_ms: int
) -> Transaction[tuple[Allowance, Job | None]]:
    """A member's standing in a channel, and their job that has waited longest."""
    terms = yield from guilds.known_terms(guild_id, user_id, now_ms=now_ms)
    known = yield from _caps(guild_id, user_id, channel_id, terms, defaults)
    asked = _Asked(guild_id, user_id, channel_id, roles)
    means = yield from _means(asked, known, terms, now_ms)
    counts = yield from jobs.count_by_state(guild_id, user_id)
    waiting = yield from jobs.first_waiting_of(guild_id, user_id)
    allowance = Allowance(
        member=means.member,
        server=means.server,
        channel=means.channel,
        operator=means.operator,
        queued=counts.get(JobState.QUEUED, 0),
        running=_running(counts),
        counting=known.counting(user_id, roles),
        channel_caps=means.caps[Scope.CHANNEL],
        block=terms.block if terms else None,
    )
    return allowance, waiting


def of_server(guild_id: int, *, defaults: Limits, now_ms: int) -> Transaction[ServerAllowance]:
    """The budget, everybody's caps and what differs from them."""
    terms = yield from guilds.known_terms(guild_id, EVERYBODY, now_ms=now_ms)
    known = defaults if terms is None else (yield from limits.all_of(guild_id))
    means = yield from _means(_Asked(guild_id), known, terms, now_ms)
    counts = yield from jobs.count_by_state(guild_id)
    blocked = yield from guilds.blocked(guild_id, now_ms=now_ms, limit=MAX_BLOCKED_READ)
    return ServerAllowance(
        server=means.server,
        operator=means.operator,
        queued=counts.get(JobState.QUEUED, 0),
        running=_running(counts),
        limits=known,
        prices=(yield from guilds.prices(guild_id)),
        blocked=tuple(blocked),
    )


def of_subject(guild_id: int, subject: Subject, *, defaults: Limits, now_ms: int) -> Transaction[Shown]:
    """A role's or a channel's own caps, and what was used of a channel's."""
    terms = yield from guilds.known_terms(guild_id, EVERYBODY, now_ms=now_ms)
    known = yield from _caps(guild_id, EVERYBODY, subject.id, terms, defaults)
    own = known.of(subject.scope, subject.id)
    if subject.scope is not Scope.CHANNEL:
        return Shown(subject, own)
    means = yield from _means(_Asked(guild_id, channel_id=subject.id), known, terms, now_ms)
    return Shown(subject, own, means.channel)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Whose means, and where."""

    guild_id: int
    user_id: int = EVERYBODY
    channel_id: int = EVERYBODY
    roles: Collection[int] = ()


def _caps(
    guild_id: int, user_id: int, channel_id: int, terms: guilds.Terms | None, defaults: Limits
) -> Transaction[Limits]:
    return defaults if terms is None else (yield from limits.that_matter(guild_id, user_id, channel_id))


def _means(asked: _Asked, known: Limits, terms: guilds.Terms | None, now_ms: int) -> Transaction[Standing]:
    caps = standing.caps_for(known, asked.user_id, asked.roles, asked.channel_id)
    zone: tzinfo = terms.zone if terms else UTC
    return (
        yield from standing.read(
            asked.guild_id, asked.user_id, asked.channel_id, caps, zone=zone, now_ms=now_ms
        )
    )


def _running(counts: Mapping[JobState, int]) -> int:
    return sum(counts.get(state, 0) for state in SLOT_HOLDERS)

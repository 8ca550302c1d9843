"""What members, roles, channels and servers may spend, in lines that fit a phone."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from bot.domain.limits import EVERYBODY, Caps, Limit, Measure
from bot.domain.money import Balance, Grant, Purse, Scope, window_of
from bot.services.allowances import MAX_REASON, Allowance, ServerAllowance, Shown, Subject
from bot.services.ports import Card
from bot.ui.text import WINDOWS, counted, inline, progress_bar, prose, until_words

_MAX_TEXT = 3_900
"""A message of components has 4,000 characters."""
_LISTED = 8
_BAR = 8
CLIPS = (Measure.QUEUED, Measure.RUNNING)


def me_text(allowance: Allowance) -> str:
    """What `/quota me` shows."""
    return _fitted(
        [
            "### Your credits",
            *_blocked(allowance, "You are blocked from making clips"),
            *_headline(allowance),
            *_means(allowance.member, otherwise="No cap of yours"),
            *_balances(allowance.channel, "This channel"),
            *_balances(allowance.server, "This server"),
            *_granted(allowance.server, "This server, on top"),
            *_ceiling(allowance.operator),
            *_largest(allowance),
            _clips(allowance),
            *_waiting(allowance.waiting),
        ]
    )


def member_text(user_id: int, allowance: Allowance) -> str:
    """What `/quota show` shows of a member."""
    caps = [
        _counting_line(allowance.counting[measure], user_id)
        for measure in Measure
        if measure in allowance.counting
    ]
    return _fitted(
        [
            "### Credits of a member",
            f"<@{user_id}>",
            *_blocked(allowance, "Blocked"),
            *_means(allowance.member, otherwise="No cap of theirs"),
            _clips(allowance),
            "**Caps that count**",
            *(caps or ["-# none"]),
        ]
    )


def shown_text(shown: Shown) -> str:
    """What `/quota show` shows of a role or a channel."""
    is_role = shown.subject.scope is Scope.ROLE
    what = "Caps of a role" if is_role else "Caps of a channel"
    own = [f"`{measure.value}` {amount_words(measure, amount)}" for measure, amount in _ordered(shown.caps)]
    explained = (
        "-# For each of its members. Where several of their roles have a cap, the most generous counts."
        if is_role
        else "-# For everybody in it together. Threads count in their channel."
    )
    return _fitted(
        [
            f"### {what}",
            whose(shown.subject),
            *(_balances(shown.purse, "Here") if shown.purse else ()),
            *(own or ["No caps of its own."]),
            explained,
        ]
    )


def server_text(overview: ServerAllowance) -> str:
    """What `/quota show` shows of the server."""
    limits = overview.limits
    running = limits.of(Scope.SERVER).get(Measure.RUNNING)
    percent = overview.prices.percent
    return _fitted(
        [
            "### Credits of this server",
            *_means(overview.server, otherwise="No budget is set"),
            *_ceiling(overview.operator),
            f"**Clips** {_of(overview.running, running)} being made, {overview.queued:,} waiting",
            f"**Everybody** {_caps(limits.of(Scope.MEMBER))}",
            *_own_caps("Roles", limits.rows, Scope.ROLE),
            *_own_caps("Channels", limits.rows, Scope.CHANNEL),
            *_own_caps("Members", limits.rows, Scope.MEMBER),
            *_listed("Blocked", [_blocked_line(user_id, until) for user_id, until in _untils(overview)]),
            f"**Prices** {percent} % of the catalogue's",
            *_first([f"{inline(model, length=60)} {price:,} a second" for model, price in _prices(overview)]),
        ]
    )


def _headline(allowance: Allowance) -> list[str]:
    if allowance.left is None:
        return ["Nothing is capped for you here."]
    return [f"**{counted(allowance.left, 'credit')}** to use here now"]


def _blocked(allowance: Allowance, said: str) -> Iterator[str]:
    if (block := allowance.block) is None:
        return
    until = f" {until_words(block.until_ms)}" if block.until_ms is not None else ""
    yield f"⛔ **{said}**{until}"
    if block.reason:
        yield f"-# {prose(block.reason, length=MAX_REASON)}"


def _means(purse: Purse, *, otherwise: str) -> Iterator[str]:
    """A member's or the server's windows with a cap, and what they have on top."""
    capped = list(_balances(purse, ""))
    if not capped:
        used = ", ".join(f"{one.used:,} {WINDOWS[window_of(one.period)]}" for one in purse.balances)
        capped = [f"**{otherwise}**", f"-# used {used}"]
    yield from capped
    yield from _granted(purse, "On top")


def _balances(purse: Purse, whose: str) -> Iterator[str]:
    """The windows that have a cap, each with a bar, two lines each."""
    for balance in purse.balances:
        if balance.cap is not None:
            window = WINDOWS[window_of(balance.period)]
            label = f"{whose}, {window}" if whose else window.capitalize()
            yield from _balance(label, balance, balance.cap)


def _balance(label: str, balance: Balance, cap: int) -> Iterator[str]:
    gone = balance.used + balance.reserved
    reserved = f", {balance.reserved:,} reserved" if balance.reserved else ""
    yield f"**{label}** {progress_bar(gone / cap if cap else 1.0, width=_BAR)}"
    yield f"-# {balance.left or 0:,} left of {cap:,} · {balance.used:,} used{reserved} · resets <t:{balance.ends_s}:R>"


def _granted(purse: Purse, label: str) -> Iterator[str]:
    if not purse.grants:
        return
    yield f"**{label}** {counted(sum(grant.left for grant in purse.grants), 'credit')}"
    yield from _first([_grant_line(grant) for grant in purse.grants])


def _grant_line(grant: Grant) -> str:
    reserved = f", {grant.reserved:,} reserved" if grant.reserved else ""
    until = until_words(grant.expires_at_ms) if grant.expires_at_ms is not None else "no expiry"
    return f"{grant.left:,} left of {grant.credits:,}{reserved} · {until}"


def _ceiling(operator: Purse) -> Iterator[str]:
    for balance in operator.balances:
        if balance.cap is not None:
            yield from _balance("Operator's ceiling, this month", balance, balance.cap)
            yield "-# at the catalogue's prices; moderators cannot change it"


def _largest(allowance: Allowance) -> list[str]:
    largest = allowance.largest
    return [] if largest is None else [f"**Largest clip here** {counted(largest, 'credit')}"]


def _clips(allowance: Allowance) -> str:
    running = _of(allowance.running, allowance.caps.get(Measure.RUNNING))
    return (
        f"**Clips** {running} being made, {_of(allowance.queued, allowance.caps.get(Measure.QUEUED))} waiting"
    )


def _waiting(card: Card | None) -> list[str]:
    """The next clip in line; nothing if it has started since."""
    if card is None or card.ahead is None:
        return []
    ahead = f"{counted(card.ahead, 'job')} before it" if card.ahead else "next in line"
    ready = f" · ready <t:{card.ready_between_s[0]}:R> or a little later" if card.ready_between_s else ""
    return [f"-# Your job `{card.job.id}`: {ahead}{ready}"]


def _counting_line(limit: Limit, user_id: int) -> str:
    if limit.scope is Scope.ROLE:
        source = f"from <@&{limit.subject_id}>"
    else:
        source = "their own" if limit.subject_id == user_id else "everybody's"
    return f"-# `{limit.measure.value}` {amount_words(limit.measure, limit.amount)} · {source}"


def _own_caps(label: str, rows: Iterable[Limit], scope: Scope) -> list[str]:
    """A line for each subject that has caps of its own."""

    def of(limit: Limit) -> int:
        return limit.subject_id

    own = sorted((row for row in rows if row.scope is scope and row.subject_id != EVERYBODY), key=of)
    return _listed(
        label,
        [
            f"{whose(Subject(scope, subject_id))} {_caps({row.measure: row.amount for row in found})}"
            for subject_id, found in groupby(own, key=of)
        ],
    )


def _caps(caps: Caps) -> str:
    words = [
        f"{measure.value} {'none' if amount is None else f'{amount:,}'}" for measure, amount in _ordered(caps)
    ]
    return " · ".join(words) or "no caps"


def _ordered(caps: Caps) -> list[tuple[Measure, int | None]]:
    return [(measure, caps[measure]) for measure in Measure if measure in caps]


def _untils(overview: ServerAllowance) -> list[tuple[int, int | None]]:
    return [(user_id, block.until_ms) for user_id, block in overview.blocked]


def _blocked_line(user_id: int, until_ms: int | None) -> str:
    return f"<@{user_id}>" + (f" {until_words(until_ms)}" if until_ms is not None else "")


def _prices(overview: ServerAllowance) -> list[tuple[str, int]]:
    return sorted(overview.prices.per_second.items())


def _listed(label: str, lines: Sequence[str]) -> list[str]:
    return [f"**{label}**", *_first(lines)] if lines else []


def _first(lines: Sequence[str]) -> list[str]:
    """As many as fit beside the rest."""
    more = len(lines) - _LISTED
    return [*(f"-# {line}" for line in lines[:_LISTED]), *([f"-# and {more:,} more"] if more > 0 else [])]


def whose(subject: Subject) -> str:
    """Who a subject is, as Discord shows it."""
    match subject.scope:
        case Scope.ROLE:
            return f"<@&{subject.id}>"
        case Scope.CHANNEL:
            return f"<#{subject.id}>"
        case Scope.MEMBER if subject.id != EVERYBODY:
            return f"<@{subject.id}>"
        case Scope.MEMBER:
            return "Everybody"
        case _:
            return "This server"


def amount_words(measure: Measure, amount: int | None) -> str:
    """`5 clips`, `1,000 credits`, `no cap`."""
    if amount is None:
        return "no cap"
    return counted(amount, "clip") if measure in CLIPS else counted(amount, "credit")


def _of(number: int, cap: int | None) -> str:
    return f"{number:,}" if cap is None else f"{number:,} of {cap:,}"


def _fitted(lines: Iterable[str]) -> str:
    """The lines, cut where a message would become too long."""
    kept: list[str] = []
    room = _MAX_TEXT
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            return "\n".join([*kept, "-# … and more than fits here."])
        kept.append(line)
    return "\n".join(kept)

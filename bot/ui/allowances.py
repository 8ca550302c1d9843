"""What members, roles, channels and servers may spend, in lines that fit a phone."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from bot.domain.limits import EVERYBODY, Caps, Limit, Measure
from bot.domain.money import Balance, Grant, Purse, Scope, Window, window_of
from bot.language import grouped, marked, tr, trn
from bot.services.allowances import MAX_REASON, Allowance, ServerAllowance, Shown, Subject
from bot.services.ports import Card
from bot.ui.text import WINDOWS, counted, inline, progress_bar, prose, until_words

_MAX_TEXT = 3_900
"""A message of components has 4,000 characters."""
_LISTED = 8
_BAR = 8
CLIPS = (Measure.QUEUED, Measure.RUNNING)
_NAMES = {
    Measure.DAY: marked("day"),
    Measure.WEEK: marked("week"),
    Measure.MONTH: marked("month"),
    Measure.CLIP: marked("clip"),
    Measure.QUEUED: marked("queued"),
    Measure.RUNNING: marked("running"),
}

_USED = {
    Window.DAY: marked("{number} today"),
    Window.WEEK: marked("{number} this week"),
    Window.MONTH: marked("{number} this month"),
}
_HEADINGS = {
    Window.DAY: marked("Today"),
    Window.WEEK: marked("This week"),
    Window.MONTH: marked("This month"),
}


def me_text(allowance: Allowance) -> str:
    """What `/quota me` shows."""
    return _fitted(
        [
            f"### {tr('Your credits')}",
            *_blocked(allowance, tr("You are blocked from making clips")),
            *_headline(allowance),
            *_means(allowance.member, otherwise=tr("No cap of yours")),
            *_balances(allowance.channel, tr("This channel")),
            *_balances(allowance.server, tr("This server")),
            *_granted(allowance.server, tr("This server, on top")),
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
            f"### {tr('Credits of a member')}",
            f"<@{user_id}>",
            *_blocked(allowance, tr("Blocked")),
            *_means(allowance.member, otherwise=tr("No cap of theirs")),
            _clips(allowance),
            f"**{tr('Caps that count')}**",
            *(caps or [f"-# {tr('none')}"]),
        ]
    )


def shown_text(shown: Shown) -> str:
    """What `/quota show` shows of a role or a channel."""
    is_role = shown.subject.scope is Scope.ROLE
    what = tr("Caps of a role") if is_role else tr("Caps of a channel")
    own = [
        f"`{measure_name(measure)}` {amount_words(measure, amount)}"
        for measure, amount in _ordered(shown.caps)
    ]
    explained = (
        tr("For each of its members. Where several of their roles have a cap, the most generous counts.")
        if is_role
        else tr("For everybody in it together. Threads count in their channel.")
    )
    return _fitted(
        [
            f"### {what}",
            whose(shown.subject),
            *(_balances(shown.purse, tr("Here")) if shown.purse else ()),
            *(own or [tr("No caps of its own.")]),
            f"-# {explained}",
        ]
    )


def server_text(overview: ServerAllowance) -> str:
    """What `/quota show` shows of the server."""
    limits = overview.limits
    running = limits.of(Scope.SERVER).get(Measure.RUNNING)
    percent = overview.prices.percent
    return _fitted(
        [
            f"### {tr('Credits of this server')}",
            *_means(overview.server, otherwise=tr("No budget is set")),
            *_ceiling(overview.operator),
            _making(_of(overview.running, running), grouped(overview.queued)),
            f"**{tr('Everybody')}** {_caps(limits.of(Scope.MEMBER))}",
            *_own_caps(tr("Roles"), limits.rows, Scope.ROLE),
            *_own_caps(tr("Channels"), limits.rows, Scope.CHANNEL),
            *_own_caps(tr("Members"), limits.rows, Scope.MEMBER),
            *_listed(tr("Blocked"), [_blocked_line(user_id, until) for user_id, until in _untils(overview)]),
            tr("**Prices** {percent} % of the catalogue's", percent=percent),
            *_first([_price_line(model, price) for model, price in _prices(overview)]),
        ]
    )


def _headline(allowance: Allowance) -> list[str]:
    if allowance.left is None:
        return [tr("Nothing is capped for you here.")]
    return [
        trn(
            "**{number} credit** to use here now",
            "**{number} credits** to use here now",
            allowance.left,
        )
    ]


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
        used = ", ".join(tr(_USED[window_of(one.period)], number=grouped(one.used)) for one in purse.balances)
        capped = [f"**{otherwise}**", f"-# {tr('used {amounts}', amounts=used)}"]
    yield from capped
    yield from _granted(purse, tr("On top"))


def _balances(purse: Purse, whose: str) -> Iterator[str]:
    """The windows that have a cap, each with a bar, two lines each."""
    for balance in purse.balances:
        if balance.cap is not None:
            window = window_of(balance.period)
            label = f"{whose}, {tr(WINDOWS[window])}" if whose else tr(_HEADINGS[window])
            yield from _balance(label, balance, balance.cap)


def _balance(label: str, balance: Balance, cap: int) -> Iterator[str]:
    gone = balance.used + balance.reserved
    yield f"**{label}** {progress_bar(gone / cap if cap else 1.0, width=_BAR)}"
    left = _left(balance.left or 0, cap)
    used = tr("{number} used", number=grouped(balance.used)) + _reserved(balance.reserved)
    resets = tr("resets {time}", time=f"<t:{balance.ends_s}:R>")
    yield f"-# {left} · {used} · {resets}"


def _granted(purse: Purse, label: str) -> Iterator[str]:
    if not purse.grants:
        return
    yield f"**{label}** {counted(sum(grant.left for grant in purse.grants), 'credit')}"
    yield from _first([_grant_line(grant) for grant in purse.grants])


def _grant_line(grant: Grant) -> str:
    until = until_words(grant.expires_at_ms) if grant.expires_at_ms is not None else tr("no expiry")
    return f"{_left(grant.left, grant.credits)}{_reserved(grant.reserved)} · {until}"


def _left(left: int, whole: int) -> str:
    return tr("{left} left of {whole}", left=grouped(left), whole=grouped(whole))


def _reserved(credits_: int) -> str:
    return tr(", {number} reserved", number=grouped(credits_)) if credits_ else ""


def _ceiling(operator: Purse) -> Iterator[str]:
    for balance in operator.balances:
        if balance.cap is not None:
            yield from _balance(tr("Operator's ceiling, this month"), balance, balance.cap)
            explained = tr("at the catalogue's prices; moderators cannot change it")
            yield f"-# {explained}"


def _largest(allowance: Allowance) -> list[str]:
    largest = allowance.largest
    return [] if largest is None else [f"**{tr('Largest clip here')}** {counted(largest, 'credit')}"]


def _clips(allowance: Allowance) -> str:
    running = _of(allowance.running, allowance.caps.get(Measure.RUNNING))
    return _making(running, _of(allowance.queued, allowance.caps.get(Measure.QUEUED)))


def _making(running: str, waiting: str) -> str:
    return tr("**Clips** {running} being made, {waiting} waiting", running=running, waiting=waiting)


def _waiting(card: Card | None) -> list[str]:
    """The next clip in line; nothing if it has started since."""
    if card is None or card.ahead is None:
        return []
    ahead = (
        trn("{number} job before it", "{number} jobs before it", card.ahead)
        if card.ahead
        else tr("next in line")
    )
    words = [tr("Your job `{id}`: {place}", id=card.job.id, place=ahead)]
    if card.ready_between_s:
        words.append(tr("ready {time} or a little later", time=f"<t:{card.ready_between_s[0]}:R>"))
    return [f"-# {' · '.join(words)}"]


def _counting_line(limit: Limit, user_id: int) -> str:
    if limit.scope is Scope.ROLE:
        source = tr("from {role}", role=f"<@&{limit.subject_id}>")
    else:
        source = tr("their own") if limit.subject_id == user_id else tr("everybody's")
    return f"-# `{measure_name(limit.measure)}` {amount_words(limit.measure, limit.amount)} · {source}"


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
        f"{measure_name(measure)} {tr('none') if amount is None else grouped(amount)}"
        for measure, amount in _ordered(caps)
    ]
    return " · ".join(words) or tr("no caps")


def _ordered(caps: Caps) -> list[tuple[Measure, int | None]]:
    return [(measure, caps[measure]) for measure in Measure if measure in caps]


def _untils(overview: ServerAllowance) -> list[tuple[int, int | None]]:
    return [(user_id, block.until_ms) for user_id, block in overview.blocked]


def _blocked_line(user_id: int, until_ms: int | None) -> str:
    return f"<@{user_id}>" + (f" {until_words(until_ms)}" if until_ms is not None else "")


def _prices(overview: ServerAllowance) -> list[tuple[str, int]]:
    return sorted(overview.prices.per_second.items())


def _price_line(model: str, price: int) -> str:
    return tr("{model} {price} a second", model=inline(model, length=60), price=grouped(price))


def _listed(label: str, lines: Sequence[str]) -> list[str]:
    return [f"**{label}**", *_first(lines)] if lines else []


def _first(lines: Sequence[str]) -> list[str]:
    """As many as fit beside the rest."""
    more = len(lines) - _LISTED
    return [
        *(f"-# {line}" for line in lines[:_LISTED]),
        *([f"-# {tr('and {number} more', number=grouped(more))}"] if more > 0 else []),
    ]


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
            return tr("Everybody")
        case _:
            return tr("This server")


def measure_name(measure: Measure) -> str:
    """What a cap counts, as short as the choices of `/quota set` begin."""
    return tr(_NAMES[measure])


def amount_words(measure: Measure, amount: int | None) -> str:
    """`5 clips`, `1,000 credits`, `no cap`."""
    if amount is None:
        return tr("no cap")
    return counted(amount, "clip") if measure in CLIPS else counted(amount, "credit")


def _of(number: int, cap: int | None) -> str:
    if cap is None:
        return grouped(number)
    return tr("{number} of {most}", number=grouped(number), most=grouped(cap))


def _fitted(lines: Iterable[str]) -> str:
    """The lines, cut where a message would become too long."""
    kept: list[str] = []
    room = _MAX_TEXT
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            return "\n".join([*kept, f"-# {tr('… and more than fits here.')}"])
        kept.append(line)
    return "\n".join(kept)

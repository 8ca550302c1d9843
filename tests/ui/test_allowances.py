"""What may be spent, in words: as a member sees it, and as moderators do."""

from typing import Any

import pytest

from bot.db.guilds import Block
from bot.domain.limits import EVERYBODY, MEASURES, Limit, Limits, Measure
from bot.domain.money import Balance, Grant, Purse, Scope
from bot.domain.pricing import Prices
from bot.services.allowances import Allowance, ServerAllowance, Shown, Subject
from bot.services.ports import Card
from bot.ui.allowances import me_text, member_text, server_text, shown_text
from bot.ui.answers import Answer, shown
from tests.ui.conftest import make_job, refusals

PERIODS = (("2026-11-21", 1_795_305_600), ("2026-W47", 1_795_392_000), ("2026-11", 1_796_083_200))
LARGEST = 2**62


def purse(*grants: Grant, **caps: int) -> Purse:
    """20 used and 5 reserved in every window: `purse(day=100)`."""
    named = zip(("day", "week", "month"), PERIODS, strict=True)
    balances = [Balance(period, caps.get(name), 20, 5, ends_s) for name, (period, ends_s) in named]
    return Purse(tuple(balances), grants)


def member_caps(**amounts: int | None) -> dict[Measure, Limit]:
    """Caps of everybody's."""
    return {
        Measure(name): Limit(Scope.MEMBER, EVERYBODY, Measure(name), amount)
        for name, amount in amounts.items()
    }


def allowance(**known: Any) -> Allowance:
    usual: dict[str, Any] = {
        "member": purse(),
        "server": purse(),
        "channel": purse(),
        "operator": Purse((Balance("2026-11", None, 20, 5, PERIODS[2][1]),)),
        "queued": 0,
        "running": 0,
        "counting": {},
        "channel_caps": {},
        "block": None,
    }
    return Allowance(**usual | known)


def test_a_member_sees_what_is_left_where_and_when_there_is_more() -> None:
    text = me_text(
        allowance(
            member=purse(
                Grant(1, 80, 10, 20, 1_800_000_000_000), Grant(2, 5, 0, 0, None), day=100, month=1_000
            ),
            server=purse(month=10_000),
            channel=purse(week=90),
            counting=member_caps(day=100, month=1_000, queued=10, running=2, clip=40),
            channel_caps={Measure.WEEK: 90, Measure.CLIP: 30},
            queued=1,
            running=2,
            waiting=Card(make_job(id=17), ahead=2, ready_between_s=(1_795_000_000, 1_795_000_100)),
        )
    )
    assert text.splitlines() == [
        "### Your credits",
        "**65 credits** to use here now",
        "**Today** ▰▰▱▱▱▱▱▱ 25%",
        "-# 75 left of 100 · 20 used, 5 reserved · resets <t:1795305600:R>",
        "**This month** ▱▱▱▱▱▱▱▱ 2%",
        "-# 975 left of 1,000 · 20 used, 5 reserved · resets <t:1796083200:R>",
        "**On top** 55 credits",
        "-# 50 left of 80, 10 reserved · until <t:1800000000:f>",
        "-# 5 left of 5 · no expiry",
        "**This channel, this week** ▰▰▱▱▱▱▱▱ 28%",
        "-# 65 left of 90 · 20 used, 5 reserved · resets <t:1795392000:R>",
        "**This server, this month** ▱▱▱▱▱▱▱▱ 0%",
        "-# 9,975 left of 10,000 · 20 used, 5 reserved · resets <t:1796083200:R>",
        "**Largest clip here** 30 credits",
        "**Clips** 2 of 2 being made, 1 of 10 waiting",
        "-# Your job `17`: 2 jobs before it · ready <t:1795000000:R> or a little later",
    ]


def test_where_nothing_is_capped_only_the_use_is_told() -> None:
    assert me_text(allowance(queued=3)).splitlines() == [
        "### Your credits",
        "Nothing is capped for you here.",
        "**No cap of yours**",
        "-# used 20 today, 20 this week, 20 this month",
        "**Clips** 0 being made, 3 waiting",
    ]


def test_a_cap_of_nothing_is_shown_as_one() -> None:
    text = me_text(allowance(member=purse(day=0), counting=member_caps(day=0, queued=0)))
    assert "**0 credits** to use here now" in text
    assert "**Today** ▰▰▰▰▰▰▰▰ 100%\n-# 0 left of 0" in text
    assert "0 of 0 waiting" in text


@pytest.mark.parametrize(
    ("block", "shown"),
    [
        (Block(None, None), "⛔ **You are blocked from making clips**\nNothing is capped"),
        (
            Block(1_800_000_000_000, "spam @everyone"),
            "⛔ **You are blocked from making clips** until <t:1800000000:f>\n-# spam \uff20everyone\n",
        ),
    ],
)
def test_a_blocked_member_is_told_until_when_and_why(block: Block, shown: str) -> None:
    assert shown in me_text(allowance(block=block))


@pytest.mark.parametrize(
    ("card", "shown"),
    [
        (Card(make_job(id=17), ahead=0), "-# Your job `17`: next in line"),
        (Card(make_job(id=17), ahead=1), "-# Your job `17`: 1 job before it"),
        (Card(make_job(id=17)), None),
    ],
)
def test_the_next_clip_in_line_is_shown_unless_it_has_started(card: Card, shown: str | None) -> None:
    lines = me_text(allowance(waiting=card)).splitlines()
    assert (lines[-1] == shown) is (shown is not None)
    assert any("Your job" in line for line in lines) is (shown is not None)


def test_the_operators_ceiling_is_shown_where_there_is_one() -> None:
    ceiling = Purse((Balance("2026-11", 25, 20, 5, PERIODS[2][1]),))
    text = me_text(allowance(operator=ceiling))
    assert "**0 credits** to use here now" in text
    assert "**Operator's ceiling, this month** ▰▰▰▰▰▰▰▰ 100%" in text


def test_moderators_see_which_caps_count_and_where_each_comes_from() -> None:
    counting = {
        Measure.DAY: Limit(Scope.MEMBER, 100, Measure.DAY, 50),
        Measure.WEEK: Limit(Scope.ROLE, 7, Measure.WEEK, None),
        Measure.QUEUED: Limit(Scope.MEMBER, EVERYBODY, Measure.QUEUED, 1),
    }
    text = member_text(100, allowance(member=purse(day=50), counting=counting, block=Block(None, "spam")))
    assert text.splitlines() == [
        "### Credits of a member",
        "<@100>",
        "⛔ **Blocked**",
        "-# spam",
        "**Today** ▰▰▰▰▱▱▱▱ 50%",
        "-# 25 left of 50 · 20 used, 5 reserved · resets <t:1795305600:R>",
        "**Clips** 0 being made, 0 of 1 waiting",
        "**Caps that count**",
        "-# `day` 50 credits · their own",
        "-# `week` no cap · from <@&7>",
        "-# `queued` 1 clip · everybody's",
    ]
    assert member_text(100, allowance()).splitlines()[-2:] == ["**Caps that count**", "-# none"]


def test_a_role_and_a_channel_are_shown_with_their_own_caps() -> None:
    role = Shown(Subject(Scope.ROLE, 7, "Artists"), {Measure.CLIP: 20, Measure.DAY: None})
    assert shown_text(role).splitlines()[:4] == [
        "### Caps of a role",
        "<@&7>",
        "`day` no cap",
        "`clip` 20 credits",
    ]
    channel = shown_text(Shown(Subject(Scope.CHANNEL, 10), {Measure.DAY: 50}, purse(day=50)))
    assert "<#10>\n**Here, today** ▰▰▰▰▱▱▱▱ 50%" in channel
    assert "Threads count in their channel." in channel
    assert "No caps of its own." in shown_text(Shown(Subject(Scope.CHANNEL, 10), {}, purse()))


def overview(*rows: Limit, **known: Any) -> ServerAllowance:
    usual: dict[str, Any] = {
        "server": purse(),
        "operator": Purse((Balance("2026-11", None, 20, 5, PERIODS[2][1]),)),
        "queued": 0,
        "running": 0,
        "limits": Limits(rows),
        "prices": Prices(),
        "blocked": (),
    }
    return ServerAllowance(**usual | known)


def test_a_server_is_shown_with_everything_that_differs_from_everybodys() -> None:
    text = server_text(
        overview(
            Limit(Scope.MEMBER, EVERYBODY, Measure.DAY, 1_500),
            Limit(Scope.SERVER, EVERYBODY, Measure.RUNNING, 4),
            Limit(Scope.ROLE, 7, Measure.RUNNING, None),
            Limit(Scope.CHANNEL, 10, Measure.CLIP, 20),
            Limit(Scope.ROLE, 7, Measure.DAY, 50),
            Limit(Scope.MEMBER, 100, Measure.WEEK, 9),
            server=purse(Grant(1, 500, 0, 0, None), month=100),
            operator=Purse((Balance("2026-11", 50, 20, 5, PERIODS[2][1]),)),
            running=2,
            queued=3,
            prices=Prices(percent=120, per_second={"kling-v2": 7}),
            blocked=((101, Block(1_800_000_000_000, "spam")), (102, Block(None, None))),
        )
    )
    assert text.splitlines() == [
        "### Credits of this server",
        "**This month** ▰▰▱▱▱▱▱▱ 25%",
        "-# 75 left of 100 · 20 used, 5 reserved · resets <t:1796083200:R>",
        "**On top** 500 credits",
        "-# 500 left of 500 · no expiry",
        "**Operator's ceiling, this month** ▰▰▰▰▱▱▱▱ 50%",
        "-# 25 left of 50 · 20 used, 5 reserved · resets <t:1796083200:R>",
        "-# at the catalogue's prices; moderators cannot change it",
        "**Clips** 2 of 4 being made, 3 waiting",
        "**Everybody** day 1,500",
        "**Roles**",
        "-# <@&7> day 50 · running none",
        "**Channels**",
        "-# <#10> clip 20",
        "**Members**",
        "-# <@100> week 9",
        "**Blocked**",
        "-# <@101> until <t:1800000000:f>",
        "-# <@102>",
        "**Prices** 120 % of the catalogue's",
        "-# `kling-v2` 7 a second",
    ]


def test_a_server_without_any_caps_says_so() -> None:
    text = server_text(overview())
    assert "**No budget is set**\n-# used 20 today, 20 this week, 20 this month" in text
    assert "**Everybody** no caps" in text


def test_more_of_a_kind_than_a_phone_shows_are_counted() -> None:
    text = server_text(overview(*(Limit(Scope.ROLE, number, Measure.DAY, 1) for number in range(1, 21))))
    assert "-# <@&8> day 1\n-# and 12 more\n" in text


def test_the_longest_of_everything_fits_a_message() -> None:
    grants = [Grant(number, 10**9, 5, 0, 9_999_999_999_000) for number in range(100)]
    counting = {measure: Limit(Scope.ROLE, LARGEST, measure, 10**9) for measure in Measure}
    block = Block(9_999_999_999_000, "[*_" * 100)
    most = allowance(
        member=purse(*grants, day=10**9, week=10**9, month=10**9),
        server=purse(*grants, day=10**9, week=10**9, month=10**9),
        channel=purse(day=10**9, week=10**9, month=10**9),
        operator=Purse((Balance("2026-11", 10**9, 20, 5, PERIODS[2][1]),)),
        counting=counting,
        block=block,
        waiting=Card(make_job(id=2**53), ahead=10**6, ready_between_s=(9_999_999_999, 9_999_999_999)),
    )
    rows = [
        Limit(scope, LARGEST + number, measure, 10**9)
        for scope in (Scope.ROLE, Scope.CHANNEL, Scope.MEMBER)
        for number in range(50)
        for measure in MEASURES[scope]
    ]
    full = overview(
        *rows,
        server=most.server,
        operator=most.operator,
        blocked=tuple((LARGEST + number, block) for number in range(1_000)),
        prices=Prices(per_second={f"{'x' * 99}{number}": 10**6 for number in range(50)}),
    )
    for text in (me_text(most), member_text(LARGEST, most), server_text(full)):
        assert refusals(shown(Answer(text))) == []
    assert server_text(full).endswith("-# … and more than fits here.")

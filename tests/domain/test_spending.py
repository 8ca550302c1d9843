from hypothesis import given
from hypothesis import strategies as st

from bot.domain.spending import Account, Overview, Spending

FIGURES = st.builds(Spending, *(st.integers(0, 10**9) for _ in range(8)))
ACCOUNTS = st.builds(Account, st.integers(1, 4), st.sampled_from(["kling", "local", "onemin"]), FIGURES)


@given(st.lists(ACCOUNTS, max_size=12))
def test_servers_and_providers_come_to_the_same_total(accounts: list[Account]) -> None:
    overview = Overview(30, tuple(accounts), {})
    for grouped in (overview.by_guild, overview.by_provider):
        assert sum(grouped.values(), Spending()) == overview.total
    assert overview.total.margin_micro_usd == sum(one.spending.margin_micro_usd for one in accounts)
    assert set(overview.by_guild) == {account.guild_id for account in accounts}


def test_a_margin_is_what_was_charged_less_what_was_spent() -> None:
    spending = Spending(credits=100, reported_micro_usd=700_000, estimated_micro_usd=400_000)
    assert spending.spent_micro_usd == 1_100_000
    assert spending.margin_micro_usd == -100_000


def test_who_was_charged_most_and_who_cost_most_comes_first() -> None:
    overview = Overview(
        1,
        (
            Account(1, "local", Spending(clips=9, credits=50)),
            Account(2, "kling", Spending(clips=1, credits=60, reported_micro_usd=1)),
        ),
        {},
    )
    assert list(overview.by_guild) == [2, 1]
    assert list(overview.by_provider) == ["kling", "local"]


def test_sums_of_many_servers_are_made_once_and_hold_every_figure() -> None:
    overview = Overview(
        1, tuple(Account(number % 2, "kling", Spending(*range(8))) for number in range(10)), {}
    )
    assert overview.by_guild is overview.by_guild
    assert overview.total == Spending(*(10 * figure for figure in range(8)))
    assert overview.by_guild == {number: Spending(*(5 * figure for figure in range(8))) for number in (0, 1)}


def test_nothing_is_nothing() -> None:
    overview = Overview(1, (), {})
    assert (overview.total, overview.by_guild, overview.by_provider) == (Spending(), {}, {})

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.language import speaking
from bot.services.amounts import (
    CAP,
    CEILING,
    GIFT,
    LONGEST_MS,
    MOST_CREDITS,
    PRICE,
    Amount,
    AmountOf,
    NoSuchAmount,
    NoSuchSpan,
    Special,
    read_amount,
    read_number,
    read_span_ms,
)

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("0", 0),
        ("250", 250),
        (" 1000 ", 1000),
        ("1,000", 1000),
        ("1 000 000", 1_000_000),
        ("12'500", 12_500),
        ("20 credits", 20),
        ("1 credit", 1),
        ("1000000000", MOST_CREDITS),
        ("none", Special.NONE),
        (" None ", Special.NONE),
        ("DEFAULT", Special.DEFAULT),
    ],
)
def test_an_amount_may_be_typed_as_people_write_numbers(typed: str, meant: Amount) -> None:
    assert read_amount(typed, CAP) == meant


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "-1",
        "+1",
        "1.5",
        "1e3",
        "1.000",
        "1,00",
        ",100",
        "0x10",
        "٣",
        "²",
        "1000000001",
        "9" * 30,
        "ten",
        "@everyone",
    ],
)
def test_what_is_no_amount_is_refused_with_what_is(typed: str) -> None:
    with pytest.raises(
        NoSuchAmount, match=r"cap is a whole number from 0 to 1,000,000,000, `none` .* or `default`"
    ):
        read_amount(typed, CAP)


@pytest.mark.parametrize(
    ("of", "typed"),
    [
        (PRICE, "none"),
        (PRICE, "1000001"),
        (PRICE, "lots"),
        (CEILING, "default"),
        (CEILING, "lots"),
        (GIFT, "0"),
    ],
)
def test_who_is_refused_hears_of_what_they_wanted_and_of_nothing_else(of: AmountOf, typed: str) -> None:
    with pytest.raises(NoSuchAmount) as refused:
        read_amount(typed, of)
    assert str(refused.value) == of.words.format(most=f"{of.most:,}")
    assert "cap" not in str(refused.value)


@pytest.mark.parametrize(
    ("typed", "span_ms"),
    [
        ("30m", HOUR_MS // 2),
        ("12h", 12 * HOUR_MS),
        ("7d", 7 * DAY_MS),
        ("2w", 14 * DAY_MS),
        ("1d12h", 36 * HOUR_MS),
        (" 1D 12H ", 36 * HOUR_MS),
        ("2 weeks", 14 * DAY_MS),
        ("1 day", DAY_MS),
        ("5min", HOUR_MS // 12),
        ("2 minutes", HOUR_MS // 30),
        ("30 Minuten", HOUR_MS // 2),
        ("1 Stunde", HOUR_MS),
        ("12 Stunden", 12 * HOUR_MS),
        ("12 Std", 12 * HOUR_MS),
        ("1 Tag", DAY_MS),
        ("7 Tage", 7 * DAY_MS),
        ("2 Wochen", 14 * DAY_MS),
        ("1 Woche", 7 * DAY_MS),
        ("3660d", LONGEST_MS),
    ],
)
def test_a_span_is_a_sum_of_minutes_hours_days_and_weeks(typed: str, span_ms: int) -> None:
    assert read_span_ms(typed) == span_ms


@pytest.mark.parametrize(
    "typed", ["", "d", "7", "0d", "-7d", "7 dogs", "1y", "1month", "3661d", "99999w", "7d!", "²d"]
)
def test_what_is_no_span_is_refused_with_what_is(typed: str) -> None:
    with pytest.raises(NoSuchSpan, match="`12h`, `7d` or `2w`"):
        read_span_ms(typed)


@given(st.text(max_size=40))
def test_whatever_is_typed_is_an_amount_and_a_span_within_bounds_or_refused(typed: str) -> None:
    with contextlib.suppress(NoSuchAmount):
        amount = read_amount(typed, CAP)
        assert isinstance(amount, Special) or 0 <= amount <= MOST_CREDITS
    with contextlib.suppress(NoSuchSpan):
        assert 0 < read_span_ms(typed) <= LONGEST_MS


@pytest.mark.parametrize(
    ("typed", "english", "german"),
    [
        ("1,000", 1000, None),
        ("1.000", None, 1000),
        ("12.345.678 credits", None, 12_345_678),
        ("1 000", 1000, 1000),
        ("1'000", 1000, 1000),
        ("1.00", None, None),
        ("1.000,00", None, None),
        ("1000", 1000, 1000),
    ],
)
def test_a_number_is_read_as_the_language_writes_it(
    typed: str, english: int | None, german: int | None
) -> None:
    assert read_number(typed, units=("credits",)) == english
    with speaking("de"):
        assert read_number(typed, units=("credits",)) == german

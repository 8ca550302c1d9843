from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.models import Price
from bot.domain.pricing import USUAL_PRICES, Prices
from bot.domain.requests import Quality
from tests import builders

SPEC = builders.LOCAL.model_copy(
    update={"id": "kling-v3", "price": Price(per_second={"std": Decimal("8.4")})}
)


@pytest.mark.parametrize(
    ("prices", "credits_"),
    [
        (USUAL_PRICES, 42),
        (Prices(percent=0), 0),
        (Prices(percent=50), 21),
        (Prices(percent=101), 43),  # a part of a credit is one
        (Prices(percent=250), 105),
        (Prices(per_second={"kling-v3": 3}), 15),
        (Prices(per_second={"kling-v3": 0}), 0),
        (Prices(percent=250, per_second={"kling-v3": 3}), 15),
        (Prices(percent=50, per_second={"kling-v2": 3}), 21),
    ],
)
def test_a_clip_costs_what_the_server_takes_for_it(prices: Prices, credits_: int) -> None:
    assert prices.of(SPEC, builders.request(duration_s=5)) == credits_


@pytest.mark.parametrize("prices", [USUAL_PRICES, Prices(250), Prices(250, {"kling-v3": 3})])
def test_a_draft_is_free_everywhere(prices: Prices) -> None:
    assert prices.of(SPEC, builders.request(duration_s=5, draft=True)) == 0


def test_a_price_of_its_own_follows_no_rate() -> None:
    prices = Prices(250, {"kling-v3": 3})
    assert prices.percent_of(SPEC) is None
    assert prices.percent_of(builders.LOCAL) == 250


@given(
    st.integers(0, 1000), st.integers(0, 1000), st.sampled_from([5, 10]), st.sampled_from(list(Quality)[:2])
)
def test_a_higher_rate_is_never_cheaper(low: int, high: int, seconds: int, quality: Quality) -> None:
    low, high = sorted((low, high))
    request = builders.request(duration_s=seconds, quality=quality)
    assert Prices(low).of(builders.LOCAL, request) <= Prices(high).of(builders.LOCAL, request)
    assert Prices(100).of(builders.LOCAL, request) == builders.LOCAL.cost(request)

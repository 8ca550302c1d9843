from hypothesis import given
from hypothesis import strategies as st

from bot.domain.metrics import Buckets, Spread, Tally


def test_a_tally_counts_by_labels() -> None:
    tally = Tally("answers_total", "Answers.", ("status",))
    for status in ("200", "404", "200"):
        tally.add(status)
    tally.add("404", by=2.5)
    assert tally.read().samples == {("200",): 2, ("404",): 3.5}


@given(st.lists(st.floats(-10, 10_000)))
def test_a_spread_counts_everything_once_and_in_growing_buckets(values: list[float]) -> None:
    spread = Spread("took_seconds", "How long.", (0.5, 5, 60))
    for value in values:
        spread.add(value)
    expected = tuple((bound, sum(value <= bound for value in values)) for bound in (0.5, 5, 60, float("inf")))
    assert spread.read().samples == ({(): Buckets(expected, sum(values))} if values else {})

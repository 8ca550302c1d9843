from hypothesis import given
from hypothesis import strategies as st

from bot.domain.exports import Entry, planned


def entry(size_bytes: int, name: str = "clips/1.mp4") -> Entry:
    return Entry(name, "a" * 64, size_bytes, 0)


def test_nothing_is_one_empty_part() -> None:
    plan = planned([], part_bytes=1000, taken_bytes=500, most=3)
    assert plan.parts == ((),)
    assert plan.left_out == ()


def test_what_fits_no_part_is_left_out_and_the_rest_is_packed_all_the_same() -> None:
    large, small = entry(10_000), entry(100)
    plan = planned([large, small], part_bytes=2000, taken_bytes=500, most=3)
    assert plan.parts == ((small,),)
    assert plan.left_out == (large,)


def test_what_comes_after_the_last_part_is_left_out_but_small_things_still_fit() -> None:
    first, second, third, small = entry(900), entry(900), entry(900), entry(10)
    plan = planned([first, second, third, small], part_bytes=2000, taken_bytes=500, most=2)
    assert plan.parts == ((first,), (second, small))
    assert plan.left_out == (third,)


@given(st.lists(st.integers(0, 5000), max_size=30), st.integers(1000, 8000), st.integers(1, 5))
def test_every_file_is_in_one_part_or_named_and_no_part_is_too_large(
    sizes: list[int], part_bytes: int, most: int
) -> None:
    entries = [entry(size, f"clips/{number}.mp4") for number, size in enumerate(sizes)]
    plan = planned(entries, part_bytes=part_bytes, taken_bytes=500, most=most)
    assert (
        sorted([*plan.left_out, *(one for part in plan.parts for one in part)], key=entries.index) == entries
    )
    assert 1 <= len(plan.parts) <= most
    for part in plan.parts:
        assert sum(one.room_bytes for one in part) <= part_bytes - 500
    assert all(plan.parts[1:])

"""What the books say of one member, page by page, and which files somebody may fetch."""

from collections.abc import Callable

import pytest

from bot.db import exports
from bot.domain.money import Entry
from tests.histories import NOW_MS, History, Past

MIA, LEO = 100, 101


@pytest.fixture
def history(anew: Callable[[], History]) -> History:
    made = anew()
    made.add(*(Past(user_id=(MIA, LEO)[number % 2], at_ms=NOW_MS - number % 3) for number in range(12)))
    made.add(Past(user_id=MIA, guild_id=2))
    return made


def test_every_row_of_a_member_is_read_once_and_in_order_whatever_the_page(history: History) -> None:
    whole = history.read(exports.spent(1, MIA, None, limit=99))
    assert len(whole) == 12
    assert {one.kind for one in whole} == {Entry.RESERVE, Entry.SETTLE}
    assert [(one.at_ms, one.id) for one in whole] == sorted((one.at_ms, one.id) for one in whole)
    read: list[exports.Spent] = []
    while page := history.read(exports.spent(1, MIA, read[-1] if read else None, limit=5)):
        read += page
    assert read == whole


def test_a_member_may_begin_again_after_a_while_or_when_nothing_came_of_it(history: History) -> None:
    assert history.write(exports.begin(MIA, now_ms=1000, not_since_ms=400)) is None
    assert history.write(exports.begin(MIA, now_ms=1500, not_since_ms=900)) == 1000
    assert history.write(exports.begin(LEO, now_ms=1500, not_since_ms=900)) is None
    assert history.write(exports.begin(MIA, now_ms=1700, not_since_ms=1100)) is None
    history.write(exports.again(MIA))
    assert history.write(exports.begin(MIA, now_ms=1701, not_since_ms=1101)) is None


def test_the_file_before_is_let_go_and_the_newest_may_be_fetched(history: History) -> None:
    history.write(exports.begin(MIA, now_ms=1000, not_since_ms=0))
    for blob in ("a" * 64, "a" * 64, "b" * 64):
        assert history.write(exports.keep(MIA, blob, now_ms=1000))
    assert history.read(exports.is_kept("b" * 64))
    assert not history.read(exports.is_kept("a" * 64))
    assert let_go(history) == {"a" * 64}


def test_a_file_that_was_let_go_and_is_made_again_stays(history: History) -> None:
    history.write(exports.begin(MIA, now_ms=1000, not_since_ms=0))
    for blob in ("a" * 64, "b" * 64, "a" * 64):
        history.write(exports.keep(MIA, blob, now_ms=1000))
    assert let_go(history) == {"b" * 64}


def test_a_file_that_two_have_stays_for_the_other(history: History) -> None:
    for user_id in (MIA, LEO):
        history.write(exports.begin(user_id, now_ms=1000, not_since_ms=0))
        history.write(exports.keep(user_id, "a" * 64, now_ms=1000))
    history.write(exports.keep(MIA, "b" * 64, now_ms=1000))
    assert let_go(history) == set()
    assert history.read(exports.is_kept("a" * 64))


def test_who_was_forgotten_meanwhile_gets_no_file(history: History) -> None:
    assert not history.write(exports.keep(MIA, "a" * 64, now_ms=1000))
    assert not history.read(exports.is_kept("a" * 64))
    assert let_go(history) == {"a" * 64}


def let_go(history: History) -> set[str]:
    return {row["blob"] for row in history.rows("SELECT blob FROM unneeded_blobs")}

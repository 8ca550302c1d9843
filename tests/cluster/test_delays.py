"""The cluster's verdict on delays can be a bad one."""

from collections.abc import Mapping

from tests.cluster.delays import Delays, Seen, Step

DUE = Step(1, "RUNNING", 1, 0, due_s=100.0)
OTHERS = [Step(number, "RUNNING", 1, 0, due_s=100.0) for number in range(2, 40)]


def looked(
    delays: Delays, now_s: float, steps: Mapping[Step, int | None], workers: frozenset[int] = frozenset({1})
) -> None:
    delays.look(Seen(dict(steps), workers), now_s=now_s)


def too_late(delays: Delays) -> list[int]:
    return [late.step.job_id for late in delays.too_late()]


def others_in_time() -> Delays:
    """Many steps are done in a second."""
    delays = Delays()
    looked(delays, 0, {})
    looked(delays, 100, dict.fromkeys(OTHERS))
    looked(delays, 101, {})
    return delays


def test_what_is_done_when_it_is_due_is_not_late() -> None:
    assert too_late(others_in_time()) == []


def test_a_step_that_hangs_is_late_though_nobody_died() -> None:
    delays = others_in_time()
    looked(delays, 100, {DUE: None})
    looked(delays, 600, {})
    assert too_late(delays) == [1]


def test_where_every_step_hangs_that_is_not_what_is_usual() -> None:
    delays = Delays()
    looked(delays, 100, {DUE: None})
    looked(delays, 600, {})
    assert too_late(delays) == [1]


def test_a_lost_step_is_late_however_many_die_with_others_in_hand() -> None:
    delays = others_in_time()
    for second in range(100, 380):
        elsewhere = Step(1000 + second // 13, "RUNNING", 1, 0, due_s=second // 13 * 13.0)
        looked(delays, second, {DUE: None, elsewhere: second // 13})
    looked(delays, 380, {})
    assert too_late(delays) == [1]


def test_who_dies_with_a_step_in_hand_delays_it_by_so_much_and_no_more() -> None:
    for done_s, late in ((139.0, []), (150.0, [1])):
        delays = others_in_time()
        looked(delays, 100, {DUE: None})
        looked(delays, 112, {DUE: 7})
        looked(delays, 115, {DUE: 7})
        looked(delays, 130, {DUE: None})
        looked(delays, done_s, {})
        assert too_late(delays) == late


def test_each_death_counts() -> None:
    delays = others_in_time()
    looked(delays, 112, {DUE: 7})
    looked(delays, 150, {DUE: 8})
    looked(delays, 165, {})
    assert too_late(delays) == []


def test_while_nobody_could_do_it_a_step_is_not_late() -> None:
    delays = others_in_time()
    looked(delays, 100, {DUE: None})
    delays.away(now_s=200)
    looked(delays, 300, {DUE: None}, workers=frozenset())
    looked(delays, 308, {})
    assert too_late(delays) == []
    delays = others_in_time()
    delays.away(now_s=200)
    looked(delays, 210, {DUE: None})
    looked(delays, 300, {})
    assert too_late(delays) == [1]


def test_who_has_just_begun_needs_time_to_notice_who_died() -> None:
    for done_s, late in ((165.0, []), (180.0, [1])):
        delays = others_in_time()
        looked(delays, 112, {DUE: 7})
        for second in (113, 132):
            looked(delays, second, {DUE: 7}, frozenset({2}))  # the last one that was there before has died
        looked(delays, done_s, {}, frozenset({2}))
        assert too_late(delays) == late

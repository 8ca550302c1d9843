import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.limits import EVERYBODY, MEASURES, Limit, Limits, Measure
from bot.domain.money import Scope, Window

MEMBER, ROLE = Scope.MEMBER, Scope.ROLE
DAY = Measure.DAY


def limits(*rows: tuple[Scope, int, int | None]) -> Limits:
    return Limits(tuple(Limit(scope, subject_id, DAY, amount) for scope, subject_id, amount in rows))


EVERYBODYS = (MEMBER, EVERYBODY, 50)


@pytest.mark.parametrize(
    ("rows", "cap"),
    [
        ([], "unset"),
        ([EVERYBODYS], 50),
        ([EVERYBODYS, (MEMBER, 7, 5)], 5),
        ([EVERYBODYS, (MEMBER, 8, 5)], 50),
        ([EVERYBODYS, (MEMBER, 7, None)], None),
        ([EVERYBODYS, (ROLE, 1, 20)], 20),  # also where it is less than everybody's
        ([EVERYBODYS, (ROLE, 3, 20)], 50),
        ([EVERYBODYS, (ROLE, 1, 20), (ROLE, 2, 80)], 80),
        ([EVERYBODYS, (ROLE, 2, 80), (ROLE, 1, 20)], 80),
        ([EVERYBODYS, (ROLE, 1, 20), (ROLE, 2, 80), (ROLE, 3, 90)], 80),
        ([EVERYBODYS, (ROLE, 1, None), (ROLE, 2, 80)], None),
        ([EVERYBODYS, (ROLE, 2, 80), (ROLE, 1, None)], None),
        ([(ROLE, 1, 0), (ROLE, 2, 0)], 0),
        ([EVERYBODYS, (ROLE, 1, None), (MEMBER, 7, 0)], 0),
        ([(ROLE, 1, 20)], 20),
        ([(Scope.SERVER, EVERYBODY, 3), (Scope.CHANNEL, 7, 3), (Scope.OPERATOR, EVERYBODY, 3)], "unset"),
    ],
)
def test_a_members_own_cap_beats_the_most_generous_of_their_roles_which_beats_everybodys(
    rows: list[tuple[Scope, int, int | None]], cap: int | str | None
) -> None:
    assert limits(*rows).for_member(7, {1, 2}).get(DAY, "unset") == cap


def test_each_measure_is_decided_by_itself() -> None:
    found = Limits(
        (
            Limit(MEMBER, EVERYBODY, Measure.DAY, 50),
            Limit(MEMBER, EVERYBODY, Measure.QUEUED, 3),
            Limit(MEMBER, EVERYBODY, Measure.CLIP, 10),
            Limit(ROLE, 1, Measure.QUEUED, 9),
            Limit(MEMBER, 7, Measure.CLIP, None),
        )
    ).for_member(7, {1})
    assert found == {Measure.DAY: 50, Measure.QUEUED: 9, Measure.CLIP: None}


def test_a_subject_has_only_what_was_set_for_it() -> None:
    found = limits(
        (Scope.CHANNEL, 7, 5), (Scope.CHANNEL, 8, 6), (MEMBER, 7, 7), (Scope.SERVER, EVERYBODY, None)
    )
    assert found.of(Scope.CHANNEL, 7) == {DAY: 5}
    assert found.of(Scope.CHANNEL, 9) == {}
    assert found.of(Scope.SERVER) == {DAY: None}


@given(
    st.lists(
        st.builds(
            Limit,
            st.sampled_from([MEMBER, ROLE]),
            st.integers(0, 3),
            st.sampled_from(Measure),
            st.none() | st.integers(0, 5),
        ),
        unique_by=lambda row: (row.scope, row.subject_id, row.measure),
    ),
    st.sets(st.integers(1, 3)),
    st.integers(1, 3),
)
def test_another_role_never_takes_anything_away(rows: list[Limit], roles: set[int], another: int) -> None:
    """But for the first one, which stands in the place of what everybody has."""
    known = Limits(tuple(rows))
    before, after = known.for_member(2, roles), known.for_member(2, roles | {another})
    for measure in Measure:
        had_a_role = any(
            row.scope is ROLE and row.measure is measure and row.subject_id in roles for row in rows
        )
        if had_a_role and (cap := after[measure]) is not None:
            held = before[measure]
            assert held is not None
            assert cap >= held


@pytest.mark.parametrize(
    ("rows", "subject_id"),
    [
        ([EVERYBODYS, (ROLE, 2, 20), (ROLE, 1, 20)], 1),
        ([EVERYBODYS, (ROLE, 2, None), (ROLE, 1, None)], 1),
        ([EVERYBODYS, (ROLE, 1, 20), (ROLE, 2, 80)], 2),
        ([(ROLE, 1, 20), (MEMBER, 7, 20), EVERYBODYS], 7),
        ([(MEMBER, 8, 5), EVERYBODYS, (ROLE, 3, 9)], EVERYBODY),
    ],
)
def test_a_cap_that_counts_is_the_row_that_was_set_for_somebody(
    rows: list[tuple[Scope, int, int | None]], subject_id: int
) -> None:
    row = limits(*rows).counting(7, {1, 2})[DAY]
    assert row.subject_id == subject_id
    assert (row.scope, row.subject_id, row.amount) in rows


def test_every_window_can_be_capped_for_whoever_spends() -> None:
    for scope in (Scope.SERVER, Scope.MEMBER, Scope.ROLE, Scope.CHANNEL):
        assert {measure.value for measure in MEASURES[scope]} > {window.value for window in Window}
    assert MEASURES.keys() == set(Scope)

import pytest

from bot.domain.jobs import ACTIVE, CLOSED, SLOT_HOLDERS, STEPS, TERMINAL, JobState


def reachable(start: JobState) -> set[JobState]:
    seen: set[JobState] = set()
    new: set[JobState] = {start}
    while new:
        seen |= new
        new = {after for state in new for after in STEPS[state]} - seen
    return seen


def test_every_state_has_its_steps_and_can_be_reached() -> None:
    assert set(STEPS) == set(JobState)
    assert reachable(JobState.QUEUED) == set(JobState)


@pytest.mark.parametrize("state", JobState)
def test_an_end_can_be_reached_from_everywhere(state: JobState) -> None:
    assert reachable(state) & CLOSED


@pytest.mark.parametrize("state", [JobState.DELIVERING, *TERMINAL])
def test_what_was_fetched_is_never_sent_again(state: JobState) -> None:
    assert not reachable(state) & SLOT_HOLDERS


def test_each_state_waits_or_is_active_or_has_ended() -> None:
    assert {JobState.QUEUED} | ACTIVE | TERMINAL == set(JobState)
    assert not ACTIVE & TERMINAL
    assert CLOSED < TERMINAL
    assert SLOT_HOLDERS < ACTIVE

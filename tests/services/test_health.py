import pytest

from bot.domain.breaker import AVOIDED_MS, FIRST_PAUSE_MS, OPENS_AFTER
from bot.domain.provider import Accepted, Refusal, Rejected, Unknown
from bot.services.health import Health
from tests import builders
from tests.services.doubles import TurnedClock

SPEC = builders.SCRIPTED
MADE_UP = SPEC.model_copy(update={"is_known": False})
DOWN = Rejected("down", Refusal.UNREACHABLE, retry_after_s=5)


class Ward:
    def __init__(self) -> None:
        self.clock = TurnedClock()
        self.changes = 0
        self.health = Health(self.clock, changed=self.count)

    def count(self) -> None:
        self.changes += 1

    def hears(self, outcome: Accepted | Rejected | Unknown, times: int = 1) -> None:
        for _ in range(times):
            self.health.heard(SPEC, outcome)

    @property
    def admits(self) -> int:
        return self.health.admits("scripted", 3)


@pytest.fixture
def ward() -> Ward:
    return Ward()


@pytest.mark.parametrize("outcome", [DOWN, Unknown("cut off")])
def test_a_provider_that_keeps_failing_is_left_alone(ward: Ward, outcome: Rejected | Unknown) -> None:
    ward.hears(outcome, times=OPENS_AFTER)
    assert ward.admits == 0
    assert not ward.health.is_healthy("scripted")
    assert ward.changes == 1
    assert ward.health.next_try_ms() == ward.clock.now_ms() + FIRST_PAUSE_MS


def test_one_create_that_goes_well_ends_it(ward: Ward) -> None:
    ward.hears(DOWN, times=OPENS_AFTER)
    ward.hears(Accepted("task"))
    assert (ward.admits, ward.health.is_healthy("scripted"), ward.health.next_try_ms()) == (3, True, None)
    assert ward.changes == 2


def test_after_a_pause_one_job_sees_how_things_are(ward: Ward) -> None:
    ward.hears(DOWN, times=OPENS_AFTER)
    ward.clock.turn(FIRST_PAUSE_MS / 1000)
    assert ward.admits == 1
    ward.health.probed("scripted")
    assert ward.admits == 0
    ward.clock.turn(FIRST_PAUSE_MS / 1000)
    assert ward.admits == 1  # the first one has not come back, but may never


def test_after_a_pause_it_is_worth_choosing_again(ward: Ward) -> None:
    ward.hears(DOWN, times=OPENS_AFTER)
    ward.clock.turn(7 * 24 * 3600)
    assert ward.health.is_healthy("scripted")


def test_what_may_have_been_judged_here_is_no_sign_of_life(ward: Ward) -> None:
    ward.hears(DOWN, times=OPENS_AFTER)
    ward.hears(Rejected("not here", Refusal.INPUT))
    assert ward.admits == 0


def test_pauses_grow_while_probes_fail(ward: Ward) -> None:
    ward.hears(DOWN, times=OPENS_AFTER)
    probes = 0
    for _ in range(3600):
        if ward.admits:
            ward.health.probed("scripted")
            ward.hears(DOWN)
            probes += 1
        ward.clock.turn(1)
    assert probes < 12


def test_sending_jobs_to_one_that_is_well_holds_nothing_up(ward: Ward) -> None:
    ward.health.probed("scripted")
    ward.hears(DOWN)
    ward.health.probed("scripted")
    assert ward.admits == 3


@pytest.mark.parametrize("why", [Refusal.MODERATION, Refusal.BUSY])
def test_a_refusal_of_one_request_says_nothing_against_the_provider(ward: Ward, why: Refusal) -> None:
    ward.hears(DOWN, times=OPENS_AFTER - 1)
    ward.hears(Rejected("no", why))
    ward.hears(DOWN, times=OPENS_AFTER - 1)
    assert ward.admits == 3
    assert ward.health.is_healthy("scripted")


@pytest.mark.parametrize("why", [Refusal.PAYMENT, Refusal.ACCOUNT])
def test_an_account_that_needs_its_operator_is_chosen_last_for_a_while(ward: Ward, why: Refusal) -> None:
    ward.hears(Rejected("no", why))
    assert not ward.health.is_healthy("scripted")
    assert ward.admits == 3
    ward.clock.turn(AVOIDED_MS / 1000)
    assert ward.health.is_healthy("scripted")


def test_an_account_that_works_again_is_chosen_again(ward: Ward) -> None:
    ward.hears(Rejected("no", Refusal.PAYMENT))
    ward.hears(Accepted("task"))
    assert ward.health.is_healthy("scripted")


@pytest.mark.parametrize("outcome", [DOWN, Unknown("cut"), Rejected("no", Refusal.ACCOUNT)])
def test_what_is_wrong_about_a_made_up_model_says_nothing(ward: Ward, outcome: Rejected | Unknown) -> None:
    for _ in range(OPENS_AFTER):
        ward.health.heard(MADE_UP, outcome)
    assert ward.health.is_healthy("scripted")

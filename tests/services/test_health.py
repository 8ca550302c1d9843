import pytest

from bot.domain.breaker import FIRST_PAUSE_MS, OPENS_AFTER
from bot.domain.provider import Accepted, ProviderFault, Refusal, Rejected, Submission, Unknown
from bot.domain.requests import Task
from bot.services.health import AVOIDED_MS, Health, Watched
from tests import builders
from tests.services.doubles import ScriptedProvider, TurnedClock

SUBMISSION = Submission(key="k", spec=builders.SCRIPTED, request=builders.request(), inputs={})
DOWN = Rejected("down", Refusal.UNREACHABLE, retry_after_s=5)


class Ward:
    def __init__(self) -> None:
        self.clock = TurnedClock()
        self.worsened = 0
        self.health = Health(self.clock, worsened=self.count)
        self.provider = ScriptedProvider()
        self.provider.concurrency = 3
        self.watched = Watched(self.provider, self.health)

    def count(self) -> None:
        self.worsened += 1

    async def submit(self, outcome: Accepted | Rejected | Unknown, times: int = 1) -> None:
        self.provider.submits.appendleft(outcome)
        for _ in range(times):
            await self.watched.submit(SUBMISSION)
            self.provider.submits.appendleft(outcome)

    @property
    def slots(self) -> int:
        return self.health.slots(self.provider)


@pytest.fixture
def ward() -> Ward:
    return Ward()


@pytest.mark.parametrize("outcome", [DOWN, Unknown("cut off")])
async def test_a_provider_that_keeps_failing_is_left_alone(ward: Ward, outcome: Rejected | Unknown) -> None:
    await ward.submit(outcome, times=OPENS_AFTER)
    assert ward.slots == 0
    assert not ward.health.is_healthy("scripted")
    assert ward.worsened == 1
    assert ward.health.next_try_ms() == ward.clock.now_ms() + FIRST_PAUSE_MS


async def test_polls_and_look_ups_that_fail_count_too(ward: Ward) -> None:
    ward.provider.polls.appendleft(ProviderFault("away"))
    for _ in range(OPENS_AFTER):
        ward.provider.polls.appendleft(ProviderFault("away"))
        with pytest.raises(ProviderFault):
            await ward.watched.poll("task")
    assert ward.slots == 0


async def test_one_thing_that_goes_well_ends_it(ward: Ward) -> None:
    await ward.submit(DOWN, times=OPENS_AFTER)
    await ward.watched.look_up("k", builders.SCRIPTED, Task.TEXT_TO_VIDEO)
    assert (ward.slots, ward.health.is_healthy("scripted"), ward.health.next_try_ms()) == (3, True, None)
    assert ward.worsened == 2


async def test_a_pause_ends_with_one_job_at_a_time(ward: Ward) -> None:
    await ward.submit(DOWN, times=OPENS_AFTER)
    ward.clock.turn(FIRST_PAUSE_MS / 1000)
    assert ward.slots == 1
    assert ward.health.next_try_ms() is None


@pytest.mark.parametrize("why", [Refusal.INPUT, Refusal.MODERATION, Refusal.BUSY])
async def test_a_refusal_of_one_request_says_nothing_against_the_provider(ward: Ward, why: Refusal) -> None:
    await ward.submit(DOWN, times=OPENS_AFTER - 1)
    await ward.submit(Rejected("no", why))
    await ward.submit(DOWN, times=OPENS_AFTER - 1)
    assert ward.slots == 3
    assert ward.health.is_healthy("scripted")


@pytest.mark.parametrize("why", [Refusal.PAYMENT, Refusal.ACCOUNT])
async def test_an_account_that_needs_its_operator_is_chosen_last_for_a_while(
    ward: Ward, why: Refusal
) -> None:
    await ward.submit(Rejected("no", why))
    assert not ward.health.is_healthy("scripted")
    assert ward.slots == 3
    ward.clock.turn(AVOIDED_MS / 1000)
    assert ward.health.is_healthy("scripted")


async def test_watching_changes_nothing(ward: Ward) -> None:
    ward.provider.clip = b"clip"
    watched = ward.watched
    assert (watched.name, watched.recovery, watched.concurrency) == ("scripted", ward.provider.recovery, 3)
    assert watched.preview(SUBMISSION) == ward.provider.preview(SUBMISSION)
    assert await watched.cancel("task")
    async with watched.open("clip") as chunks:
        assert [chunk async for chunk in chunks] == [b"clip"]
    await watched.close()

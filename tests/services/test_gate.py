import pytest

from bot.domain.errors import Refused
from bot.services.gate import Closure, Gate, NotTaking


class Told:
    """Counts changes."""

    times = 0

    def __call__(self) -> None:
        self.times += 1


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def gate(told: Told) -> Gate:
    return Gate(changed=told)


def test_a_gate_is_open_at_first(gate: Gate, told: Told) -> None:
    assert gate.admits
    assert gate.closure is None
    gate.ensure_taking()
    assert told.times == 0


@pytest.mark.parametrize("closure", Closure)
def test_whatever_shuts_it_nothing_is_admitted_until_it_is_opened(gate: Gate, closure: Closure) -> None:
    gate.shut(closure)
    assert (gate.admits, gate.closure, gate.closures) == (False, closure, {closure})
    gate.open(closure)
    assert (gate.admits, gate.closure, gate.closures) == (True, None, set())


def test_one_reason_that_ends_does_not_end_another(gate: Gate) -> None:
    gate.shut(Closure.DRAINING)
    gate.shut(Closure.DISK_FULL)
    gate.open(Closure.DISK_FULL)
    assert gate.closures == {Closure.DRAINING}
    assert not gate.admits


def test_who_listens_hears_of_changes_alone(gate: Gate, told: Told) -> None:
    for _ in range(2):
        gate.shut(Closure.DISK_FULL)
    assert told.times == 1
    for _ in range(2):
        gate.open(Closure.DISK_FULL)
    assert told.times == 2


@pytest.mark.parametrize(
    ("closure", "words"), [(Closure.STOPPING, "ask again in a minute"), (Closure.DISK_FULL, "disk is full")]
)
def test_requests_that_could_not_be_kept_are_refused_in_words(
    gate: Gate, closure: Closure, words: str
) -> None:
    gate.shut(closure)
    with pytest.raises(NotTaking, match=words) as raised:
        gate.ensure_taking()
    assert isinstance(raised.value, Refused)
    assert raised.value.closure is closure


def test_a_bot_that_is_drained_takes_requests_all_the_same(gate: Gate) -> None:
    gate.shut(Closure.DRAINING)
    gate.ensure_taking()


def test_who_asks_of_a_bot_that_stops_with_a_full_disk_hears_that_it_stops(gate: Gate) -> None:
    gate.shut(Closure.DISK_FULL)
    gate.shut(Closure.STOPPING)
    with pytest.raises(NotTaking, match="stopped"):
        gate.ensure_taking()

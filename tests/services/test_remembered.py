from bot.services.remembered import Remembered


def test_something_is_new_until_it_was_done() -> None:
    remembered = Remembered()
    assert remembered.is_new("a", 0)
    assert not remembered.is_new("a", 1_000_000)
    assert remembered.is_new("b", 0)


def test_something_is_new_again_after_a_while() -> None:
    remembered = Remembered()
    assert remembered.is_new("a", 0, for_ms=60)
    assert not remembered.is_new("a", 59, for_ms=60)
    assert remembered.is_new("a", 60, for_ms=60)
    assert not remembered.is_new("a", 100, for_ms=60)


def test_no_more_is_remembered_than_fits() -> None:
    remembered = Remembered(most=2)
    for thing in "abc":
        assert remembered.is_new(thing, 0)
    assert not remembered.is_new("c", 0)
    assert remembered.is_new("a", 0)

import pytest

from bot.domain.outcomes import Cause, cause
from bot.domain.reasons import _OF_PROVIDERS


@pytest.mark.parametrize("reason", _OF_PROVIDERS)
def test_every_reason_that_providers_give_has_a_class(reason: str) -> None:
    assert cause("failed", reason.format(provider="Kling")) is not Cause.OTHER


@pytest.mark.parametrize(
    ("state", "error", "expected"),
    [
        ("done", None, Cause.NONE),
        ("cancelled", None, Cause.CANCELLED),
        ("undeliverable", "No place left.", Cause.UNPOSTED),
        ("failed", "Kling does not allow this content: a name", Cause.CONTENT),
        ("failed", "The provider did not finish within its time.", Cause.LATE),
        ("failed", "The finished clip could not be fetched from the provider.", Cause.UNFETCHED),
        (
            "failed",
            "Something went wrong inside the bot, and it was logged for the operator.",
            Cause.BOT,
        ),
        ("failed", "Kling did not make the clip: it is busy", Cause.UNMADE),
        ("failed", "The bot was removed from the server.", Cause.LEFT),
        ("failed", "No place took the clip, and within 14 days nobody claimed it.", Cause.UNPOSTED),
        ("failed", "The provider had no room for a day.", Cause.BUSY),
        ("failed", "Whatever.", Cause.OTHER),
        ("failed", None, Cause.OTHER),
    ],
)
def test_ends_fall_into_classes(state: str, error: str | None, expected: Cause) -> None:
    assert cause(state, error) is expected


def test_what_may_have_been_charged_for_is_held_whatever_its_reason() -> None:
    assert cause("failed", "Kling could not be reached.", maybe_charged=True) is Cause.HELD
